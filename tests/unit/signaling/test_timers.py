"""Deadlines by key."""

from hypothesis import given, strategies as st

from signaling.timers import Timers

steps = st.lists(st.tuples(st.sampled_from("abcdef"), st.one_of(st.none(), st.floats(0, 100))), max_size=300)


@given(steps, st.floats(0, 100))
def test_due_keys_come_once_and_in_order(changes: list[tuple[str, float | None]], now: float) -> None:
    timers: Timers[str] = Timers()
    expected: dict[str, float] = {}
    for key, when in changes:
        if when is None:
            timers.cancel(key)
            expected.pop(key, None)
        else:
            timers.set(key, when)
            expected[key] = when
    assert timers.next() == min(expected.values(), default=None)
    assert len(timers) == len(expected)
    due = []
    while (key := timers.pop_due(now)) is not None:
        due.append(expected.pop(key))
    assert due == sorted(due)
    assert all(when > now for when in expected.values())
    assert set(timers.pending()) == set(expected)


def test_moving_a_deadline_for_ever_does_not_grow() -> None:
    timers: Timers[str] = Timers()
    for step in range(10_000):
        timers.set("a", float(step))
    assert len(timers._heap) < 200
    assert timers.pop_due(9_999.0) == "a"
    assert timers.next() is None
