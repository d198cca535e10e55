"""Temporal layers in VP8 payloads where they stand (RFC 7741 §4.2): read, and picture ids rewritten."""

from typing import NamedTuple

LONG_PICTURE_ID = 1 << 15


class Layer(NamedTuple):
    """Of a packet with a temporal layer and a picture id of 15 bits; others cannot be thinned out."""

    number: int
    """0 for the base."""
    sync: bool
    """The picture needs nothing but the base layer's last."""
    picture_id: int
    picture_id_at: int


def read_layer(view: memoryview | bytes | bytearray, payload: int, end: int) -> Layer | None:
    """The layer of the packet whose descriptor begins at `payload`; None if it has none or is cut short."""
    if end < payload + 6 or not view[payload] & 0x80:
        return None
    extended = view[payload + 1]
    if extended & 0xA0 != 0xA0 or not view[payload + 2] & 0x80:
        return None
    at = payload + 4 + (extended >> 6 & 1)
    last = view[at]
    picture_id = (view[payload + 2] << 8 | view[payload + 3]) & 0x7FFF
    return Layer(last >> 6, bool(last & 0x20), picture_id, payload + 2)


def write_picture_id(view: memoryview | bytearray, at: int, picture_id: int) -> None:
    """Put another picture id of 15 bits there."""
    view[at] = 0x80 | picture_id >> 8
    view[at + 1] = picture_id & 0xFF
