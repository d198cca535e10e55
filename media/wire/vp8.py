"""VP8 payload descriptor (RFC 7741 §4.2) and key frame detection (§4.3)."""

from typing import NamedTuple

from media.errors import WireError

Buffer = bytes | bytearray | memoryview


class Vp8Descriptor(NamedTuple):
    """The descriptor of one packet. `size` is its length in bytes; optional fields are None when absent."""

    size: int
    start_of_partition: bool
    partition: int
    non_reference: bool = False
    picture_id: int | None = None
    picture_id_bits: int = 0
    """7 or 15; 0 without a picture id."""
    temporal_level_zero_index: int | None = None
    temporal_layer: int | None = None
    layer_sync: bool = False
    key_index: int | None = None


def parse_descriptor(data: Buffer, start: int, end: int) -> Vp8Descriptor:
    """Parse the descriptor at the head of the payload `data[start:end]`; raise WireError if it is cut short."""
    payload = bytes(data[start : min(end, start + 6)])
    if not payload:
        raise WireError("VP8 payload is empty")
    first = payload[0]
    extended = payload[1] if first & 0x80 and len(payload) > 1 else 0
    size = descriptor_bytes(payload)
    if size > end - start:
        raise WireError("VP8 descriptor is cut short")
    at = 2
    picture_id, bits = None, 0
    if extended & 0x80:
        picture_id, bits = payload[at] & 0x7F, 7
        if payload[at] & 0x80:
            picture_id, bits = picture_id << 8 | payload[at + 1], 15
        at += 1 + bits // 15
    level_zero = None
    if extended & 0x40:
        level_zero = payload[at]
        at += 1
    last = payload[at] if extended & 0x30 else 0
    return Vp8Descriptor(
        size,
        bool(first & 0x10),
        first & 0x07,
        bool(first & 0x20),
        picture_id,
        bits,
        level_zero,
        last >> 6 if extended & 0x20 else None,
        bool(last & 0x20) if extended & 0x20 else False,
        last & 0x1F if extended & 0x10 else None,
    )


def descriptor_bytes(payload: bytes) -> int:
    """How long the descriptor at the head of `payload` claims to be; it may be longer than `payload`."""
    if not payload[0] & 0x80:
        return 1
    if len(payload) < 2:
        return 2
    extended = payload[1]
    size = 2
    if extended & 0x80:
        size += 2 if len(payload) > 2 and payload[2] & 0x80 else 1
    if extended & 0x40:
        size += 1
    if extended & 0x30:
        size += 1
    return size


def starts_key_frame(data: Buffer, start: int, end: int) -> bool:
    """Whether the payload `data[start:end]` is the first packet of a key frame. Never raises."""
    if end <= start or data[start] & 0x17 != 0x10:  # S set and partition 0, else not a frame's start
        return False
    payload = bytes(data[start : min(end, start + 7)])
    size = descriptor_bytes(payload)
    return size < len(payload) and not payload[size] & 0x01


def build_descriptor(descriptor: Vp8Descriptor) -> bytes:
    """The bytes of a descriptor (`size` is ignored)."""
    extended = 0
    tail = bytearray()
    if descriptor.picture_id is not None:
        extended |= 0x80
        if descriptor.picture_id_bits == 15:
            tail += (descriptor.picture_id | 0x8000).to_bytes(2)
        else:
            tail.append(descriptor.picture_id)
    if descriptor.temporal_level_zero_index is not None:
        extended |= 0x40
        tail.append(descriptor.temporal_level_zero_index)
    if descriptor.temporal_layer is not None or descriptor.key_index is not None:
        extended |= (0x20 if descriptor.temporal_layer is not None else 0) | (
            0x10 if descriptor.key_index is not None else 0
        )
        sync = 0x20 if descriptor.layer_sync else 0
        tail.append((descriptor.temporal_layer or 0) << 6 | sync | (descriptor.key_index or 0))
    first = descriptor.partition | (0x10 if descriptor.start_of_partition else 0)
    first |= 0x20 if descriptor.non_reference else 0
    return bytes((first | 0x80, extended)) + bytes(tail) if extended else bytes((first,))
