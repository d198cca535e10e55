"""FlexFEC as browsers speak it: draft-ietf-payload-flexible-fec-scheme-03 §4.2, flexible mask, one protected stream."""

import struct

from media.errors import WireError
from media.wire.parity import STRING_HEADER_BYTES, Parity

MAX_SPAN = 109
"""Sequence numbers that one mask can reach."""
_BASE = struct.Struct("!B3xIH")
_BASE_AT, _MASK_AT = 8, 18
_MASK_BYTES = (2, 6, 14)
_SPANS = (15, 46, MAX_SPAN)


def build_flexfec(ssrc: int, base: int, offsets: list[int], bits: int, string_size: int) -> bytes:
    """The payload of a FlexFEC packet over the packets `base + offset` of `ssrc`; `bits`: XOR of their strings,
    `string_size` bytes long with the zeros it may end in (media.wire.parity.string_bytes of the longest packet).
    """
    last = max(offsets)
    if min(offsets) < 0 or last >= MAX_SPAN:
        raise WireError("FlexFEC mask out of range")
    size = next(i for i, span in enumerate(_SPANS) if last < span)
    string = bits.to_bytes(string_size, "little")
    head = bytes((string[0] & 0x3F,)) + string[1:STRING_HEADER_BYTES]
    return head + _BASE.pack(1, ssrc, base) + _mask(offsets, size) + string[STRING_HEADER_BYTES:]


def _mask(offsets: list[int], size: int) -> bytes:
    """Mask bits with the k bits between them: 15, 31 and 63 bits a part."""
    total = _MASK_BYTES[size] * 8
    value = 0
    for offset in offsets:
        value |= 1 << total - 1 - _position(offset)
    return (value | 1 << total - 1 - (0, 16, 48)[size]).to_bytes(_MASK_BYTES[size])


def _position(offset: int) -> int:
    """Where the bit of `offset` stands, counted from the first, k bits included."""
    if offset < 15:
        return offset + 1
    return offset + 2 if offset < 46 else offset + 3


def parse_flexfec(payload: bytes | memoryview) -> Parity:
    """Read a FlexFEC payload; raise WireError for other modes and lying lengths."""
    if len(payload) < _MASK_AT + 2:
        raise WireError("FlexFEC header is cut off")
    if payload[0] & 0xC0:
        raise WireError("FlexFEC mode is not the flexible mask")
    streams, ssrc, base = _BASE.unpack_from(payload, _BASE_AT)
    if streams != 1:
        raise WireError("FlexFEC over several streams")
    size = 0
    while not payload[_MASK_AT + (0, 2, 6)[size]] & 0x80:
        size += 1
        if size > 2 or len(payload) < _MASK_AT + _MASK_BYTES[size]:
            raise WireError("FlexFEC mask is cut off")
    end = _MASK_AT + _MASK_BYTES[size]
    mask = int.from_bytes(payload[_MASK_AT:end])
    total = _MASK_BYTES[size] * 8
    offsets = [o for o in range(_SPANS[size]) if mask >> total - 1 - _position(o) & 1]
    if not offsets:
        raise WireError("FlexFEC mask is empty")
    bits = int.from_bytes(bytes(payload[:STRING_HEADER_BYTES]) + bytes(payload[end:]), "little")
    sequences = tuple((base + o) & 0xFFFF for o in offsets)
    return Parity(ssrc, sequences, bits, len(payload) - end)
