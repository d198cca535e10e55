"""Copies go as deep as the loss needs, as far as the burst is long, and never beyond what RED can say."""

import random

import pytest
from hypothesis import given, strategies as st

from media.send.red import HISTORY, MAX_DEPTH, RedProtection, choose_distances
from media.wire.red import parse_red


def test_copies_are_the_frames_asked_for() -> None:
    red = RedProtection(111)
    for index in range(6):
        wrapped = red.wrap(index * 960, bytes((index,)) * 40, (1, 3))
    blocks = parse_red(wrapped, 0, len(wrapped))
    assert [(b.timestamp_offset, wrapped[b.start]) for b in blocks] == [(3 * 960, 2), (960, 4), (0, 5)]


def test_what_red_cannot_express_is_left_out() -> None:
    red = RedProtection(111)
    red.remember(0, b"a" * 40)
    red.remember(960, b"b" * 2000)
    wrapped = red.wrap(20_000, b"c", (1, 2))
    assert len(parse_red(wrapped, 0, len(wrapped))) == 1


def test_a_frame_that_came_late_has_its_copies_too() -> None:
    red = RedProtection(111)
    for index in (0, 1, 3, 4):
        red.wrap(index * 960, bytes((index,)), (1, 2))
    late = red.wrap(2 * 960, bytes((2,)), (1, 2))
    assert [late[b.start] for b in parse_red(late, 0, len(late))] == [2]
    carried = []
    for index in (5, 6, 7):
        wrapped = red.wrap(index * 960, bytes((index,)), (1, 2))
        carried.append([wrapped[b.start] for b in parse_red(wrapped, 0, len(wrapped))])
    assert carried == [[2, 3, 4, 5], [2, 4, 5, 6], [5, 6, 7]]


def test_timestamps_may_wrap() -> None:
    red = RedProtection(111)
    red.remember(0xFFFFFFFF - 479, b"old")
    wrapped = red.wrap(480, b"new", (1,))
    assert parse_red(wrapped, 0, len(wrapped))[0].timestamp_offset == 960


@pytest.mark.parametrize(
    ("loss", "burst", "budget", "distances"),
    [(0.0, 1, 4, ()), (0.05, 1, 4, (1,)), (0.3, 1, 4, (1, 2, 3)), (0.5, 1, 4, (1, 2, 3, 4)), (0.3, 1, 1.5, (1,))],
)
def test_depth_follows_loss_and_budget(loss: float, burst: float, budget: float, distances: tuple[int, ...]) -> None:
    assert choose_distances(loss, burst, budget) == distances


def _residual(distances: tuple[int, ...], loss: float, burst: float) -> float:
    """Share of frames that neither arrive nor have a copy that arrives, over a Gilbert-Elliott link."""
    rng, lost, losing = random.Random(5), [], False
    enter = loss / (1 - loss) / burst
    for _ in range(60_000):
        losing = rng.random() >= 1 / burst if losing else rng.random() < enter
        lost.append(losing)
    frames = range(len(lost) - HISTORY)
    return sum(all(lost[i + d] for d in (0, *distances)) for i in frames) / len(frames)


def test_against_bursts_the_chosen_distances_beat_neighbours_of_the_same_depth() -> None:
    chosen = choose_distances(0.1, 5.0, 4.0)
    neighbours = tuple(range(1, len(chosen) + 1))
    assert _residual(chosen, 0.1, 5.0) < _residual(neighbours, 0.1, 5.0)


@given(st.floats(0, 1), st.floats(1, 50), st.floats(0, 10))
def test_distances_are_always_sane(loss: float, burst: float, budget: float) -> None:
    distances = choose_distances(loss, burst, budget)
    assert len(distances) <= min(MAX_DEPTH, budget)
    assert list(distances) == sorted(set(distances))
    assert all(1 <= d <= HISTORY for d in distances)
