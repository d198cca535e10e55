"""Opus packets from outside: duration, bandwidth-free inspection, and joining frames into one packet (RFC 6716 §3).

Joining lets a narrow leg have 40 or 60 ms packets although the source sends 20 ms: fewer headers, no transcoding.
"""

from collections.abc import Sequence

from media.errors import WireError

MAX_FRAMES = 48
MAX_PACKET_MS = 120.0
MAX_JOINED_MS, MAX_JOINED_BYTES = 40.0, 360
"""A frame that is joined with others is no longer than that."""
_SILK_MS = (10.0, 20.0, 40.0, 60.0)
_HYBRID_MS = (10.0, 20.0)
_CELT_MS = (2.5, 5.0, 10.0, 20.0)


def frame_ms(toc: int) -> float:
    """Duration of each frame of a packet, from its first byte (RFC 6716 §3.1, table 2), in milliseconds."""
    config = toc >> 3
    if config < 12:
        return _SILK_MS[config & 3]
    if config < 16:
        return _HYBRID_MS[config & 1]
    return _CELT_MS[config & 3]


def packet_ms(packet: bytes | memoryview) -> float:
    """Duration of a packet in milliseconds; raise WireError if it is empty or longer than 120 ms."""
    if not packet:
        raise WireError("empty Opus packet")
    code = packet[0] & 3
    if code == 3 and len(packet) < 2:
        raise WireError("Opus packet without its frame count")
    frames = (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]
    duration = frames * frame_ms(packet[0])
    if not frames or duration > MAX_PACKET_MS:
        raise WireError("Opus packet of an impossible duration")
    return duration


def joinable(one: bytes, other: bytes) -> bool:
    """Whether frames of two packets may be in one: same configuration and channels, one frame each (code 0), and so
    small and short that three of them are still a packet."""
    same = bool(one and other) and one[0] == other[0] and not one[0] & 3
    return same and max(len(one), len(other)) <= MAX_JOINED_BYTES and frame_ms(one[0]) <= MAX_JOINED_MS


def join(packets: Sequence[bytes]) -> bytes:
    """One packet of the frames of several that are `joinable`, at most 120 ms together; a single one as it is.

    Raise WireError for others.
    """
    if len(packets) == 1:
        return packets[0]
    toc = packets[0][0] if packets and packets[0] else 0
    fits = packets and len(packets) * frame_ms(toc) <= MAX_PACKET_MS and len(packets) <= MAX_FRAMES
    if not fits or not all(joinable(packets[0], packet) for packet in packets):
        raise WireError("Opus packets that cannot be joined")
    frames = [p[1:] for p in packets]
    lengths = b"".join(_length(len(frame)) for frame in frames[:-1])
    return bytes((toc | 3, 0x80 | len(frames))) + lengths + b"".join(frames)


def _length(size: int) -> bytes:
    """A frame's length in one or two bytes (RFC 6716 §3.2.1)."""
    if size < 252:
        return bytes((size,))
    first = 252 + (size & 3)
    return bytes((first, (size - first) >> 2))
