"""Reception statistics of one SSRC (RFC 3550 §6.4.1, appendices A.1, A.3 and A.8)."""

from media.wire.rtcp import ReportBlock

NOT_VALID = -1
"""What `received` returns for a packet out of all proportion to the sequence so far."""

_FIRST_CYCLE = 0x10000  # extended numbers start here, so that a late packet's is never negative
_MAX_DROPOUT = 3000
_MAX_MISORDER = 1000  # RFC 3550 suggests 100; a second of video is some hundreds
_MAX_TRANSIT_STEP = float(1 << 30)  # beyond it is a wrapped or restarted timestamp, not jitter
_DRIFT = 2e-4  # how much faster than ours another clock may run: the least transit is trusted less and less


class ReceptionStatistics:
    """Counts what arrives and extends 16-bit sequence numbers into unbounded ones."""

    __slots__ = (
        "_base",
        "_clock_hz",
        "_expected_prior",
        "_least",
        "_lost_before",
        "_newest",
        "_next_bad",
        "_received",
        "_received_prior",
        "_transit",
        "_untold",
        "fraction_lost",
        "highest",
        "jitter",
        "packets",
        "restarts",
    )

    def __init__(self, clock_hz: int) -> None:
        self._clock_hz = clock_hz
        self.packets = 0
        self.restarts = 0
        """How often the numbering started anew under the same SSRC."""
        self.fraction_lost = 0.0
        """Of the last report interval, 0 to 1."""
        self._lost_before = 0
        self._untold = 0.0
        self.reset()

    def reset(self) -> None:
        """Forget the sequence: another SSRC follows."""
        self.highest = NOT_VALID
        self.jitter = 0.0
        self._transit = 0.0
        self._least = float("inf")
        self._newest = 0.0
        self._next_bad = -1
        self._base = 0
        self._received = self._received_prior = self._expected_prior = 0

    def received(self, sequence_number: int, timestamp: int, now: float) -> int:
        """Count one packet; returns its extended sequence number, or NOT_VALID for one to be dropped."""
        highest = self.highest
        step = (sequence_number - highest) & 0xFFFF
        if 0 < step < _MAX_DROPOUT and highest >= 0:
            self.highest = extended = highest + step
        elif step > 0x10000 - _MAX_MISORDER or not step:
            extended = highest - (-step & 0xFFFF) if highest >= 0 else self._restart(sequence_number)
        else:
            extended = self._far_away(sequence_number)
            if extended < 0:
                return extended
        self._received += 1
        self.packets += 1
        transit = now * self._clock_hz - timestamp
        moved = transit - self._transit
        self._transit = transit
        if moved < 0:
            moved = -moved
        if moved < _MAX_TRANSIT_STEP:
            self.jitter += (moved - self.jitter) * 0.0625
            if extended == self.highest:  # what was sent again comes late for another reason
                self._newest = transit
                if transit < self._least:
                    self._least = transit
        else:
            self._least = self._newest = transit
        return extended

    def _far_away(self, sequence_number: int) -> int:
        """RFC 3550 A.1: two packets in a row from elsewhere mean that the source restarted."""
        if self.highest >= 0 and sequence_number != self._next_bad:
            self._next_bad = (sequence_number + 1) & 0xFFFF
            return NOT_VALID
        return self._restart(sequence_number)

    def _restart(self, sequence_number: int) -> int:
        if self.highest >= 0:
            self.restarts += 1
            self._lost_before = self.cumulative_lost
        begin = (self.highest & ~0xFFFF) + 0x20000 if self.highest >= 0 else _FIRST_CYCLE
        self.highest = self._base = begin | sequence_number
        self._received = self._received_prior = self._expected_prior = 0
        self._next_bad = -1
        self._transit = float("-inf")
        self._least = float("inf")
        return self.highest

    @property
    def queued(self) -> float:
        """Seconds that the newest packet took longer than the fastest one: it stood in a queue on the way."""
        return max(0.0, (self._newest - self._least) / self._clock_hz) if self.packets else 0.0

    @property
    def expected(self) -> int:
        """Packets that should have come since the numbering began."""
        return self.highest - self._base + 1 if self.highest >= 0 else 0

    @property
    def cumulative_lost(self) -> int:
        """Packets lost since the beginning; duplicates may make it negative (A.3)."""
        return self._lost_before + self.expected - self._received

    def report(self, ssrc: int, last_sender_report: int, delay_since_last: int, told: float = 1.0) -> ReportBlock:
        """The block for the next report; begins a new interval of `fraction_lost` (A.3).

        `told`: the share of the loss that the sender shall hear of.
        """
        self._least += _DRIFT * self._clock_hz
        expected = self.expected - self._expected_prior
        lost = expected - (self._received - self._received_prior)
        self._expected_prior = self.expected
        self._received_prior = self._received
        fraction = min(255, lost * 256 // expected) if expected > 0 and lost > 0 else 0
        self.fraction_lost = fraction / 256
        if told < 1.0 and lost > 0:
            self._untold += lost * (1.0 - told)
            fraction = int(fraction * told)
        cumulative = max(-0x800000, min(0x7FFFFF, self.cumulative_lost - int(self._untold)))
        highest = max(self.highest - _FIRST_CYCLE, 0) & 0xFFFFFFFF
        jitter = min(int(self.jitter), 0xFFFFFFFF)
        return ReportBlock(ssrc, fraction, cumulative, highest, jitter, last_sender_report, delay_since_last)
