"""Reads packets out of a bridge on their way from a source to its subscribers, for whoever needs frames.

A tap sits behind RED decoding and repair and before any leg's rewriting. It appends to a bounded buffer and never
waits: what the buffer cannot take is dropped and counted. A source that nobody is sent (not connected, on hold, muted)
has none.
"""

from collections.abc import Iterator
from typing import Protocol

from media.bridge.parameters import PayloadTypes
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.tapped import H264, HEAD, LENGTH, OPUS, PACKET, VP8, message_frame

CAPACITY_BYTES = 2 << 20
"""About a second of forty calls' pictures."""
_RESERVED_BYTES = 512 << 10
"""Packets leave that much to messages."""
_HEAD_BYTES = HEAD.size
_SIZE_OF_HEAD = HEAD.size - LENGTH.size
_pack_head = HEAD.pack_into


class Feed:
    """One engine's tapped packets on their way to the codec worker, in order, with messages between them.

    `open` says whether anybody reads. The shell sends `waiting()` and says with `sent` how much went.
    """

    __slots__ = ("_capacity", "_start", "buffer", "dropped", "end", "packets", "room", "view")

    def __init__(self, capacity: int = CAPACITY_BYTES) -> None:
        self.buffer = bytearray(capacity)
        self.view = memoryview(self.buffer)
        self.end = 0
        """Where the next frame goes."""
        self.room = 0
        """Packets must end before it; 0 while nobody reads."""
        self.packets = 0
        self.dropped = 0
        """Packets that found no room."""
        self._start = 0
        self._capacity = capacity

    @property
    def open(self) -> bool:
        """Whether somebody reads."""
        return self.room > 0

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self.end - self._start

    def begin(self) -> None:
        """A reader is there; nothing of before is for it."""
        self._start = self.end = 0
        self.room = max(self._capacity - _RESERVED_BYTES, self._capacity // 2)

    def stop(self) -> None:
        """The reader is gone: nothing is kept for the next."""
        self._start = self.end = self.room = 0

    def message(self, body: bytes) -> bool:
        """Append a message behind the packets that were there before it; False if there is no room even for it."""
        frame = message_frame(body)
        end = self.end + len(frame)
        if not self.room or end > self._capacity:
            return False
        self.view[self.end : end] = frame
        self.end = end
        return True

    def waiting(self) -> memoryview:
        """What is to be sent."""
        return self.view[self._start : self.end]

    def sent(self, size: int) -> None:
        """So many bytes went."""
        self._start += size
        if self._start >= self.end:
            self._start = self.end = 0
        elif self._start > self._capacity // 4:
            left = self.end - self._start
            self.buffer[:left] = self.buffer[self._start : self.end]
            self._start, self.end = 0, left


class Tap:
    """One source's packets into the feed, under a number of its own."""

    __slots__ = ("_arrival", "_codecs", "_feed", "_reports", "_timestamp", "generation", "key_frames", "number")

    def __init__(self, feed: Feed, number: int, types: PayloadTypes, reports: "Reports") -> None:
        self.number = number
        self.generation = 0
        self.key_frames: KeyFrameWatch | None = None
        """Told when a key frame begins, before it is forwarded."""
        self._feed = feed
        self._codecs = dict(_codecs(types))
        self._reports = reports
        self._timestamp = 0
        self._arrival = 0.0

    def packet(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> None:
        """Copy the packet's payload; its bytes stay as they are."""
        feed = self._feed
        payload = packet.start + layout.size
        at = feed.end
        body = at + _HEAD_BYTES
        size = packet.end - payload
        end = body + size
        if end > feed.room:
            feed.dropped += 1
        else:
            codec = self._codecs[second & 0x7F]
            _pack_head(
                feed.buffer, at, _SIZE_OF_HEAD + size, PACKET, codec, second >> 7, key, self.number, self.generation,
                extended, timestamp, now,
            )  # fmt: skip
            feed.view[body:end] = packet.view[payload : packet.end]
            feed.end = end
            feed.packets += 1
            self._timestamp, self._arrival = timestamp, now
        if key and self.key_frames is not None:
            self.key_frames.key_frame(self, now)

    def skip(self, extended: int) -> None:
        """The packet carries nothing: without it its number would count as lost."""
        feed = self._feed
        end = feed.end + _HEAD_BYTES
        if end <= feed.room:
            _pack_head(
                feed.buffer, feed.end, _SIZE_OF_HEAD, PACKET, min(self._codecs.values(), default=OPUS), 0, 0,
                self.number, self.generation, extended, self._timestamp, self._arrival,
            )  # fmt: skip
            feed.end = end

    def restart(self) -> None:
        """The source's numbering begins anew."""
        self.generation = (self.generation + 1) & 0xFFFFFFFF

    def sender_report(self, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        """What the source says its clocks show."""
        self._reports.sender_report(self.number, ntp_time, rtp_timestamp, arrival)


class Reports(Protocol):
    """Takes sender reports to where the packets go."""

    def sender_report(self, tap: int, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        """A report of this tap's source."""


class KeyFrameWatch(Protocol):
    """Waits for a source's next key frame."""

    def key_frame(self, tap: Tap, now: float) -> None:
        """One begins with the packet that is forwarded next."""


def _codecs(types: PayloadTypes) -> Iterator[tuple[int, int]]:
    for number, codec in ((types.opus, OPUS), (types.vp8, VP8), (types.h264, H264)):
        if number is not None:
            yield number, codec
