"""Parity over RTP packets: what ULPFEC and FlexFEC share (RFC 5109 §8, draft-ietf-payload-flexible-fec-scheme-03 §6).

A packet's *recovery string* is its first two header bytes, the length of what follows the fixed header, the
timestamp, and everything after the fixed header. Strings are kept as little-endian integers: one XOR of Python ints
covers a packet, strings of different length are aligned at their start, and the shorter counts as padded with zeros.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from media.errors import WireError
from media.units import MAX_RTP_BYTES

FIXED_HEADER_BYTES = 12
STRING_HEADER_BYTES = 8
_STRING_HEADER = struct.Struct("!HHI")
_RTP_HEADER = struct.Struct("!HHII")


class Parity(NamedTuple):
    """One FEC packet's meaning: the XOR of the recovery strings of `sequences` of stream `ssrc`."""

    ssrc: int
    sequences: tuple[int, ...]
    """16-bit sequence numbers of the protected packets."""
    bits: int
    """The XOR of the strings, as far as protected."""
    protected_bytes: int
    """How many bytes after the fixed header the XOR covers."""


def recovery_bits(packet: bytes | bytearray | memoryview) -> int:
    """The recovery string of an RTP packet, as an integer."""
    (first, _, timestamp) = struct.unpack_from("!HHI", packet)
    head = _STRING_HEADER.pack(first, len(packet) - FIXED_HEADER_BYTES, timestamp)
    return int.from_bytes(head + packet[FIXED_HEADER_BYTES:], "little")


def string_bytes(packet_bytes: int) -> int:
    """The length of the recovery string of a packet of that many bytes."""
    return packet_bytes - FIXED_HEADER_BYTES + STRING_HEADER_BYTES


def combine(strings: Iterable[int]) -> int:
    """XOR of recovery strings."""
    result = 0
    for bits in strings:
        result ^= bits
    return result


def restore(parity: Parity, missing: int, present: Iterable[int]) -> bytes:
    """Rebuild packet `missing` from the strings of all others; raise WireError for nonsense."""
    bits = combine(present) ^ parity.bits
    size = STRING_HEADER_BYTES + parity.protected_bytes
    data = (bits & ((1 << size * 8) - 1)).to_bytes(size, "little")
    first, length, timestamp = _STRING_HEADER.unpack_from(data)
    if length > parity.protected_bytes or FIXED_HEADER_BYTES + length > MAX_RTP_BYTES:
        raise WireError("recovered length is longer than what was protected")
    first = first & 0x3FFF | 0x8000  # version 2
    return _RTP_HEADER.pack(first, missing, timestamp, parity.ssrc) + data[STRING_HEADER_BYTES:][:length]
