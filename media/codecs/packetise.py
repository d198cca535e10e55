"""Frames into RTP payloads: VP8 (RFC 7741 §4.2, §4.4) and H.264 (RFC 6184 §5.6 to §5.8)."""

import re

from media.codecs.vp8 import EncodedFrame
from media.wire.vp8 import Vp8Descriptor, build_descriptor

MAX_PAYLOAD_BYTES = 1100
"""With our header extensions, RED, FEC and SRTP this stays under 1200, which every path carries."""
_START_CODE = re.compile(rb"\x00\x00+\x01")
_SEI, _SPS, _PPS, _DELIMITER, _STAP_A, _FU_A = 6, 7, 8, 9, 24, 28
_FIRST, _LAST = 0x80, 0x40


def packetise(frame: EncodedFrame, picture_id: int, max_bytes: int = MAX_PAYLOAD_BYTES) -> list[bytes]:
    """The payloads of one frame, of nearly the same size each; the last one's packet has the marker.

    `picture_id` counts frames in 15 bits. The base layer's number always goes along, so that a receiver knows after a
    gap what it can still decode.
    """
    descriptor = Vp8Descriptor(
        size=0,
        start_of_partition=True,
        partition=0,
        non_reference=not frame.is_reference,
        picture_id=picture_id & 0x7FFF,
        picture_id_bits=15,
        temporal_level_zero_index=frame.level_zero_index,
        temporal_layer=frame.temporal_layer,
        layer_sync=frame.temporal_layer > 0 and frame.layer_sync,
    )
    head, continued = build_descriptor(descriptor), build_descriptor(descriptor._replace(start_of_partition=False))
    room = max_bytes - len(head)
    count = -(-len(frame.data) // room)
    size = -(-len(frame.data) // count)
    starts = range(0, len(frame.data), size)
    return [(continued if start else head) + frame.data[start : start + size] for start in starts]


def packetise_h264(unit: bytes, max_bytes: int = MAX_PAYLOAD_BYTES) -> list[bytes]:
    """The payloads of one access unit (Annex B). Parameter sets travel together, so that forwarding may begin at one
    packet; what an encoder says of itself (SEI) is left out."""
    units = [nal for nal in _START_CODE.split(unit) if nal and nal[0] & 0x1F not in (_SEI, _DELIMITER)]
    sets = [nal for nal in units if nal[0] & 0x1F in (_SPS, _PPS)]
    payloads = [_aggregated(sets)] if sets else []
    for nal in units:
        if nal[0] & 0x1F not in (_SPS, _PPS):
            payloads += [nal] if len(nal) <= max_bytes else _fragments(nal, max_bytes)
    return payloads


def _aggregated(units: list[bytes]) -> bytes:
    importance = max(nal[0] & 0x60 for nal in units)
    return bytes((importance | _STAP_A,)) + b"".join(len(nal).to_bytes(2) + nal for nal in units)


def _fragments(nal: bytes, max_bytes: int) -> list[bytes]:
    """Of nearly the same size each."""
    body = nal[1:]
    count = -(-len(body) // (max_bytes - 2))
    size = -(-len(body) // count)
    head, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
    starts = range(0, len(body), size)
    ends = {starts[0]: _FIRST, starts[-1]: _LAST}
    return [bytes((head, ends.get(at, 0) | kind)) + body[at : at + size] for at in starts]
