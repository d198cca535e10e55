"""What was lost and is carried again comes back once, in order; nothing else does."""

import random

from hypothesis import given, strategies as st

from media.receive.red_recovery import RedRecovery
from media.wire.red import RedBlock, build_red, parse_red


def _red(index: int, depth: int) -> tuple[bytes, list[RedBlock]]:
    older = [(111, d * 960, bytes((index - d & 0xFF,))) for d in range(min(depth, index), 0, -1)]
    data = build_red(older, 111, bytes((index & 0xFF,)))
    return data, parse_red(data, 0, len(data))


def test_a_lost_packet_is_found_in_the_next() -> None:
    recovery = RedRecovery()
    for index in (10, 12):
        assert recovery.note(index)
        data, blocks = _red(index, 1)
        found = recovery.recover(index, index * 960, blocks)
    assert [(f.sequence, f.timestamp, data[f.start]) for f in found] == [(11, 11 * 960, 11)]
    assert not recovery.note(11)


def test_a_packet_that_arrives_late_is_not_given_twice() -> None:
    recovery = RedRecovery()
    for index in (1, 3, 2):
        assert recovery.note(index)
    _, blocks = _red(4, 3)
    recovery.note(4)
    assert recovery.recover(4, 4 * 960, blocks) == []


def test_nothing_before_the_first_packet_is_recovered() -> None:
    recovery = RedRecovery()
    recovery.note(100)
    assert recovery.recover(100, 0, _red(100, 4)[1]) == []


@given(st.floats(0, 0.9), st.integers(1, 4), st.integers(0, 1 << 30))
def test_exactly_the_unlucky_runs_stay_lost(loss: float, depth: int, seed: int) -> None:
    rng, recovery, got = random.Random(seed), RedRecovery(), []
    arrived = [rng.random() >= loss for _ in range(300)]
    for index, ok in enumerate(arrived):
        if not ok:
            continue
        recovery.note(index)
        data, blocks = _red(index, depth)
        got += [f.sequence for f in recovery.recover(index, index * 960, blocks)] + [index]
        assert all(data[b.start] == index - n & 0xFF for n, b in enumerate(reversed(blocks)))
    first = next((i for i, ok in enumerate(arrived) if ok), 300)
    assert got == [i for i in range(first, 300) if any(arrived[i : i + depth + 1])]


@given(st.lists(st.integers(0, 1 << 40), max_size=50))
def test_any_numbers_are_bounded_work(sequences: list[int]) -> None:
    recovery = RedRecovery()
    for sequence in sequences:
        recovery.note(sequence)
        recovery.recover(sequence, 0, [RedBlock(111, 5, 0, 1), RedBlock(111, 0, 1, 2)])
