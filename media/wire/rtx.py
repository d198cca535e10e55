"""Retransmission payload format (RFC 4588 §4): the original sequence number, then the original payload."""

import struct

from media.errors import WireError

ORIGINAL_SEQUENCE_BYTES = 2
_TAIL = struct.Struct("!BHII")
_SEQUENCE = struct.Struct("!H")


def make_rtx(packet: bytes, header_bytes: int, payload_type: int, sequence_number: int, ssrc: int) -> bytearray:
    """Wrap a whole RTP packet into the retransmission stream; marker, timestamp and extensions stay."""
    out = bytearray(packet[:header_bytes])
    timestamp = int.from_bytes(packet[4:8])
    _TAIL.pack_into(out, 1, packet[1] & 0x80 | payload_type, sequence_number, timestamp, ssrc)
    out += packet[2:4]
    out += packet[header_bytes:]
    return out


def read_original_sequence(data: bytes | bytearray | memoryview, payload: int, end: int) -> int:
    """The original sequence number heading `data[payload:end]`; raise WireError if it is too short."""
    if end - payload < ORIGINAL_SEQUENCE_BYTES:
        raise WireError("RTX payload without an original sequence number")
    sequence_number: int = _SEQUENCE.unpack_from(data, payload)[0]
    return sequence_number


def restore_original(
    view: memoryview, start: int, payload: int, end: int, second: int, sequence_number: int, ssrc: int
) -> int:
    """Turn the RTX packet `view[start:end]` back into the original in place; returns its new end.

    `second` is the byte of marker and original payload type.
    """
    (timestamp,) = struct.unpack_from("!I", view, start + 4)
    _TAIL.pack_into(view, start + 1, second, sequence_number, timestamp, ssrc)
    new_end = end - ORIGINAL_SEQUENCE_BYTES
    view[payload:new_end] = view[payload + ORIGINAL_SEQUENCE_BYTES : end]
    return new_end
