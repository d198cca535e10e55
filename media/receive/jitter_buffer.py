"""Voice packets in, one decision a tick out: decode, recover, conceal, and whether to stretch time (after NetEQ).

A tap's jitter buffer, never the forwarder's. The reader asks once for every tick of sound it needs; the answer says
what to make it of. Rules, as in NetEQ's decision logic (libwebrtc modules/audio_coding/neteq/decision_logic):
- Nothing waiting: conceal and stay. The sound goes on later than before; the buffer has grown by what was concealed.
- A gap with something behind it: recover from in-band FEC what the next packet holds, conceal the rest, go on.
- More waiting than the target: the sound is played faster, less: slower. So the delay shrinks again after a burst.
"""

from enum import Enum
from typing import NamedTuple

from media.errors import WireError
from media.receive.delay_histogram import DelayHistogram, RelativeDelay
from media.units import AUDIO_CLOCK_HZ
from media.wire.opus import packet_ms
from media.wire.serial import delta32, unwrap32

TICK = 0.020
TICK_SAMPLES = 960
MIN_TARGET = 0.020
MAX_TARGET = 1.0
MAX_PACKETS = 200
MAX_BYTES = 256_000
MAX_JUMP_SAMPLES = 5 * AUDIO_CLOCK_HZ
"""A packet this far from what is due begins a new timeline."""
START_WAIT = 0.060
"""The most that the first packet waits before anything is known of the path."""

LOSSY_PACKETS = 500
"""After a gap more is kept waiting for ten seconds: the packet behind a lost one brings it back in-band (FEC)."""

_SMOOTHING = 0.9
_MS = AUDIO_CLOCK_HZ // 1000
_SHORTEST_SAMPLES = 120
"""2.5 ms, the unit of Opus durations."""


class Operation(Enum):
    SILENCE = "silence"
    """Nothing has come yet."""
    DECODE = "decode"
    RECOVER = "recover"
    """What is lost is in `payload`, the packet behind it (in-band FEC)."""
    CONCEAL = "conceal"


class Stretch(Enum):
    NONE = "none"
    ACCELERATE = "accelerate"
    FAST_ACCELERATE = "fast accelerate"
    """Far too much is waiting: shorten even where it is heard."""
    EXPAND = "expand"


class Decision(NamedTuple):
    """What the next sound is made of."""

    operation: Operation
    payload: bytes = b""
    samples: int = TICK_SAMPLES
    """How much sound it stands for, at 48 kHz."""
    timestamp: int | None = None
    """Of its first sample, unwrapped; None for sound that the source did not make (waiting)."""
    stretch: Stretch = Stretch.NONE


class JitterStatistics(NamedTuple):
    """Counts since the start; samples at 48 kHz."""

    received: int
    late: int
    duplicate: int
    malformed: int
    flushed: int
    concealed_samples: int
    recovered_samples: int
    waited_samples: int
    """Concealed because nothing was there: delay that was added."""


class _Waiting(NamedTuple):
    payload: bytes
    samples: int


