"""The demand for key frames."""

from hypothesis import given, strategies as st

from media.bridge.key_frames import LEAST_INTERVAL, KeyFrameDemand


def test_the_first_goes_at_once_and_the_next_not_too_soon() -> None:
    demand = KeyFrameDemand()
    assert not demand.take(1.0, 0.1)
    demand.raise_(1.0)
    assert demand.take(1.0, 0.1)
    demand.satisfy()
    demand.raise_(1.1)
    assert not demand.take(1.1, 0.1)
    assert demand.due == 1.0 + LEAST_INTERVAL
    assert demand.take(demand.due, 0.1)


def test_it_waits_for_the_round_trip_before_repeating() -> None:
    demand = KeyFrameDemand()
    demand.raise_(1.0)
    assert demand.take(1.0, 1.0)
    assert demand.due == 2.5


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.booleans()), max_size=100))
def test_never_two_within_the_least_interval(events: list[tuple[float, bool, bool]]) -> None:
    demand = KeyFrameDemand()
    now, last = 0.0, -1.0
    for pause, raised, satisfied in events:
        now += pause
        if satisfied:
            demand.satisfy()
        if raised:
            demand.raise_(now)
        if demand.take(now, 0.05):
            assert now - last >= LEAST_INTERVAL - 1e-9
            last = now
