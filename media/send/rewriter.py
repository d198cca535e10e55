"""Continuous sequence numbers and timestamps for an outbound stream whose sources come, pause and go.

Sequence numbers are mapped by segments: while a segment lasts, out = in + offset. A packet left out of the stream
begins a new segment whose offset is smaller by one, which closes the gap; packets that come late find their segment.
"""

import random

from media.wire.serial import delta32

TOO_LATE = -1
"""What `sequence` returns for a packet that has no place in the outbound numbering."""

_MAX_SEGMENTS = 128
"""Each packet left out or put in begins one; half a second of pictures with much parity."""
_PLAUSIBLE_DRIFT = 1.0


class Rewriter:
    """Numbers one outbound SSRC. Numbers in and out are extended (unbounded), timestamps are 32 bits."""

    __slots__ = (
        "_clock_hz",
        "_floor",
        "_highest_in",
        "_offset",
        "_older",
        "_time",
        "highest",
        "started",
        "timestamp",
        "timestamp_offset",
    )

    def __init__(self, clock_hz: int, rng: random.Random) -> None:
        self._clock_hz = clock_hz
        self.highest = 0x10000 | rng.randrange(0x8000)  # RFC 3711 §3.3.1: a low start keeps the roll-over guess safe
        """The last number used."""
        self.timestamp = rng.randrange(1 << 32)
        """The timestamp of the newest packet."""
        self.timestamp_offset = 0
        """out = in + this, modulo 2^32."""
        self.started = False
        self._time = 0.0
        self._floor = 0
        self._highest_in = -1
        self._offset = 0
        self._older: list[tuple[int, int, int]] = []

    @property
    def newest(self) -> int:
        """The highest number of the source that was mapped or skipped."""
        return self._highest_in

    def begin(self, extended: int, timestamp: int, now: float, *, same_source: bool) -> None:
        """The packet `extended` is next; `same_source`: the stream was only paused, its clock ran on."""
        due = (self.timestamp + max(1, round((now - self._time) * self._clock_hz))) & 0xFFFFFFFF
        if not self.started:
            due = self.timestamp
        mapped = (timestamp + self.timestamp_offset) & 0xFFFFFFFF
        if not same_source or abs(delta32(mapped, due)) > _PLAUSIBLE_DRIFT * self._clock_hz:
            self.timestamp_offset = (due - timestamp) & 0xFFFFFFFF
        if same_source and self._highest_in >= self._floor:
            self._retire(self._highest_in + 1)
        elif not same_source:
            self._older.clear()
        # The numbers above the highest are given out anew: what was still missing there has no place any more.
        self._older = [(floor, min(end, self.highest + 1 - offset), offset) for floor, end, offset in self._older]
        self.started = True
        self._floor = extended
        self._highest_in = extended - 1
        self._offset = self.highest + 1 - extended

    def sequence(self, extended: int, timestamp: int, now: float) -> int:
        """The number under which the packet leaves, or TOO_LATE."""
        if extended > self._highest_in:
            self._highest_in = extended
            self.highest = out = extended + self._offset
            self.timestamp = (timestamp + self.timestamp_offset) & 0xFFFFFFFF
            self._time = now
            return out
        if extended >= self._floor:
            return extended + self._offset
        for floor, end, offset in reversed(self._older):
            if floor <= extended < end:
                out = extended + offset
                self.highest = max(self.highest, out)  # it may stand right before a packet that was skipped
                return out
        return TOO_LATE

    def skip(self, extended: int) -> None:
        """The packet does not leave. If it is the newest its number goes to the next one, else a gap stays."""
        if extended <= self._highest_in or not self.started:
            return
        if extended > self._floor:
            self._retire(extended)
        self._floor = extended + 1
        self._highest_in = extended
        self._offset -= 1

    def insert(self) -> int:
        """A number right after the highest for a packet of our own making; what follows moves up by one."""
        if self._highest_in >= self._floor:
            self._retire(self._highest_in + 1)
        self._floor = self._highest_in + 1
        # What is missing before a packet that was left out has its numbers, and may still come.
        self.highest = max(self.highest, self._highest_in + self._offset) + 1
        self._offset = self.highest - self._highest_in
        return self.highest

    def _retire(self, end: int) -> None:
        self._older.append((self._floor, end, self._offset))
        if len(self._older) > _MAX_SEGMENTS:
            del self._older[0]

    def timestamp_at(self, now: float) -> int:
        """The outbound timestamp that falls on `now`, counted on from the newest packet's departure."""
        return (self.timestamp + round((now - self._time) * self._clock_hz)) & 0xFFFFFFFF