class JitterBuffer:
    """One voice stream's. Payloads are Opus packets; `now` is monotonic seconds on one clock."""

    def __init__(self, min_target: float = MIN_TARGET, max_target: float = MAX_TARGET) -> None:
        self._min_target = min_target
        self._max_target = max_target
        self._histogram = DelayHistogram()
        self._relative = RelativeDelay()
        self._packets: dict[int, _Waiting] = {}
        self._bytes = 0
        self._newest: int | None = None
        self._due: int | None = None
        """Timestamp of the next sample to decode; None until playing began."""
        self._first_arrival = 0.0
        self._filled = 0
        """Samples concealed since the last packet was decoded."""
        self._level = 0.0
        """Smoothed seconds waiting."""
        self._lossy = 0
        """Packets for which more is kept waiting."""
        self._counts = dict.fromkeys(JitterStatistics._fields, 0)

    @property
    def target(self) -> float:
        """Seconds of sound that should be waiting."""
        wanted = self._histogram.quantile() + (2 * TICK if self._lossy else 0.0)
        return min(max(wanted, self._min_target), self._max_target)

    @property
    def level(self) -> float:
        """Seconds of sound waiting, from what is due to the newest packet's end, smoothed."""
        return self._level

    @property
    def statistics(self) -> JitterStatistics:
        return JitterStatistics(**self._counts)

    def insert(self, timestamp: int, payload: bytes, now: float) -> None:
        """Take one packet in any order; bad, late and repeated ones are counted. `timestamp` has 32 bits."""
        try:
            samples = round(packet_ms(payload) * _MS)
        except WireError:
            self._counts["malformed"] += 1
            return
        self._counts["received"] += 1
        extended = self._unwrap(timestamp, now)
        self._histogram.add(self._relative.measure(extended / AUDIO_CLOCK_HZ, now))
        if self._due is not None and extended < self._due:
            self._counts["late"] += 1
        elif extended in self._packets:
            self._counts["duplicate"] += 1
        else:
            self._packets[extended] = _Waiting(payload, samples)
            self._bytes += len(payload)
            if len(self._packets) > MAX_PACKETS or self._bytes > MAX_BYTES:
                self._flush()

    def next(self, now: float, pending: int = 0) -> Decision:
        """What to play next; to be asked once a tick. `pending` is decoded sound not played yet, in samples."""
        if self._due is None and not self._begin(now):
            return Decision(Operation.SILENCE)
        assert self._due is not None
        self._watch_level(pending)
        if self._due in self._packets:
            return self._decode(self._due)
        following = min(self._packets, default=None)
        if following is None:
            self._filled += TICK_SAMPLES
            self._counts["waited_samples"] += TICK_SAMPLES
            return Decision(Operation.CONCEAL)
        return self._fill(following, following - self._due)

    def stretched(self, samples: int) -> None:
        """Time stretching took (negative) or added samples: the level follows at once, so that it is not done twice."""
        self._level = max(0.0, self._level + samples / AUDIO_CLOCK_HZ)

    def _begin(self, now: float) -> bool:
        """Start playing when enough waits, or the first packet has waited long enough."""
        if not self._packets:
            return False
        first = min(self._packets)
        waiting = self._span(first)
        if waiting < self.target and now - self._first_arrival < min(self.target, START_WAIT):
            return False
        self._due, self._level, self._filled = first, waiting, 0
        return True

    def _decode(self, timestamp: int) -> Decision:
        packet = self._packets.pop(timestamp)
        self._bytes -= len(packet.payload)
        self._due = timestamp + packet.samples
        self._filled = 0
        self._lossy = max(0, self._lossy - 1)
        return Decision(Operation.DECODE, packet.payload, packet.samples, timestamp, self._stretch())

    def _fill(self, following: int, gap: int) -> Decision:
        """Between what is due and the next packet that is here, something is missing; it may still come."""
        packet = self._packets[following]
        self._lossy = LOSSY_PACKETS
        if self._filled >= gap or gap < _SHORTEST_SAMPLES:  # waited that long already: no need to come later still
            return self._decode(following)
        recoverable = min(gap, packet.samples)
        if self._filled >= gap - recoverable:
            self._due, self._filled = following, 0
            samples = recoverable - recoverable % _SHORTEST_SAMPLES
            self._counts["recovered_samples"] += samples
            return Decision(Operation.RECOVER, packet.payload, samples, following - recoverable)
        timestamp = following - gap + self._filled
        self._filled += TICK_SAMPLES
        self._counts["concealed_samples"] += TICK_SAMPLES
        return Decision(Operation.CONCEAL, timestamp=timestamp)

    def _stretch(self) -> Stretch:
        """NetEQ's limits: slower under 3/4 of the target, faster over it, much faster over four times."""
        target = self.target
        low = max(0.75 * target, target - 0.085)
        high = max(target, low + 0.020)
        if self._level >= 4 * high:
            return Stretch.FAST_ACCELERATE
        if self._level > high:
            return Stretch.ACCELERATE
        return Stretch.EXPAND if self._level < low else Stretch.NONE

    def _watch_level(self, pending: int) -> None:
        waiting = self._span(self._due or 0) + pending / AUDIO_CLOCK_HZ
        self._level = _SMOOTHING * self._level + (1 - _SMOOTHING) * waiting

    def _span(self, start: int) -> float:
        """Seconds from `start` to the end of the newest packet waiting."""
        if not self._packets:
            return 0.0
        newest = max(self._packets)
        return max(0, newest + self._packets[newest].samples - start) / AUDIO_CLOCK_HZ

    def _unwrap(self, timestamp: int, now: float) -> int:
        """The unbounded timestamp; a jump (another source, another clock) begins anew."""
        if self._newest is None or abs(delta32(timestamp, self._newest & 0xFFFFFFFF)) > MAX_JUMP_SAMPLES:
            self._counts["flushed"] += len(self._packets)
            self._packets.clear()
            self._bytes = 0
            self._due = None
            self._relative.reset()
            self._first_arrival = now
            self._newest = timestamp
            return timestamp
        extended = unwrap32(timestamp, self._newest)
        self._newest = max(self._newest, extended)
        return extended

    def _flush(self) -> None:
        """Too much is waiting (a reader that stood still): go on with the newest that make up the target."""
        newest = max(self._packets)
        keep_from = newest - round(self.target * AUDIO_CLOCK_HZ)
        for timestamp in [t for t in self._packets if t < keep_from]:
            self._bytes -= len(self._packets.pop(timestamp).payload)
            self._counts["flushed"] += 1
        if self._bytes > MAX_BYTES:
            self._counts["flushed"] += len(self._packets)
            self._packets.clear()
            self._bytes = 0
        elif self._due is not None:
            self._due = min(self._packets)
