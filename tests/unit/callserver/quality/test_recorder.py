"""From what workers and pages say to what is stored, told and answered."""

from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy.exc import OperationalError

from callserver.quality.answers import call_quality
from callserver.quality.recorder import Recorder
from callserver.quality.store import Batch, QualityStore
from media.api import LegSecond
from signaling.protocol import QualityReport
from signaling.quality import GOOD, Reading
from signaling.state import Call
from tests.fakes.seconds import START, answered_call, lossy, report, second


class Stage:
    """A recorder with one call."""

    def __init__(self, store: QualityStore) -> None:
        self.call: Call = answered_call()
        self.calls = {self.call.call_id: self.call}
        self.told: list[tuple[str, Reading]] = []
        self.wall = START
        self.recorder = Recorder(
            store,
            lambda: self.calls,
            lambda call_id, role, reading: self.told.append((role, reading)),
            wall_clock=lambda: self.wall,
        )

    def play(self, seconds: int, make: Callable[[float], LegSecond] = second, lag_ms: float = 0.0) -> None:
        """Let the call go on; `make` makes the customer's seconds. Reports come every two."""
        for at in range(0, seconds, 2):
            times = [self.wall - START + at + 1.0, self.wall - START + at + 2.0]
            own, far = [make(time) for time in times], [second(time + 0.2) for time in times]
            self.recorder.reported(report(self.call, own, far, lag_ms))
        self.wall += seconds


@pytest.fixture
def stage(store: QualityStore) -> Stage:
    return Stage(store)


async def test_a_fault_is_diagnosed_told_and_answered_before_anything_is_stored(stage: Stage) -> None:
    stage.play(20)
    stage.play(20, lambda at: lossy(at, 14))
    live = stage.recorder.live(stage.wall)
    assert [(v.side, v.direction, v.kind, v.severity) for v in live.calls[0].verdicts] == [
        ("customer", "up", "loss", "poor")
    ]
    assert stage.told[-2:] == [("customer", Reading("poor", "own_uplink", "weak")), ("agent", Reading("poor", "peer"))]
    answer = await call_quality(stage.recorder, stage.call.state, [])
    assert [v.kind for v in answer.verdicts] == ["loss"]
    assert 19 <= answer.verdicts[0].from_ - START <= 22
    assert len(answer.legs) == 2
    assert len(answer.legs[0].at) == 40


async def test_there_is_news_when_a_call_goes_badly_and_well_again_and_otherwise_none(stage: Stage) -> None:
    stage.play(20)
    calm = stage.recorder.news.count
    stage.play(20)
    assert stage.recorder.news.count == calm
    stage.play(6, lambda at: lossy(at, 14))
    assert stage.recorder.news.count > calm
    stage.play(30)
    again = stage.recorder.news.count
    stage.play(20)
    assert stage.recorder.news.count == again


async def test_a_page_s_word_of_a_black_camera_is_seen_and_told_before_the_next_second(stage: Stage) -> None:
    stage.play(10)
    before = stage.recorder.news.count
    leg_id = stage.call.customer.current.leg_id if stage.call.customer and stage.call.customer.current else ""
    stage.recorder.page_reported("call", "customer", QualityReport(leg_id, black=True, level=0.2))
    assert stage.recorder.news.count == before + 1
    assert ("customer", Reading("poor", "own_uplink", "black")) in stage.told
    assert [v.kind for v in stage.recorder.live(stage.wall).calls[0].verdicts] == ["black"]


async def test_what_was_silent_before_the_answer_is_no_silence(stage: Stage) -> None:
    stage.call.state.answered_at = START + 8.0
    stage.play(10, lambda at: second(at, level=127))
    assert stage.recorder.live(stage.wall).calls[0].verdicts == []
    stage.play(4, lambda at: second(at, level=127))
    assert [v.kind for v in stage.recorder.live(stage.wall).calls[0].verdicts] == ["silent"]


async def test_a_call_is_whole_after_its_end(stage: Stage, store: QualityStore) -> None:
    stage.play(90, lambda at: lossy(at, 14) if 30 < at <= 60 else second(at))
    await stage.recorder.flush()
    stage.play(40)
    stage.calls.clear()
    await stage.recorder.flush()
    answer = await call_quality(stage.recorder, stage.call.state, [])
    assert stage.recorder.held("call") is None
    assert (answer.from_, answer.to, answer.resolution) == (START, START + 130.2, 1.0)
    assert [leg.role for leg in answer.legs] == ["customer", "agent"]
    assert [(v.side, v.kind) for v in answer.verdicts] == [("customer", "loss")]
    assert 30 <= answer.verdicts[0].from_ - START <= 33
    assert 60 <= answer.verdicts[0].to - START <= 66
    begun = sorted((row.at - START, row.role) for row in answer.minutes)
    assert begun == [(at, role) for at in (0.0, 60.0, 120.0) for role in ("agent", "customer")]
    by_role = {score.role: score for score in answer.scores}
    assert by_role["customer"].connection is not None
    assert by_role["agent"].connection is not None
    assert by_role["customer"].connection < by_role["agent"].connection
    rows = [row async for row in _rows(store)]
    assert {row.agent_id for row in rows} == {"bo"}


