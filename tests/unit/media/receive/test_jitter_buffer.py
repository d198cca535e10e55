"""The jitter buffer under traces of arrivals, in virtual time: what it waits for, what it makes up, how it shrinks."""

import random
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from media.receive.jitter_buffer import (
    MAX_BYTES,
    MAX_PACKETS,
    MAX_TARGET,
    TICK,
    TICK_SAMPLES,
    Decision,
    JitterBuffer,
    Operation,
    Stretch,
)

PACKET = b"\x78" + bytes(40)
"""A 20 ms Opus packet by its first byte."""
START = 0xFFFF_F000
"""The timestamp wraps in the first second."""
STRETCHES = {Stretch.ACCELERATE: -480, Stretch.FAST_ACCELERATE: -480, Stretch.EXPAND: 480}


class Heard(NamedTuple):
    now: float
    decision: Decision
    target: float
    level: float


def play(arrivals: Iterable[tuple[float, int]], seconds: float) -> tuple[list[Heard], JitterBuffer]:
    """(arrival, packet number) into a buffer that is read as the playout does: until a tick of sound is there."""
    buffer = JitterBuffer()
    waiting = sorted(arrivals)
    heard: list[Heard] = []
    pending, at = 0, 0
    for tick in range(round(seconds / TICK)):
        now = 0.005 + tick * TICK
        while at < len(waiting) and waiting[at][0] <= now:
            arrival, number = waiting[at]
            buffer.insert((START + number * TICK_SAMPLES) & 0xFFFFFFFF, PACKET, arrival)
            at += 1
        while pending < TICK_SAMPLES:
            decision = buffer.next(now, pending)
            stretch = STRETCHES.get(decision.stretch, 0)
            buffer.stretched(stretch)
            pending += decision.samples + stretch
            heard.append(Heard(now, decision, buffer.target, buffer.level))
        pending -= TICK_SAMPLES
    return heard, buffer


def steady(seconds: float, delay: Callable[[float], float]) -> list[tuple[float, int]]:
    return [(n * TICK + delay(n * TICK), n) for n in range(round(seconds / TICK))]


def operations(heard: Iterable[Heard]) -> set[Operation]:
    return {h.decision.operation for h in heard}


def test_a_clean_path_waits_for_one_packet_and_changes_nothing() -> None:
    heard, buffer = play(steady(10, lambda _: 0.05), 9.9)
    after = heard[10:]
    assert operations(after) == {Operation.DECODE}
    assert {h.decision.stretch for h in after} == {Stretch.NONE}
    timestamps = [h.decision.timestamp for h in after]
    assert [b - a for a, b in pairwise(timestamps) if a and b] == [960] * (len(after) - 1)
    assert max(h.level for h in after) <= 0.04
    assert buffer.statistics.concealed_samples == 0


@pytest.mark.parametrize("spread", [0.03, 0.06, 0.1, 0.2, 0.4])
def test_the_target_follows_the_jitter(spread: float) -> None:
    dice = random.Random(3)
    heard, buffer = play(steady(30, lambda _: 0.05 + dice.uniform(0, spread)), 29)
    later = [h for h in heard if h.now > 10]
    assert all(0.85 * spread <= h.target <= spread + 0.06 for h in later)
    made_up = sum(h.decision.operation is not Operation.DECODE for h in later)
    assert made_up <= 0.02 * len(later), "the quantile leaves 3 % late at most; stretching saves more"
    assert sum(h.level for h in later) / len(later) <= 1.3 * buffer.target + 0.02


def test_packets_that_changed_places_are_played_in_order() -> None:
    dice = random.Random(4)
    heard, buffer = play(steady(20, lambda _: 0.05 + dice.choice((0.0, 0.05))), 19)
    later = [h for h in heard if h.now > 5]
    assert operations(later) == {Operation.DECODE}
    assert buffer.statistics.late <= 2, "of the first ones, before anything was known"
    timestamps = [h.decision.timestamp or 0 for h in later]
    assert timestamps == sorted(set(timestamps))


def test_after_a_burst_the_delay_shrinks_again() -> None:
    """600 ms of nothing, then everything at once: an outage on a mobile network."""
    heard, _ = play(steady(30, lambda t: 0.05 + (max(0.0, 10.6 - t) if t >= 10 else 0.0)), 29)
    at = {round(h.now, 3): h for h in heard}
    after = [h for h in heard if 10.65 < h.now < 10.75]
    assert max(h.target for h in after) > 0.4
    assert at[20.005].target <= 0.03
    assert at[20.005].level <= 0.05, "ten seconds later the delay is as before"
    assert any(h.decision.stretch is not Stretch.NONE for h in heard if 10.6 < h.now < 20)


