"""A page holds what it plays for as long as repair takes: longer at once, shorter when that was long ago."""

import pytest

from media.bridge.playout import (
    KEEP_SECONDS,
    LONGEST_HOLD,
    MANY,
    MARGIN,
    MAX_HOLD,
    MOST,
    SURE_SECONDS,
    Playout,
    repair_seconds,
)

QUIET = (0.0, 0.1)


def test_a_clean_way_needs_nothing_and_a_bad_one_two_round_trips() -> None:
    assert repair_seconds(0.005, 0.1) == 0.0
    assert 0.1 < repair_seconds(0.03, 0.1) < 0.2
    assert 0.2 < repair_seconds(MANY, 0.1) < 0.3


def test_what_would_come_too_late_is_not_waited_for() -> None:
    assert repair_seconds(0.2, 0.25) == repair_seconds(0.03, 0.25) < MAX_HOLD, "one try instead of two"
    assert repair_seconds(0.03, 0.65) == MARGIN, "none over a satellite"


def test_both_ways_add_up_to_a_bound() -> None:
    playout = Playout()
    assert playout.take((0.02, 0.05), (0.02, 0.05), 0.0)
    assert 0.2 < playout.told < 0.25
    assert playout.take((0.3, 0.15), (0.3, 0.15), 1.0)
    assert playout.told == MAX_HOLD


def test_a_browser_s_voice_is_asked_for_a_third_time_where_most_of_it_gets_lost() -> None:
    playout = Playout()
    assert playout.take(QUIET, (MOST, 0.1), 0.0)
    assert playout.told == repair_seconds(MANY, 0.1), "two until that is sure"
    assert playout.take(QUIET, (MOST, 0.1), SURE_SECONDS)
    assert playout.told == pytest.approx(3 * 0.12 + MARGIN)
    assert playout.told <= LONGEST_HOLD
    ours = Playout()
    assert ours.take((MOST, 0.1), QUIET, 0.0)
    assert not ours.take((MOST, 0.1), QUIET, SURE_SECONDS), "on our own way copies do that"
    assert repair_seconds(MOST, 0.15, third=True) == repair_seconds(MANY, 0.15), "a third would come too late"


def test_it_grows_at_once_and_shrinks_late() -> None:
    playout = Playout()
    assert not playout.take((0.0, 0.1), QUIET, 0.0)
    assert playout.take((0.1, 0.1), QUIET, 1.0)
    longest = playout.told
    assert not playout.take((0.1, 0.11), QUIET, 2.0)
    assert not playout.take((0.0, 0.1), QUIET, 2.0 + KEEP_SECONDS - 0.1)
    assert not playout.take((0.1, 0.1), QUIET, 2.0 + KEEP_SECONDS - 0.05)
    assert not playout.take((0.0, 0.1), QUIET, 2.0 + KEEP_SECONDS + 1)
    assert playout.take((0.0, 0.1), QUIET, 3.0 + 2 * KEEP_SECONDS)
    assert playout.told == 0.0 < longest
