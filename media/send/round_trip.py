"""The round trip time to one peer, from our sender reports echoed in its reports (RFC 3550 §6.4.1)."""

from media.wire.ntp import middle_bits

_KEPT = 8
_LONGEST = 60.0


class RoundTrip:
    """Matches LSR to the reports we sent, so that no wall clock has to be compared."""

    __slots__ = ("_sent", "latest", "smoothed")

    def __init__(self) -> None:
        self._sent: dict[int, float] = {}
        self.latest: float | None = None
        self.smoothed: float | None = None
        """Seconds; None before the first echo. Moves an eighth of the way to each new sample."""

    def report_sent(self, ntp_time: int, now: float) -> None:
        """A sender report carrying `ntp_time` leaves now."""
        self._sent[middle_bits(ntp_time)] = now
        while len(self._sent) > _KEPT:
            del self._sent[next(iter(self._sent))]

    def echoed(self, last_sender_report: int, delay_since_last: int, now: float) -> None:
        """A report block speaks of one of our sender reports; unknown ones are ignored."""
        sent = self._sent.get(last_sender_report)
        if sent is None:
            return
        sample = now - sent - delay_since_last / 65536
        if not -0.1 < sample < _LONGEST:
            return
        self.latest = max(sample, 0.0005)
        self.smoothed = self.latest if self.smoothed is None else self.smoothed + (self.latest - self.smoothed) / 8