def test_a_path_that_becomes_longer_for_good_ends_in_a_small_delay_too() -> None:
    heard, _ = play(steady(30, lambda t: 0.05 if t < 10 else 0.25), 29)
    assert heard[-1].target <= 0.03
    assert heard[-1].level <= 0.05


def test_what_is_lost_is_recovered_from_the_packet_behind_it() -> None:
    lost = set(range(105, 1400, 10))
    arrivals = [a for a in steady(30, lambda _: 0.05) if a[1] not in lost]
    heard, buffer = play(arrivals, 28)
    later = [h for h in heard if h.now > 6]
    recovered = [h.decision for h in later if h.decision.operation is Operation.RECOVER]
    assert len(recovered) >= 0.95 * (28 - 6) / TICK / 10
    for decision in recovered:
        assert decision.payload == PACKET
        assert decision.timestamp is not None
        assert (decision.timestamp - START) // TICK_SAMPLES in lost
    assert max(h.target for h in later) <= 0.08, "loss is no jitter: two packets more, no growth"
    assert buffer.statistics.recovered_samples >= 960 * len(recovered)


def test_a_long_gap_is_concealed_for_its_length_and_no_longer() -> None:
    lost = set(range(500, 510))
    heard, _ = play([a for a in steady(20, lambda _: 0.05) if a[1] not in lost], 19)
    around = [h for h in heard if 9.9 < h.now < 10.6]
    made_up = sum(h.decision.samples for h in around if h.decision.operation is not Operation.DECODE)
    assert 9 * 960 <= made_up <= 11 * 960
    assert heard[-1].level <= 0.07


def test_silence_before_the_first_packet_and_concealment_after_the_last() -> None:
    buffer = JitterBuffer()
    assert buffer.next(0.0).operation is Operation.SILENCE
    buffer.insert(0, PACKET, 0.0)
    assert buffer.next(0.0).operation is Operation.DECODE
    assert buffer.next(0.02).operation is Operation.CONCEAL


def test_late_repeated_and_malformed_packets_are_counted() -> None:
    buffer = JitterBuffer()
    for number in (10, 11, 11):
        buffer.insert(number * 960, PACKET, 0.0)
    buffer.next(0.0)
    buffer.insert(10 * 960, PACKET, 0.01)
    buffer.insert(12 * 960, b"", 0.01)
    buffer.insert(12 * 960, b"\x7b\x30" + bytes(9), 0.01)
    statistics = buffer.statistics
    assert (statistics.received, statistics.late, statistics.duplicate, statistics.malformed) == (4, 1, 1, 2)


def test_timestamps_that_jump_begin_anew() -> None:
    buffer = JitterBuffer()
    buffer.insert(960, PACKET, 0.0)
    assert buffer.next(0.0).timestamp == 960
    buffer.insert(2_000_000_000, PACKET, 0.02)
    decision = buffer.next(0.03)
    assert (decision.operation, decision.timestamp) == (Operation.DECODE, 2_000_000_000)
    assert buffer.target <= 0.04


def test_a_reader_that_stood_still_goes_on_with_what_is_new() -> None:
    buffer = JitterBuffer()
    for number in range(MAX_PACKETS + 50):
        buffer.insert(number * 960, PACKET, number * TICK)
    assert buffer.statistics.flushed >= 50
    decision = buffer.next(5.0)
    assert decision.timestamp is not None
    assert decision.timestamp >= (MAX_PACKETS - 20) * 960


_JUNK = st.tuples(
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 400).map(lambda n: n * 960)),
    st.one_of(st.binary(max_size=8), st.just(PACKET), st.just(PACKET + bytes(3000))),
    st.floats(0, 0.5),
    st.integers(0, 3),
)


@settings(max_examples=150)
@given(st.lists(_JUNK, max_size=120))
def test_whatever_comes_it_stays_bounded_and_time_goes_on(inputs: list[tuple[int, bytes, float, int]]) -> None:
    buffer = JitterBuffer()
    now = 0.0
    for timestamp, payload, pause, reads in inputs:
        now += pause
        buffer.insert(timestamp, payload, now)
        for _ in range(reads):
            decision = buffer.next(now)
            assert 0 < decision.samples <= 5760
            if decision.operation is not Operation.DECODE:
                assert decision.samples % 120 == 0
        assert len(buffer._packets) <= MAX_PACKETS
        assert sum(len(p.payload) for p in buffer._packets.values()) == buffer._bytes <= MAX_BYTES
        assert buffer.target <= MAX_TARGET
        assert buffer.level >= 0
