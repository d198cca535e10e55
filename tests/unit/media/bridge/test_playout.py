"""A page holds what it plays for as long as repair takes: longer at once, shorter when that was long ago."""

from media.bridge.playout import KEEP_SECONDS, MANY, MARGIN, MAX_HOLD, Playout, repair_seconds


def test_a_clean_way_needs_nothing_and_a_bad_one_two_round_trips() -> None:
    assert repair_seconds(0.005, 0.1) == 0.0
    assert 0.1 < repair_seconds(0.03, 0.1) < 0.2
    assert 0.2 < repair_seconds(MANY, 0.1) < 0.3


def test_what_would_come_too_late_is_not_waited_for() -> None:
    assert repair_seconds(0.2, 0.25) == repair_seconds(0.03, 0.25) < MAX_HOLD, "one try instead of two"
    assert repair_seconds(0.03, 0.65) == MARGIN, "none over a satellite"


def test_both_ways_add_up_to_a_bound() -> None:
    playout = Playout()
    assert playout.take([(0.02, 0.05), (0.02, 0.05)], 0.0)
    assert 0.2 < playout.told < 0.25
    assert playout.take([(0.3, 0.15), (0.3, 0.15)], 1.0)
    assert playout.told == MAX_HOLD


def test_it_grows_at_once_and_shrinks_late() -> None:
    playout = Playout()
    assert not playout.take([(0.0, 0.1)], 0.0)
    assert playout.take([(0.1, 0.1)], 1.0)
    longest = playout.told
    assert not playout.take([(0.1, 0.11)], 2.0)
    assert not playout.take([(0.0, 0.1)], 2.0 + KEEP_SECONDS - 0.1)
    assert not playout.take([(0.1, 0.1)], 2.0 + KEEP_SECONDS - 0.05)
    assert not playout.take([(0.0, 0.1)], 2.0 + KEEP_SECONDS + 1)
    assert playout.take([(0.0, 0.1)], 3.0 + 2 * KEEP_SECONDS)
    assert playout.told == 0.0 < longest
