"""The synthetic callers hold what they play by the laws that tests/web/playout.test.js states for our pages."""

from callserver.drill.upkeep import towards


def way(hold_ms: int, wish_ms: int) -> list[int]:
    """Every hold on the way."""
    steps: list[int] = []
    while hold_ms != wish_ms and len(steps) < 100:
        hold_ms = towards(hold_ms, wish_ms)
        steps.append(hold_ms)
    return steps


def test_a_hold_grows_and_shrinks_in_steps_that_are_not_heard() -> None:
    assert way(0, 140) == [80, 100, 120, 140]
    assert way(100, 150) == [120, 140, 150]
    assert way(120, 0) == [100, 80, 60, 0]
    assert way(120, 70) == [100, 80, 70]


def test_where_it_should_be_it_stays() -> None:
    assert way(0, 0) == way(140, 140) == []
