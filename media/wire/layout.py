"""Where things stand in an RTP header, found once a stream and recognized in one comparison afterwards.

A sender writes the same extension elements in the same order into nearly every packet of a stream. So the walk over the
elements is done when a header looks new, and gives a mask over everything that steers the walk: the profile, the length
and each element's id and length byte. A later header whose masked bytes are equal has, by induction over the walk,
its elements in the same places.
"""

import struct
from typing import NamedTuple

from media.errors import WireError
from media.wire.extensions import element_places
from media.wire.rtp import FIXED_HEADER_BYTES

_WORD = struct.Struct("!HH")
_WIDTHS = {"mid": 1, "audio_level": 1, "abs_send_time": 3, "transport_cc": 2}
"""Lengths an element must have to be rewritten in place; others are left alone."""


class LayoutIds(NamedTuple):
    """Extension ids in use on a leg; None where the extension is not."""

    mid: int | None = None
    audio_level: int | None = None
    abs_send_time: int | None = None
    transport_cc: int | None = None


class Layout:
    """Offsets from the packet's first byte; 0 stands for "not in this header". `size` is the header's length."""

    __slots__ = ("abs_send_time", "audio_level", "first", "mask", "mid", "pattern", "size", "transport_cc")

    def __init__(self, first: int, size: int, mask: int, pattern: int) -> None:
        self.first = first
        self.size = size
        self.mask = mask
        self.pattern = pattern
        self.mid = 0
        self.audio_level = 0
        self.abs_send_time = 0
        self.transport_cc = 0

    def fits(self, view: memoryview, start: int) -> bool:
        """Whether the packet at `start` has this layout (the padding bit may differ)."""
        if view[start] & 0xDF != self.first:
            return False
        found = int.from_bytes(view[start + FIXED_HEADER_BYTES : start + self.size])
        return found & self.mask == self.pattern

    def without_number(self) -> "Layout":
        """The same header with its transport-wide number overlooked."""
        bare = Layout(self.first, self.size, self.mask, self.pattern)
        bare.mid, bare.audio_level, bare.abs_send_time = self.mid, self.audio_level, self.abs_send_time
        return bare

    def zero_mutable(self, packet: bytearray) -> None:
        """Zero what changes with every sending, in a packet that starts at 0: parity covers the packet without it
        (libwebrtc, RtpPacket::ZeroMutableExtensions)."""
        if self.transport_cc:
            packet[self.transport_cc : self.transport_cc + 2] = bytes(2)
        if self.abs_send_time:
            packet[self.abs_send_time : self.abs_send_time + 3] = bytes(3)


NO_LAYOUT = Layout(0, FIXED_HEADER_BYTES, 0, 0)
"""Fits no packet: what a stream starts with."""


def read_layout(view: memoryview, start: int, end: int, ids: LayoutIds) -> Layout:
    """Walk the header of the packet in `view[start:end]`; raise WireError where it leaves the packet."""
    if end - start < FIXED_HEADER_BYTES or view[start] >> 6 != 2:
        raise WireError("not an RTP packet")
    first = view[start] & 0xDF
    block = FIXED_HEADER_BYTES + 4 * (first & 0x0F)
    if not first & 0x10:
        if start + block > end:
            raise WireError("RTP contributing sources leave the packet")
        return Layout(first, block, 0, 0)
    if start + block + 4 > end:
        raise WireError("RTP header extension leaves the packet")
    profile, words = _WORD.unpack_from(view, start + block)
    size = block + 4 + 4 * words
    if start + size > end:
        raise WireError("RTP header extension leaves the packet")
    return _walk(view, start, first, block, size, profile, ids)


def _walk(view: memoryview, start: int, first: int, block: int, size: int, profile: int, ids: LayoutIds) -> Layout:
    steering = bytearray(b"\xff") * (size - FIXED_HEADER_BYTES)
    steering[: block - FIXED_HEADER_BYTES] = bytes(block - FIXED_HEADER_BYTES)  # contributing sources do not steer
    found: dict[int, int] = {}
    for identifier, place, length in element_places(view, start + block + 4, start + size, profile):
        offset = place - start
        steering[offset - FIXED_HEADER_BYTES : offset - FIXED_HEADER_BYTES + length] = bytes(length)
        found.setdefault(identifier << 8 | length, offset)
    mask = int.from_bytes(steering)
    pattern = int.from_bytes(view[start + FIXED_HEADER_BYTES : start + size]) & mask
    layout = Layout(first, size, mask, pattern)
    for name, width in _WIDTHS.items():
        wanted: int | None = getattr(ids, name)
        if wanted is not None:
            setattr(layout, name, found.get(wanted << 8 | width, 0))
    return layout
