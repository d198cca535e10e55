"""RTP timestamps to call time: seconds since the recording began, on the server's monotonic clock.

Voice and picture of a leg meet through its sender reports (RFC 3550 §6.4.1), which tell both clocks' relation to one
wall clock. Only then the leg as a whole is laid onto the server's clock, by the least transit time of a minute. So
whatever the network does to arrival times moves voice and picture alike. Until the first report, arrival alone must do.
"""

from media.wire.ntp import seconds_from_ntp
from media.wire.serial import unwrap32

_BUCKET_SECONDS = 10.0
_BUCKETS = 6
_SETTLING_SECONDS = 10.0
"""At first the least transit time is followed at once."""
_SLEW = 0.001
"""Later it is followed by 1 ms a second: enough for any clock, too slow for a queue that comes and goes."""
_JUMP_SECONDS = 1.0
"""What no queue does: somebody set a clock."""

_STEP_SECONDS = 0.1
"""A report this far from what was expected tells of a step, not of jitter."""
_WEIGHT = 0.25
"""Of a new report: sender reports of browsers scatter by some ms."""
_AHEAD_SECONDS = 1.0
_BEHIND_SECONDS = 5.0
"""A timestamp that claims to be so far from its arrival follows another scale than the ones before."""
_MEMORY_WEIGHT = 0.05


class TransitClock:
    """Maps a sender's clock to ours by the least transit time seen lately."""

    def __init__(self) -> None:
        self.offset: float | None = None
        """What must be added to the sender's time, seconds."""
        self._least: list[float] = []
        self._bucket_at = 0.0
        self._settled_at = 0.0
        self._slewed_at = 0.0

    def note(self, sent: float, arrival: float) -> float:
        """Take a pair of times, return where `sent` lies on our clock."""
        transit = arrival - sent
        if self.offset is None:
            self._begin(transit, arrival)
        elif arrival - self._bucket_at >= _BUCKET_SECONDS:
            self._bucket_at = arrival
            self._least.append(transit)
            del self._least[:-_BUCKETS]
        elif transit < self._least[-1]:
            self._least[-1] = transit
        if arrival - self._slewed_at >= 0.1 or arrival < self._settled_at:
            self._follow(arrival)
        assert self.offset is not None
        return sent + self.offset

    def place(self, sent: float) -> float:
        """Where `sent` lies on our clock; there must have been a note."""
        assert self.offset is not None
        return sent + self.offset

    def seed(self, offset: float, now: float) -> None:
        """Begin with an offset that is known from elsewhere."""
        self._begin(offset, now)

    def _begin(self, offset: float, now: float) -> None:
        self.offset = offset
        self._least = [offset]
        self._bucket_at = self._slewed_at = now
        self._settled_at = now + _SETTLING_SECONDS

    def _follow(self, now: float) -> None:
        assert self.offset is not None
        away = min(self._least) - self.offset
        if abs(away) > _JUMP_SECONDS and abs(self._least[-1] - self.offset) > _JUMP_SECONDS:
            self._begin(self._least[-1], now)
            return
        step = _SLEW * max(0.0, now - self._slewed_at)
        self._slewed_at = max(now, self._slewed_at)
        if now < self._settled_at and away < 0:
            self.offset += away
        else:
            self.offset += min(step, max(-step, away))


class LegClock:
    """A leg's wall clock as its sender reports tell it, laid onto ours."""

    def __init__(self) -> None:
        self.transit = TransitClock()
        self.step = 0.0
        """By how much the sender has set its clock since; taken off what its reports say."""


class StreamClock:
    """One RTP clock of a leg (one SSRC)."""

    def __init__(self, leg: LegClock, clock_hz: int) -> None:
        self._leg = leg
        self._hz = clock_hz
        self._own = TransitClock()
        self._near: int | None = None
        """The last unwrapped timestamp."""
        self._wall_less_rtp: float | None = None
        """The sender's wall time minus its RTP time, in seconds; known from reports."""
        self._late = 0.0
        """How late packets have been of late against their call time, smoothed."""

    @property
    def reported(self) -> bool:
        """Whether a sender report has been taken."""
        return self._wall_less_rtp is not None

    def time_of(self, timestamp: int, arrival: float) -> float:
        """The capture time of `timestamp` on the clock of `arrival`."""
        rtp = self._unwrapped(timestamp)
        placed = self._placed(rtp, arrival)
        late = arrival - placed
        if not -_AHEAD_SECONDS < late < _BEHIND_SECONDS:
            self._restart()
            return self._placed(self._unwrapped(timestamp), arrival)
        self._late += _MEMORY_WEIGHT * (late - self._late)
        return placed

    def report(self, ntp_time: int, timestamp: int, arrival: float) -> None:
        """Take a sender report: at wall time `ntp_time` (64 bits) the RTP clock stood at `timestamp`."""
        if self._near is None:
            return
        rtp = unwrap32(timestamp, self._near) / self._hz
        wall = seconds_from_ntp(ntp_time) - self._leg.step
        measured = wall - rtp
        if self._wall_less_rtp is None:
            self._first_report(measured, arrival)
            return
        away = measured - self._wall_less_rtp
        if abs(away) < _STEP_SECONDS:
            self._wall_less_rtp += _WEIGHT * away
        elif abs(self._late - away) < abs(self._late):
            self._wall_less_rtp = measured  # packets agree: the RTP clock made the step
            self._late -= away
        else:
            self._leg.step += away

    def _first_report(self, measured: float, arrival: float) -> None:
        self._wall_less_rtp = measured
        transit = self._leg.transit
        if transit.offset is None and self._own.offset is not None:
            transit.seed(self._own.offset - measured, arrival)

    def _placed(self, rtp: int, arrival: float) -> float:
        sent = rtp / self._hz
        if self._wall_less_rtp is None:
            return self._own.note(sent, arrival)
        return self._leg.transit.note(sent + self._wall_less_rtp, arrival)

    def _unwrapped(self, timestamp: int) -> int:
        self._near = timestamp if self._near is None else unwrap32(timestamp, self._near)
        return self._near

    def _restart(self) -> None:
        """The timestamps jumped: arrival must do again, until the next report."""
        self._near = None
        self._wall_less_rtp = None
        self._own = TransitClock()
        self._late = 0.0
