"""FEC packets survive the wire and bring back what is missing; anything else is a WireError."""

import random
import struct

import pytest
from hypothesis import given, strategies as st

from media.errors import WireError
from media.wire.flexfec import MAX_SPAN as FLEXFEC_SPAN, build_flexfec, parse_flexfec
from media.wire.parity import Parity, combine, recovery_bits, restore, string_bytes
from media.wire.ulpfec import MAX_SPAN as ULPFEC_SPAN, build_ulpfec, parse_ulpfec

SSRC = 0x11223344


def _packet(sequence: int, size: int, rng: random.Random, marker: bool = False) -> bytes:
    header = struct.pack("!BBHII", 0x90, 96 | marker << 7, sequence & 0xFFFF, rng.getrandbits(32), SSRC)
    return header + rng.randbytes(size)


def _protect(kind: str, base: int, offsets: list[int], packets: dict[int, bytes]) -> Parity:
    bits = combine(recovery_bits(packets[o]) for o in offsets)
    size = max(string_bytes(len(packets[o])) for o in offsets)
    if kind == "flexfec":
        return parse_flexfec(build_flexfec(SSRC, base, offsets, bits, size))
    return parse_ulpfec(build_ulpfec(base, offsets, bits, size), SSRC)


@given(
    st.sampled_from(["flexfec", "ulpfec"]),
    st.integers(0, 0xFFFF),
    st.sets(st.integers(0, FLEXFEC_SPAN - 1), min_size=1, max_size=20),
    st.integers(0, 1 << 30),
)
def test_one_lost_packet_comes_back_whole(kind: str, base: int, chosen: set[int], seed: int) -> None:
    rng = random.Random(seed)
    offsets = sorted(o % ULPFEC_SPAN for o in chosen) if kind == "ulpfec" else sorted(chosen)
    offsets = sorted(set(offsets))
    packets = {o: _packet(base + o, rng.randrange(0, 1200), rng, rng.random() < 0.3) for o in offsets}
    parity = _protect(kind, base, offsets, packets)
    assert parity.sequences == tuple((base + o) & 0xFFFF for o in offsets)
    lost = rng.choice(offsets)
    present = (recovery_bits(p) for o, p in packets.items() if o != lost)
    assert restore(parity, (base + lost) & 0xFFFF, present) == packets[lost]


@pytest.mark.parametrize("kind", ["flexfec", "ulpfec"])
def test_packets_that_end_alike_come_back_whole(kind: str) -> None:
    """Their XOR ends in zeros, which have to be counted."""
    packets = {o: struct.pack("!BBHII", 0x80, 96, o, 9, SSRC) + bytes((o,)) + b"alike" * 20 for o in (0, 1)}
    parity = _protect(kind, 0, [0, 1], packets)
    assert restore(parity, 1, [recovery_bits(packets[0])]) == packets[1]


@pytest.mark.parametrize(("last", "size"), [(0, 20), (14, 20), (15, 24), (45, 24), (46, 32), (108, 32)])
def test_the_flexfec_mask_is_as_short_as_it_can_be(last: int, size: int) -> None:
    packet = _packet(7 + last, 100, random.Random(1))
    payload = build_flexfec(SSRC, 7, [last], recovery_bits(packet), string_bytes(len(packet)))
    assert len(payload) == size + 100
    assert payload[8:18] == bytes((1, 0, 0, 0)) + struct.pack("!IH", SSRC, 7)


def test_a_flexfec_header_as_the_draft_draws_it() -> None:
    payload = build_flexfec(SSRC, 1000, [0, 14], recovery_bits(_packet(1000, 4, random.Random(1))), 12)
    assert payload[18:20] == bytes((0b1100_0000, 0b0000_0001))
    payload = build_flexfec(SSRC, 1000, [0, 15], recovery_bits(_packet(1000, 4, random.Random(1))), 12)
    assert payload[18:24] == bytes((0b0100_0000, 0, 0b1100_0000, 0, 0, 0))


def test_offsets_beyond_the_mask_are_refused() -> None:
    with pytest.raises(WireError):
        build_flexfec(SSRC, 0, [FLEXFEC_SPAN], 0, 8)
    with pytest.raises(WireError):
        build_ulpfec(0, [ULPFEC_SPAN], 0, 8)


def test_a_lying_length_is_refused() -> None:
    parity = Parity(SSRC, (5,), recovery_bits(_packet(5, 400, random.Random(2))), 100)
    with pytest.raises(WireError):
        restore(parity, 5, ())


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for parse in (parse_flexfec, lambda payload: parse_ulpfec(payload, SSRC)):
        try:
            parity = parse(data)
            restore(parity, parity.sequences[0], ())
        except WireError:
            continue
