"""RTP packets as values (RFC 3550 §5.1). The packet path itself uses `media.wire.layout` and never builds these."""

import struct
from typing import NamedTuple

from media.errors import WireError
from media.wire.extensions import build_extensions, element_places

FIXED_HEADER_BYTES = 12
_HEADER = struct.Struct("!BBHII")
_WORD = struct.Struct("!HH")


class RtpPacket(NamedTuple):
    """One RTP packet. `padding` counts the padding bytes behind the payload, 0 for none."""

    payload_type: int
    sequence_number: int
    timestamp: int
    ssrc: int
    marker: bool = False
    payload: bytes = b""
    extensions: tuple[tuple[int, bytes], ...] = ()
    csrcs: tuple[int, ...] = ()
    padding: int = 0

    def extension(self, identifier: int | None) -> bytes | None:
        """The value of the first element with that id; None if there is none."""
        return next((value for element, value in self.extensions if element == identifier), None)


def parse_packet(data: bytes) -> RtpPacket:
    """Parse a whole packet; raise WireError for anything that is not one."""
    if len(data) < FIXED_HEADER_BYTES or data[0] >> 6 != 2:
        raise WireError("not an RTP packet")
    first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
    at = FIXED_HEADER_BYTES + 4 * (first & 0x0F)
    if len(data) < at:
        raise WireError("RTP contributing sources leave the packet")
    csrcs = struct.unpack_from(f"!{first & 0x0F}I", data, FIXED_HEADER_BYTES)
    extensions: tuple[tuple[int, bytes], ...] = ()
    if first & 0x10:
        extensions, at = _parse_extensions(data, at)
    end = len(data)
    padding = 0
    if first & 0x20:
        padding = data[-1]
        if not 0 < padding <= end - at:
            raise WireError("RTP padding leaves the payload")
    return RtpPacket(
        second & 0x7F,
        sequence_number,
        timestamp,
        ssrc,
        second >= 0x80,
        data[at : end - padding],
        extensions,
        csrcs,
        padding,
    )


def _parse_extensions(data: bytes, at: int) -> tuple[tuple[tuple[int, bytes], ...], int]:
    if len(data) < at + 4:
        raise WireError("RTP header extension leaves the packet")
    profile, words = _WORD.unpack_from(data, at)
    start, end = at + 4, at + 4 + 4 * words
    if len(data) < end:
        raise WireError("RTP header extension leaves the packet")
    places = element_places(data, start, end, profile)
    return tuple((identifier, data[place : place + length]) for identifier, place, length in places), end


def build_packet(packet: RtpPacket) -> bytes:
    """The bytes of a packet; raises WireError for values that do not fit their fields."""
    first = 0x80 | len(packet.csrcs)
    block = b""
    if packet.extensions:
        first |= 0x10
        block = build_extensions(packet.extensions)
    if packet.padding:
        first |= 0x20
    if len(packet.csrcs) > 15 or not 0 <= packet.padding <= 255 or not 0 <= packet.payload_type <= 127:
        raise WireError("RTP header field out of range")
    second = packet.payload_type | (0x80 if packet.marker else 0)
    try:
        header = _HEADER.pack(first, second, packet.sequence_number, packet.timestamp, packet.ssrc)
        csrcs = struct.pack(f"!{len(packet.csrcs)}I", *packet.csrcs)
    except struct.error as error:
        raise WireError("RTP header field out of range") from error
    tail = bytes(packet.padding - 1) + bytes((packet.padding,)) if packet.padding else b""
    return header + csrcs + block + packet.payload + tail
