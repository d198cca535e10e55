"""A source's clock against ours, learned from its sender reports.

All streams of one sender report on the same NTP clock (RFC 3550 §6.4.1). One estimate of that clock's offset serves the
source's audio and video alike, so that whatever error it has cannot pull them apart.
"""

from media.wire.ntp import seconds_from_ntp

_WINDOW = 10.0
_MAX_STEP = 5.0
_MAX_REPORT_AGE = 30.0


class SourceClock:
    """The least transit time seen in the last ten to twenty seconds stands for the offset: it met no queue."""

    __slots__ = ("_current", "_previous", "_until")

    def __init__(self) -> None:
        self._current: float | None = None
        self._previous: float | None = None
        self._until = 0.0

    def reported(self, ntp_time: int, now: float) -> None:
        """A sender report written at `ntp_time` (64 bit, source's clock) arrived at `now`."""
        transit = now - seconds_from_ntp(ntp_time)
        known = self.offset
        if known is not None and abs(transit - known) > _MAX_STEP:  # the source's clock was set
            self._current = self._previous = None
        if now >= self._until:
            self._previous, self._current = self._current, None
            self._until = now + _WINDOW
        self._current = transit if self._current is None else min(self._current, transit)

    @property
    def offset(self) -> float | None:
        """Our monotonic time minus the source's NTP seconds; None before the first report."""
        if self._current is None or self._previous is None:
            return self._current if self._previous is None else self._previous
        return min(self._current, self._previous)


class StreamClock:
    """Where one stream's RTP timestamps stand on the source's NTP clock."""

    __slots__ = ("_arrived", "_clock_hz", "_source", "_source_seconds", "_timestamp", "last_ntp_time")

    def __init__(self, source: SourceClock, clock_hz: int) -> None:
        self._source = source
        self._clock_hz = clock_hz
        self.last_ntp_time = 0
        """Of the last sender report, for LSR; 0 before the first."""
        self._arrived = 0.0
        self._source_seconds = 0.0
        self._timestamp = 0

    def reported(self, ntp_time: int, timestamp: int, now: float) -> None:
        """Take a sender report's NTP and RTP time."""
        self._source.reported(ntp_time, now)
        self.last_ntp_time = ntp_time
        self._source_seconds = seconds_from_ntp(ntp_time)
        self._timestamp = timestamp
        self._arrived = now

    def reset(self) -> None:
        """Another SSRC follows: its timestamps have another origin."""
        self.last_ntp_time = 0

    def timestamp_at(self, now: float) -> int | None:
        """The RTP timestamp of what the source captures now, least transit discounted; None if not known (any more)."""
        offset = self._source.offset
        if not self.last_ntp_time or offset is None or now - self._arrived > _MAX_REPORT_AGE:
            return None
        elapsed = now - offset - self._source_seconds
        return (self._timestamp + round(elapsed * self._clock_hz)) & 0xFFFFFFFF

    def last_report(self) -> tuple[int, int, float] | None:
        """NTP time, RTP timestamp and arrival of the last sender report; None before the first."""
        return (self.last_ntp_time, self._timestamp, self._arrived) if self.last_ntp_time else None

    def report_delay(self, now: float) -> int:
        """DLSR: 1/65536 s since the last sender report came, 0 before the first."""
        if not self.last_ntp_time:
            return 0
        return min(0xFFFFFFFF, max(0, int((now - self._arrived) * 65536)))
