"""Opus packets from outside: duration, bandwidth-free inspection, and joining frames into one packet (RFC 6716 §3).

Joining lets a narrow leg have 40 or 60 ms packets although the source sends 20 ms: fewer headers, no transcoding.
"""

from collections.abc import Sequence

from media.errors import WireError

MAX_FRAMES = 48
MAX_PACKET_MS = 120.0
MAX_FRAME_BYTES = 1275
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


def join(packets: Sequence[bytes]) -> bytes | None:
    """One packet of the frames of several single-frame packets; None if they cannot be joined.

    They can when all have the same configuration and channels and one frame each (code 0), at most 120 ms together.
    """
    toc = packets[0][0] if packets and packets[0] else 0
    fits = 1 <= len(packets) <= MAX_FRAMES and len(packets) * frame_ms(toc) <= MAX_PACKET_MS
    if not fits or any(not p or p[0] != toc or toc & 3 or len(p) - 1 > MAX_FRAME_BYTES for p in packets):
        return None
    if len(packets) == 1:
        return bytes(packets[0])
    frames = [p[1:] for p in packets]
    lengths = b"".join(_length(len(frame)) for frame in frames[:-1])
    return bytes((toc | 3, 0x80 | len(frames))) + lengths + b"".join(frames)


def _length(size: int) -> bytes:
    """A frame's length in one or two bytes (RFC 6716 §3.2.1)."""
    if size < 252:
        return bytes((size,))
    first = 252 + (size & 3)
    return bytes((first, (size - first) >> 2))
