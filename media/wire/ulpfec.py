"""ULPFEC with one protection level, as browsers send it (RFC 5109 §7). The packets travel in RED (RFC 2198)."""

import struct

from media.errors import WireError
from media.wire.parity import STRING_HEADER_BYTES, Parity

MAX_SPAN = 48
_HEADER = struct.Struct("!HHIHH")
_LONG_MASK = 0x4000
_EXTENSION = 0x8000


def build_ulpfec(base: int, offsets: list[int], bits: int, string_size: int) -> bytes:
    """The payload of a ULPFEC packet over the packets `base + offset`; `bits`: XOR of their strings,
    `string_size` bytes long with the zeros it may end in (media.wire.parity.string_bytes of the longest packet).
    """
    last = max(offsets)
    if min(offsets) < 0 or last >= MAX_SPAN:
        raise WireError("ULPFEC mask out of range")
    string = bits.to_bytes(string_size, "little")
    first, length, timestamp = struct.unpack_from("!HHI", string)
    mask_bytes = 2 if last < 16 else 6
    first = first & 0x3FFF | (_LONG_MASK if mask_bytes == 6 else 0)
    mask = sum(1 << mask_bytes * 8 - 1 - o for o in offsets).to_bytes(mask_bytes)
    body = string[STRING_HEADER_BYTES:]
    return _HEADER.pack(first, base, timestamp, length, len(body)) + mask + body


def parse_ulpfec(payload: bytes | memoryview, ssrc: int) -> Parity:
    """Read a ULPFEC payload about stream `ssrc`; raise WireError where lengths lie. Further levels are ignored."""
    if len(payload) < _HEADER.size + 2:
        raise WireError("ULPFEC header is cut off")
    first, base, timestamp, length, protected = _HEADER.unpack_from(payload)
    if first & _EXTENSION:
        raise WireError("ULPFEC extension bit is reserved")
    mask_bytes = 6 if first & _LONG_MASK else 2
    start = _HEADER.size + mask_bytes
    if len(payload) < start + protected:
        raise WireError("ULPFEC protects more than it carries")
    mask = int.from_bytes(payload[_HEADER.size : start])
    offsets = [o for o in range(mask_bytes * 8) if mask >> mask_bytes * 8 - 1 - o & 1]
    if not offsets:
        raise WireError("ULPFEC mask is empty")
    head = struct.pack("!HHI", first & 0x3FFF, length, timestamp)
    bits = int.from_bytes(head + bytes(payload[start : start + protected]), "little")
    return Parity(ssrc, tuple((base + o) & 0xFFFF for o in offsets), bits, protected)
