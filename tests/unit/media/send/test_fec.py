"""Laws of the parity groups: interleaved, paid for by the ratio, enough to bring back a burst."""

import random
import struct

import pytest

from media.send.fec import MAX_GROUP_PACKETS, FecGroup, ParityOut
from media.wire.parity import Parity, recovery_bits, restore, string_bytes

SSRC = 7


def _packet(sequence: int) -> bytes:
    size = random.Random(sequence).randrange(20, 1100)
    return struct.pack("!BBHII", 0x80, 96, sequence & 0xFFFF, 1000, SSRC) + random.Random(sequence).randbytes(size)


def _protect(first: int, count: int, ratio: float, bursts: bool = False) -> list[ParityOut]:
    group = FecGroup()
    for sequence in range(first, first + count):
        group.add(sequence & 0xFFFF, _packet(sequence), now=0.0)
    return group.close(ratio, bursts)


def test_a_burst_as_long_as_the_parity_comes_back() -> None:
    first, count = 65530, 12
    parities = _protect(first, count, 0.25, bursts=True)
    assert len(parities) == 3
    lost = {4, 5, 6}
    for parity in parities:
        missing = [o for o in parity.offsets if o in lost]
        assert len(missing) == 1
        others = [recovery_bits(_packet(first + o)) for o in parity.offsets if o not in lost]
        whole = Parity(SSRC, (), parity.bits, 1100)
        assert restore(whole, (first + missing[0]) & 0xFFFF, others) == _packet(first + missing[0])


def test_packets_out_of_order_are_covered_and_what_is_far_off_is_left_out() -> None:
    group = FecGroup()
    for sequence in (100, 97, 101, 20, 300, 98):
        group.add(sequence, _packet(sequence), now=0.0)
    [parity] = group.close(0.3)
    assert (parity.base, sorted(parity.offsets)) == (97, [0, 1, 3, 4])


def test_every_packet_is_covered_once_for_bursts_and_twice_for_losses_by_chance() -> None:
    for bursts, times in ((True, 1), (False, 2)):
        covered = sorted(o for parity in _protect(10, 20, 0.3, bursts) for o in parity.offsets)
        assert covered == sorted([*range(20)] * times)


def test_what_one_parity_brings_back_helps_the_next() -> None:
    """Three of five packets are lost, and two of the five parity packets."""
    parities = _protect(0, 5, 1.0)
    known = {number: recovery_bits(_packet(number)) for number in (0, 3)}
    for parity in (parities[1], parities[0], parities[3], parities[1]):
        missing = [number for number in parity.offsets if number not in known]
        if len(missing) == 1:
            others = [known[number] for number in parity.offsets if number in known]
            found = restore(Parity(SSRC, (), parity.bits, 1100), missing[0], others)
            assert found == _packet(missing[0])
            known[missing[0]] = recovery_bits(found)
    assert sorted(known) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("ratio", [0.1, 0.35, 1.0])
def test_the_ratio_is_kept_over_small_frames(ratio: float) -> None:
    group, parities, sequence = FecGroup(), 0, 0
    for frame in range(600):
        for _ in range(2):
            group.add(sequence & 0xFFFF, _packet(sequence), now=frame / 30)
            sequence += 1
        if group.due(ratio, frame_ended=True, now=frame / 30):
            parities += len(group.close(ratio))
    assert parities / sequence == pytest.approx(ratio, rel=0.05)


def test_a_group_closes_when_it_is_full_or_old() -> None:
    group = FecGroup()
    assert not group.due(0.1, frame_ended=True, now=0.0)
    group.add(1, _packet(1), now=0.0)
    assert not group.due(0.1, frame_ended=True, now=0.01)
    assert group.due(0.1, frame_ended=False, now=0.1)
    for sequence in range(2, MAX_GROUP_PACKETS + 1):
        group.add(sequence, _packet(sequence), now=0.0)
    assert group.due(0.1, frame_ended=False, now=0.0)


def test_zeros_at_the_end_of_a_packet_are_protected_like_the_rest() -> None:
    group, packet = FecGroup(), _packet(1)[:12] + b"\x01" + bytes(500)
    group.add(1, packet, now=0.0)
    [parity] = group.close(1.0)
    assert parity.size == string_bytes(len(packet))


def test_what_was_saved_up_is_forgotten_with_the_group() -> None:
    group = FecGroup()
    for sequence in (1, 2):
        group.add(sequence, _packet(sequence), now=0.0)
    assert group.close(0.45) == []
    group.add(3, _packet(3), now=0.0)
    assert group.due(0.45, frame_ended=True, now=0.0)
    group.clear()
    group.add(4, _packet(4), now=0.0)
    assert not group.due(0.45, frame_ended=True, now=0.0)
    assert group.close(0.45) == []
