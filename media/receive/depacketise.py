"""Payloads of video packets to frames: VP8 (RFC 7741 §4) and H.264 (RFC 6184 §5) into an Annex B byte stream."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from media.errors import WireError
from media.wire import h264, vp8

_START_CODE = b"\0\0\0\1"
_IDR, _SPS, _STAP_A, _FU_A = 5, 7, 24, 28
MAX_NALS_A_PACKET = 64


class VideoFormat(StrEnum):
    """The codecs we take apart and put together."""

    VP8 = "VP8"
    H264 = "H264"


class FrameInfo(NamedTuple):
    """What a frame's first packet says of it."""

    starts_frame: bool
    starts_key: bool
    temporal_layer: int = 0
    layer_sync: bool = False
    level_zero_index: int | None = None
    """TL0PICIDX (RFC 7741 §4.2); None where the source does not number its base layer."""


def inspect_vp8(payload: bytes) -> FrameInfo:
    """Raise WireError for a payload without a whole descriptor."""
    descriptor = vp8.parse_descriptor(payload, 0, len(payload))
    starts = descriptor.start_of_partition and descriptor.partition == 0
    return FrameInfo(
        starts,
        vp8.starts_key_frame(payload, 0, len(payload)),
        descriptor.temporal_layer or 0,
        descriptor.layer_sync,
        descriptor.temporal_level_zero_index,
    )


def inspect_h264(payload: bytes) -> FrameInfo:
    """H.264 says only where a NAL unit starts; whether a frame does follows from the packet before (RFC 6184 §5.1)."""
    if not payload:
        raise WireError("H.264 payload is empty")
    kind = payload[0] & 0x1F
    if kind == _FU_A and len(payload) < 2:
        raise WireError("H.264 fragment is cut short")
    continues = kind == _FU_A and not payload[1] & 0x80
    return FrameInfo(not continues, h264.starts_key_frame(payload, 0, len(payload)))


def join_vp8(payloads: Sequence[bytes]) -> bytes:
    """One frame of its packets' payloads, in order."""
    return b"".join(payload[vp8.parse_descriptor(payload, 0, len(payload)).size :] for payload in payloads)


def join_h264(payloads: Sequence[bytes]) -> bytes:
    """One access unit of its packets' payloads, in order; raise WireError for fragments that do not fit together."""
    stream: list[bytes] = []
    open_fragment = False
    for payload in payloads:
        kind = payload[0] & 0x1F if payload else 0
        if kind == _FU_A:
            open_fragment = _append_fragment(stream, payload, open_fragment)
            continue
        if open_fragment:
            raise WireError("H.264 fragments without their end")
        if kind == _STAP_A:
            for unit in _aggregated(payload):
                stream += (_START_CODE, unit)
        elif 0 < kind < _STAP_A:
            stream += (_START_CODE, payload)
        else:
            raise WireError(f"H.264 packet of type {kind}")
    if open_fragment:
        raise WireError("H.264 fragments without their end")
    return b"".join(stream)


def _append_fragment(stream: list[bytes], payload: bytes, open_fragment: bool) -> bool:
    """Take one FU-A (RFC 6184 §5.8); whether more of its NAL unit has to come."""
    if len(payload) < 2:
        raise WireError("H.264 fragment is cut short")
    header = payload[1]
    if bool(header & 0x80) == open_fragment:
        raise WireError("H.264 fragments out of order")
    if header & 0x80:
        stream += (_START_CODE, bytes((payload[0] & 0xE0 | header & 0x1F,)))
    stream.append(payload[2:])
    return not header & 0x40


def _aggregated(payload: bytes) -> list[bytes]:
    """The NAL units of a STAP-A (RFC 6184 §5.7.1)."""
    units: list[bytes] = []
    at = 1
    while at + 2 <= len(payload):
        size = payload[at] << 8 | payload[at + 1]
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) < size or len(units) == MAX_NALS_A_PACKET:
            raise WireError("H.264 aggregate is malformed")
        units.append(unit)
        at += 2 + size
    if at != len(payload) or not units:
        raise WireError("H.264 aggregate is malformed")
    return units


def holds_idr(frame: bytes) -> bool:
    """Whether an Annex B access unit can be decoded without anything before it: it has an SPS and an IDR slice."""
    kinds = {part[0] & 0x1F for part in frame.split(_START_CODE) if part}
    return _IDR in kinds and _SPS in kinds
