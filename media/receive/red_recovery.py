"""Voice lost on the uplink and found again in the RED of later packets (RFC 2198)."""

from collections.abc import Sequence
from typing import NamedTuple

from media.wire.red import RedBlock

WINDOW = 128
_MASK = (1 << WINDOW) - 1
MAX_FRAME_SAMPLES = 5760
"""120 ms at 48 kHz, the longest Opus packet."""


class Recovered(NamedTuple):
    """A packet that had been lost: extended sequence number, RTP timestamp, and where its payload stands."""

    sequence: int
    timestamp: int
    start: int
    end: int


class RedRecovery:
    """Remembers which packets of one stream were seen; one per inbound audio track."""

    def __init__(self) -> None:
        self._highest: int | None = None
        self._seen = 0
        """Bit n: packet `_highest - n` was seen."""
        self.recovered = 0

    def note(self, sequence: int) -> bool:
        """Take the extended sequence number of a received packet; False if it was seen before."""
        if self._highest is None:
            self._highest, self._seen = sequence, _MASK  # what came before the first packet is nobody's loss
            return True
        ahead = sequence - self._highest
        if ahead > 0:
            self._seen = (self._seen << ahead | 1) & _MASK if ahead < WINDOW else 1
            self._highest = sequence
            return True
        if -ahead >= WINDOW or self._seen >> -ahead & 1:
            return False
        self._seen |= 1 << -ahead
        return True

    def is_missing(self, sequence: int) -> bool:
        """Whether a packet before the highest has not been seen."""
        behind = (self._highest or 0) - sequence
        return 0 < behind < WINDOW and not self._seen >> behind & 1

    def recover(self, sequence: int, timestamp: int, blocks: Sequence[RedBlock]) -> list[Recovered]:
        """Return what the redundant blocks of a noted packet bring back, oldest first.

        Blocks are the packets right before (RFC 2198 does not number them; libwebrtc sends neighbours): block n
        from the end has sequence number - n. Its timestamp must fit that, else it is left alone.
        """
        found = []
        redundant = len(blocks) - 1
        for index in range(redundant):
            block, distance = blocks[index], redundant - index
            lost = sequence - distance
            plausible = 0 < block.timestamp_offset <= distance * MAX_FRAME_SAMPLES and block.end > block.start
            if plausible and self.is_missing(lost):
                self.note(lost)
                self.recovered += 1
                found.append(Recovered(lost, (timestamp - block.timestamp_offset) & 0xFFFFFFFF, block.start, block.end))
        return found
