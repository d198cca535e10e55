"""Opus in Ogg (RFC 3533, RFC 7845) and VP8 in IVF, read for announcements. Bounded; nothing else of these formats."""

from struct import Struct

from media.errors import WireError

MAX_FILE_BYTES = 8 << 20
MAX_PACKETS = 60_000
"""Twenty minutes of 20 ms."""
_PAGE = Struct("<4sBBQIIIB")
_IVF_FRAME = Struct("<IQ")
_IVF_HEADER_BYTES = 32


def read_ogg_opus(data: bytes) -> list[bytes]:
    """The Opus packets of an Ogg file, headers left out; raise WireError."""
    packets = _ogg_packets(data)
    if len(packets) < 2 or not packets[0].startswith(b"OpusHead") or not packets[1].startswith(b"OpusTags"):
        raise WireError("not Opus in Ogg")
    return packets[2:]


def _ogg_packets(data: bytes) -> list[bytes]:
    if len(data) > MAX_FILE_BYTES:
        raise WireError(f"an Ogg file of {len(data)} bytes")
    packets: list[bytes] = []
    part = b""
    at = 0
    while at < len(data):
        if at + _PAGE.size > len(data):
            raise WireError("Ogg page is cut short")
        capture, version, *_, segments = _PAGE.unpack_from(data, at)
        body = at + _PAGE.size + segments
        lacing = data[at + _PAGE.size : body]
        if capture != b"OggS" or version or len(lacing) < segments or body + sum(lacing) > len(data):
            raise WireError("not an Ogg page")
        for length in lacing:
            part += data[body : body + length]
            body += length
            if length < 255:
                packets.append(part)
                part = b""
        if len(packets) > MAX_PACKETS:
            raise WireError("too many packets in an Ogg file")
        at = body
    return packets


def read_ivf_vp8(data: bytes) -> list[bytes]:
    """The frames of an IVF file; raise WireError."""
    if len(data) > MAX_FILE_BYTES or data[:4] != b"DKIF" or data[8:12] != b"VP80" or len(data) < _IVF_HEADER_BYTES:
        raise WireError("not VP8 in IVF")
    frames: list[bytes] = []
    at = _IVF_HEADER_BYTES
    while at + _IVF_FRAME.size <= len(data):
        size, _ = _IVF_FRAME.unpack_from(data, at)
        at += _IVF_FRAME.size
        if not size or at + size > len(data):
            raise WireError("IVF frame is cut short")
        frames.append(data[at : at + size])
        at += size
    if at != len(data) or not frames:
        raise WireError("IVF frame is cut short")
    return frames
