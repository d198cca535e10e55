"""When a leg's silence is the sign of a dead path: soon after steady speech, never for what it does all the time."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from media.io.silence import LEAST, LOOK_EVERY, MOST, Silence


def alarms(last_heard: Callable[[float], float], seconds: float, silence: Silence | None = None) -> list[float]:
    """When looking every tenth of a second raised the alarm."""
    silence = silence or Silence()
    looks = [LOOK_EVERY * step for step in range(1, round(seconds / LOOK_EVERY) + 1)]
    return [now for now in looks if silence.look(last_heard(now), now)]


def every(interval: float, until: float = float("inf"), again: float = float("inf")) -> Callable[[float], float]:
    """Packets every `interval` seconds, none from `until` to `again`."""

    def last(now: float) -> float:
        now = min(now, until) if now < again else now
        return now // interval * interval

    return last


def test_a_leg_that_talks_and_falls_silent_is_noticed_once_and_soon() -> None:
    (at,) = alarms(every(0.02, until=10.0), 60.0)
    assert LEAST < at - 10.0 < LEAST + 2 * LOOK_EVERY


@pytest.mark.parametrize("interval", [0.02, 0.06, 0.12, 0.25])
def test_steady_packets_raise_no_alarm(interval: float) -> None:
    assert alarms(every(interval), 60.0) == []


def test_what_a_leg_does_often_raises_the_alarm_at_most_at_first() -> None:
    assert len(alarms(every(0.4), 60.0)) <= 1, "Opus DTX"
    assert len(alarms(every(1.0), 60.0)) <= 1, "only reports"


def test_a_second_stall_of_the_same_length_is_believed_to_be_one() -> None:
    def stalls(now: float) -> float:
        return now - now % 5.0 if now % 5.0 < 0.6 else now

    assert len(alarms(stalls, 30.0)) == 1


def test_a_new_path_is_judged_afresh() -> None:
    silence = Silence()
    alarms(every(1.0), 20.0, silence)
    assert not silence.unusual(20.0, 21.5)
    silence.begin()
    assert silence.unusual(20.0, 20.5)


def test_our_own_stall_is_not_the_leg() -> None:
    silence = Silence()
    alarms(every(0.02), 5.0, silence)
    assert not silence.look(5.0, 6.0), "packets of the last second are still unread"
    assert not silence.look(6.05, 6.1)


def test_a_leg_that_was_never_heard_or_is_long_gone_raises_none() -> None:
    assert alarms(lambda now: 0.0, 10.0) == []
    assert alarms(lambda now: -MOST, 10.0) == []


@given(st.lists(st.floats(0.0, 5.0), max_size=60), st.lists(st.floats(0.0, 1.0), max_size=60))
def test_any_arrivals_are_taken(gaps: list[float], looks: list[float]) -> None:
    silence, now, heard = Silence(), 0.0, 0.0
    for gap, look in zip(gaps, looks, strict=False):
        now += look
        heard = min(now, heard + gap)
        if silence.look(heard, now):
            assert LEAST < now - heard < MOST