async def test_a_long_bad_call_keeps_every_verdict(stage: Stage, store: QualityStore) -> None:
    """Trouble for four seconds in every twenty for hours; what is over leaves memory with the next writing."""
    for _ in range(220):
        stage.play(4, lambda at: lossy(at, 25))
        stage.play(16)
        await stage.recorder.flush()
        held = stage.recorder.held("call")
        assert held is not None
        assert not held.diagnosis.ended
    assert len((await call_quality(stage.recorder, stage.call.state, [])).verdicts) == 220


async def test_verdicts_that_wait_for_the_store_are_answered(
    stage: Stage, store: QualityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(batch: Batch) -> None:
        raise OperationalError("insert", {}, OSError("database or disk is full"))

    monkeypatch.setattr(store, "write", full)
    stage.play(4, lambda at: lossy(at, 25))
    stage.play(20)
    await stage.recorder.flush()
    answer = await call_quality(stage.recorder, stage.call.state, [])
    assert [verdict.kind for verdict in answer.verdicts] == ["loss"]


async def _rows(store: QualityStore):  # type: ignore[no-untyped-def]
    for row in await store.minutes(START - 1, START + 1000):
        yield row


async def test_points_are_bounded_and_keep_what_was_worst(stage: Stage) -> None:
    stage.play(100, lambda at: second(at, rtt_ms=900 if at == 50 else 60))
    answer = await call_quality(stage.recorder, stage.call.state, [], limit=10)
    customer = answer.legs[0]
    assert len(customer.at) <= 11
    assert answer.resolution >= 10
    assert all(len(values) == len(customer.at) for values in customer.series.values())
    assert max(value for value in customer.series["rtt_ms"] if value is not None) == 900


async def test_what_a_page_says_is_joined_on_our_clock(stage: Stage) -> None:
    stage.play(10)
    page_zero = 12_345.0  # its clock shows that when ours shows START
    stage.recorder.page_reported(
        "call",
        "customer",
        QualityReport(
            "call-c", concealed=0.2, height=480, at=page_zero + 9.9, seconds=5.0, browser="Chrome 126", network="wifi"
        ),
    )
    answer = await call_quality(stage.recorder, stage.call.state, [])
    concealed = answer.legs[0].series["c_concealed"]
    assert concealed[:4] == [None] * 4
    assert concealed[5:9] == [0.2] * 4
    assert answer.legs[0].series["c_concealed"] != answer.legs[1].series["c_concealed"]
    assert answer.legs[0].browser == "Chrome 126"
    heard = answer.legs[0].series["mos"]
    assert heard[6] is not None
    assert heard[1] is not None
    assert heard[6] < heard[1]


async def test_another_leg_of_a_side_goes_on_as_its_own_entry(stage: Stage) -> None:
    stage.play(10)
    assert stage.call.customer is not None
    assert stage.call.customer.current is not None
    stage.call.customer.current.leg_id = "call-c2"
    again = report(stage.call, [second(11), second(12)], [second(11), second(12)])
    legs = (msgspec.structs.replace(again.legs[0], leg_id="call-c2", transport="tcp4"), again.legs[1])
    stage.recorder.reported(msgspec.structs.replace(again, legs=legs))
    answer = await call_quality(stage.recorder, stage.call.state, [])
    assert [(leg.leg_id, leg.transport) for leg in answer.legs] == [
        ("call-c", "tcp4"),
        ("call-a", "udp4"),
        ("call-c2", "tcp4"),
    ]


def test_a_call_that_is_not_answered_is_not_measured(stage: Stage) -> None:
    stage.call.state.phase = "ringing"
    stage.play(10)
    assert stage.recorder.live(stage.wall).calls == []
    assert stage.told == []


def test_a_good_call_is_told_nothing_but_that(stage: Stage) -> None:
    stage.play(60)
    assert {reading for _, reading in stage.told} == {GOOD}


def test_a_busy_worker_is_the_server_s_fault_and_nobody_else_s(stage: Stage) -> None:
    stage.play(20, lag_ms=500)
    verdicts = stage.recorder.live(stage.wall).calls[0].verdicts
    assert [(v.side, v.kind, v.heard_by) for v in verdicts] == [("server", "overload", ["customer", "agent"])]


async def test_a_store_that_cannot_be_written_costs_samples_and_no_verdicts(stage: Stage, store: QualityStore) -> None:
    broken = True

    async def write(batch: Batch) -> None:
        if broken:
            raise OperationalError("insert", {}, OSError("no space left on device"))
        await QualityStore.write(store, batch)

    store.write = write  # type: ignore[method-assign]
    stage.play(70, lambda at: lossy(at, 14))
    await stage.recorder.flush()
    assert stage.recorder.failures == 1
    broken = False
    stage.calls.clear()
    await stage.recorder.flush()
    answer = await call_quality(stage.recorder, stage.call.state, [])
    assert [v.kind for v in answer.verdicts] == ["loss"]
    assert answer.minutes


async def test_old_data_goes_in_small_steps(stage: Stage, store: QualityStore) -> None:
    stage.play(70)
    stage.calls.clear()
    await stage.recorder.flush()
    assert await store.purge(START - 1, START - 1) == 0
    assert await store.purge(START + 1e6, START - 1) > 0
    answer = await call_quality(stage.recorder, stage.call.state, [])
    assert answer.legs == []
    assert answer.minutes
    assert await store.purge(START + 1e6, START + 1e6) > 0
    assert (await call_quality(stage.recorder, stage.call.state, [])).minutes == []
