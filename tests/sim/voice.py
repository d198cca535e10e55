"""What a synthetic page hears: voice put together from packets, copies in RED and joined frames."""

from dataclasses import dataclass, field
from itertools import pairwise

from media.wire.red import parse_red
from media.wire.rtp import RtpPacket
from tests.sim.sink import Sink

PLAYOUT_SECONDS = 0.35
"""How long after it was spoken a word still can be played, by an adaptive jitter buffer on a bad link."""
WORD_HEAD = b"\x78sim"
"""An Opus packet's first byte (hybrid, 20 ms, one frame), then what a spoken word begins with."""


@dataclass
class Voice(Sink):
    """An audio sink that knows RED. Words are numbers the microphone counts."""

    opus_type: int = 111
    red_type: int = 63
    heard: dict[int, float] = field(default_factory=dict)
    """When a word first came, however."""
    plain: set[int] = field(default_factory=set)
    """Words that came as they were, not only as copies."""
    copies: int = 0
    joined: int = 0

    def receive(self, packet: RtpPacket, now: float) -> None:
        super().receive(packet, now)
        payload = packet.payload
        if packet.payload_type != self.red_type:
            self._hear(payload, now, copy=False)
            return
        for block in parse_red(payload, 0, len(payload)):
            assert block.payload_type == self.opus_type
            self._hear(payload[block.start : block.end], now, copy=block.timestamp_offset > 0)

    def _hear(self, opus: bytes, now: float, *, copy: bool) -> None:
        self.copies += copy
        frames = split(opus)
        self.joined += len(frames) > 1
        for frame in frames:
            number = int.from_bytes(frame[3:7])
            self.heard.setdefault(number, now)
            if not copy:
                self.plain.add(number)

    def concealed(self, spoken: dict[int, float], start: float, end: float, delay: float = PLAYOUT_SECONDS) -> float:
        """Share of the words spoken between two times that were not heard in time."""
        due = [(number, time) for number, time in spoken.items() if start <= time < end]
        return sum(self.heard.get(number, float("inf")) > time + delay for number, time in due) / len(due)

    def latest(self, spoken: dict[int, float], start: float, end: float) -> float:
        """The longest way of a word that was heard, seconds."""
        return max(
            self.heard[number] - time for number, time in spoken.items() if start <= time < end and number in self.heard
        )

    def longest_gap(self, start: float, end: float) -> float:
        """The longest time between two words heard one after the other."""
        times = [start, *sorted(time for time in self.heard.values() if start <= time < end), end]
        return max(after - before for before, after in pairwise(times))


def split(opus: bytes) -> list[bytes]:
    """The frames of a packet, without its first byte: one (code 0), or several of their own length (code 3)."""
    if opus[0] & 3 == 0:
        return [opus[1:]]
    assert opus[0] & 3 == 3
    assert opus[1] & 0xC0 == 0x80
    count, at = opus[1] & 0x3F, 2
    lengths = []
    for _ in range(count - 1):
        size, at = opus[at], at + 1
        if size >= 252:
            size, at = size + 4 * opus[at], at + 1
        lengths.append(size)
    lengths.append(len(opus) - at - sum(lengths))
    frames = []
    for size in lengths:
        frames.append(opus[at : at + size])
        at += size
    return frames
