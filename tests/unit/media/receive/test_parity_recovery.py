"""What parity covers comes back, in any order of arrival, and lies cost nothing."""

import random

from hypothesis import given, strategies as st

from media.receive.parity_recovery import MAX_PACKETS, MAX_PARITY, ParityRecovery
from media.wire.parity import Parity, recovery_bits, string_bytes
from media.wire.ulpfec import build_ulpfec, parse_ulpfec

SSRC = 77


def packet(sequence: int, size: int) -> bytes:
    head = bytes((0x80, 96)) + (sequence & 0xFFFF).to_bytes(2) + (sequence * 3000 & 0xFFFFFFFF).to_bytes(4)
    return head + SSRC.to_bytes(4) + random.Random(sequence).randbytes(size)


def parity_over(packets: list[bytes]) -> Parity:
    numbers = [data[2] << 8 | data[3] for data in packets]
    base = numbers[0]
    bits = 0
    for data in packets:
        bits ^= recovery_bits(data)
    size = max(string_bytes(len(data)) for data in packets)
    return parse_ulpfec(build_ulpfec(base, [(number - base) & 0xFFFF for number in numbers], bits, size), SSRC)


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.integers(1, 1100), min_size=2, max_size=40),
    st.integers(1, 6),
    st.data(),
)
def test_one_lost_packet_a_parity_comes_back_whatever_the_order(
    first: int, sizes: list[int], rows: int, data: st.DataObject
) -> None:
    packets = [packet(first + index, size) for index, size in enumerate(sizes)]
    groups = [packets[row::rows] for row in range(min(rows, len(packets)))]
    lost = {data.draw(st.sampled_from(group)) for group in groups}
    arriving: list[bytes | Parity] = [one for one in packets if one not in lost]
    arriving += [parity_over(group) for group in groups]
    recovery = ParityRecovery()
    rebuilt: list[bytes] = []
    for one in data.draw(st.permutations(arriving)):
        rebuilt += recovery.media(one) if isinstance(one, bytes) else recovery.parity(one)
    assert set(rebuilt) == lost
    assert len(rebuilt) == len(lost)


def test_what_one_parity_brings_back_lets_another_do_so() -> None:
    packets = [packet(index, 100 + index) for index in range(4)]
    recovery = ParityRecovery()
    assert recovery.parity(parity_over(packets[:3])) == []
    assert recovery.media(packets[0]) == []
    assert recovery.media(packets[3]) == []
    assert recovery.parity(parity_over(packets[2:])) == [packets[2], packets[1]]


@given(st.lists(st.binary(max_size=80), max_size=30))
def test_lying_parity_is_dropped(payloads: list[bytes]) -> None:
    recovery = ParityRecovery()
    for index in range(8):
        recovery.media(packet(index, 50))
    for payload in payloads:
        offsets = tuple((byte % 10) for byte in payload[:6]) or (0,)
        for data in recovery.parity(Parity(SSRC, offsets, int.from_bytes(payload, "little"), len(payload))):
            assert len(data) <= 1500


def test_what_waits_is_bounded() -> None:
    recovery = ParityRecovery()
    for index in range(3 * MAX_PACKETS):
        recovery.media(packet(index, 20))
        recovery.parity(Parity(SSRC, (index + 20_000 & 0xFFFF, index + 30_000 & 0xFFFF), 1, 20))
    assert len(recovery._strings) == MAX_PACKETS
    assert len(recovery._parities) == MAX_PARITY
