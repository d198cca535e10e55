"""The performer's pure parts: what failures mean, how changes merge; and identifiers."""

import pytest

from media.errors import CapacityError, EngineLostError, NegotiationError, UnknownLegError
from signaling.actions import AnswerLeg, Claim, CloseLeg, ConnectLegs, OpenLeg, RestartIce
from signaling.ids import new_id, uuid7
from signaling.performer import failed, merge
from signaling.protocol import Person
from signaling.records import CallEvent, CallState, Change, SessionState
from signaling.results import AnswerRefused, Claimed, JoinFailed, LegGone, OpenFailed


@pytest.mark.parametrize(
    ("job", "error", "result"),
    [
        (OpenLeg("c", "l"), CapacityError(), OpenFailed("c", "l", full=True)),
        (OpenLeg("c", "l"), EngineLostError(), OpenFailed("c", "l", full=False)),
        (OpenLeg("c", "l"), TimeoutError(), OpenFailed("c", "l", full=False)),
        (AnswerLeg("c", "l", 1, "sdp"), NegotiationError("why"), AnswerRefused("c", "l", 1, "bad_sdp", "why")),
        (AnswerLeg("c", "l", 1, "sdp"), UnknownLegError(), LegGone("c", "l")),
        (AnswerLeg("c", "l", 1, "sdp"), EngineLostError(), None),
        (RestartIce("c", "l"), EngineLostError(), None),
        (RestartIce("c", "l"), UnknownLegError(), LegGone("c", "l")),
        (ConnectLegs("c", ("a", "b")), UnknownLegError(), JoinFailed("c")),
        (ConnectLegs("c", ()), UnknownLegError(), None),
        (Claim("c", "a", 1), OSError(), Claimed("c", "a", won=False)),
        (CloseLeg("c", "l"), OSError(), None),
    ],
)
def test_what_a_failure_means(job: OpenLeg, error: Exception, result: object) -> None:
    assert failed(job, error) == result


def test_changes_merge_to_the_newest_rows_and_all_events() -> None:
    def call(phase: str) -> CallState:
        return CallState("c", "shop", phase, "video", "en", 0.0)  # type: ignore[arg-type]

    def session(seq: int) -> SessionState:
        return SessionState("s", "customer", "", "shop", Person(), last_seq=seq)

    one = Change(calls=[call("waiting")], events=[CallEvent("c", 1, 0.0, "queued")], sessions=[session(1)])
    two = Change(calls=[call("ended")], events=[CallEvent("c", 2, 1.0, "hung_up")], sessions=[session(2)])
    merged = merge([one, two])
    assert [state.phase for state in merged.calls] == ["ended"]
    assert [event.sequence for event in merged.events] == [1, 2]
    assert [state.last_seq for state in merged.sessions] == [2]
    gone = merge([one, Change(closed_sessions=["s"])])
    assert (gone.sessions, gone.closed_sessions) == ([], ["s"])


def test_ids_have_the_protocols_shape_and_calls_sort_by_time() -> None:
    assert len({new_id("token") for _ in range(100)}) == 100
    assert all(len(new_id(kind)) <= 64 for kind in ("call", "leg", "session", "token"))  # type: ignore[arg-type]
    early, late = uuid7(1, (1 << 74) - 1), uuid7(2, 0)
    assert str(early) < str(late)
    assert (early.version, early.variant) == (7, late.variant)
