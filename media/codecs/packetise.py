"""VP8 frames into RTP payloads (RFC 7741 §4.2, §4.4)."""

from media.codecs.vp8 import EncodedFrame
from media.wire.vp8 import Vp8Descriptor, build_descriptor

MAX_PAYLOAD_BYTES = 1100
"""With our header extensions, RED, FEC and SRTP this stays under 1200, which every path carries."""


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
