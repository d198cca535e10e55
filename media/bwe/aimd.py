"""Rate control from the delay signal: additive or multiplicative increase, multiplicative decrease.

Source: draft-ietf-rmcat-gcc-02 §5.5 and libwebrtc's aimd_rate_control.cc. Ours differs in one thing: the received
rate is given corrected for random loss (see estimator.py), so that loss alone never lowers the rate.
"""

from enum import Enum

from media.bwe.overuse import Usage

BETA = 0.85
INCREASE_A_SECOND = 1.08
RESPONSE_SECONDS = 0.1
MIN_ADDITIVE_BPS = 2_000.0
ADDITIVE_A_SECOND = 0.05
"""Near the ceiling no faster than that, as a share of the target: a packet a response time is a seventh of 150 kbps,
and the queue is there before the trend is. Whether there is much more the probes find out."""
CAPACITY_SMOOTHING = 0.05
MIN_DEVIATION, MAX_DEVIATION = 0.4, 2.5


class State(Enum):
    HOLD = 0
    INCREASE = 1
    DECREASE = 2


class LinkCapacity:
    """Mean and deviation of the received rate at overuse, in kbit/s: where the link's ceiling was last met."""

    def __init__(self) -> None:
        self.kbps: float | None = None
        self._deviation = MIN_DEVIATION

    def observe(self, kbps: float) -> None:
        if self.kbps is None:
            self.kbps = kbps
            return
        error = kbps - self.kbps
        self.kbps += CAPACITY_SMOOTHING * error
        variance = (1 - CAPACITY_SMOOTHING) * self._deviation + CAPACITY_SMOOTHING * error * error / max(self.kbps, 1.0)
        self._deviation = min(max(variance, MIN_DEVIATION), MAX_DEVIATION)

    def bounds(self) -> tuple[float, float] | None:
        """Three deviations either side, kbit/s; None when nothing is known."""
        if self.kbps is None:
            return None
        spread = 3.0 * (self._deviation * self.kbps) ** 0.5
        return max(0.0, self.kbps - spread), self.kbps + spread

    def forget(self) -> None:
        self.kbps = None


class Aimd:
    """Turns the detector's signal and the received rate into a target."""

    def __init__(self, start_bps: float, min_bps: float, max_bps: float) -> None:
        self.target_bps = start_bps
        self.min_bps = min_bps
        self.max_bps = max_bps
        self.capacity = LinkCapacity()
        self.state = State.HOLD
        self.decreased_at: float | None = None
        self._changed_at: float | None = None

    def update(
        self, usage: Usage, received_bps: float | None, rtt: float, now: float, full_bps: float | None = None
    ) -> float:
        """Return the new target; `received_bps` is what arrived, corrected for random loss, `rtt` in seconds.

        `full_bps`: what the link carries if it is full now, where that is known better.
        """
        if usage is Usage.OVERUSE:
            self.state = State.DECREASE
        elif usage is Usage.UNDERUSE:
            self.state = State.HOLD  # the queue drains: wait
        elif self.state is State.HOLD:
            self.state, self._changed_at = State.INCREASE, now
        if self.state is State.DECREASE:
            self._decrease(full_bps or received_bps, rtt, now)
        elif self.state is State.INCREASE:
            self._increase(received_bps, rtt, now)
        return self.target_bps

    def begin_at(self, bps: float, now: float) -> None:
        """The first probe showed what fits: that is better than an assumption, be it more or less."""
        self.target_bps = min(max(bps, self.min_bps), self.max_bps)
        self._changed_at = now

    def raise_to(self, bps: float, now: float) -> None:
        """A probe showed that more fits."""
        self.target_bps = min(max(self.target_bps, bps), self.max_bps)
        bounds = self.capacity.bounds()
        if bounds is not None and bps / 1000.0 > bounds[1]:
            self.capacity.forget()
        self._changed_at = now

    def _increase(self, received_bps: float | None, rtt: float, now: float) -> None:
        elapsed = min(now - (self._changed_at if self._changed_at is not None else now), 1.0)
        self._changed_at = now
        bounds = self.capacity.bounds()
        if bounds is not None and received_bps is not None and received_bps / 1000.0 > bounds[1]:
            self.capacity.forget()
            bounds = None
        if bounds is not None:
            # One average packet a response time (§5.5); packets of 1,200 bytes at 30 frames a second.
            frame_bits = self.target_bps / 30.0
            packet_bits = frame_bits / max(1.0, -(-frame_bits // (1200 * 8)))
            slope = min(packet_bits / (rtt + RESPONSE_SECONDS), ADDITIVE_A_SECOND * self.target_bps)
            grown = self.target_bps + max(MIN_ADDITIVE_BPS, slope) * elapsed
        else:
            grown = self.target_bps + max(self.target_bps * (INCREASE_A_SECOND**elapsed - 1.0), 1000.0 * elapsed)
        if received_bps is not None:
            # Never far above what was seen to arrive: an idle source proves nothing.
            grown = min(grown, max(1.5 * received_bps + 10_000.0, self.target_bps))
        self.target_bps = min(grown, self.max_bps)

    def _decrease(self, received_bps: float | None, rtt: float, now: float) -> None:
        self.state = State.HOLD
        if self.decreased_at is not None and now - self.decreased_at < min(max(rtt, 0.01), 0.2):
            half = received_bps is not None and received_bps < self.target_bps / 2
            if not half:
                return  # the last decrease is not yet seen in the feedback
        measured = received_bps if received_bps is not None else self.target_bps
        lowered = BETA * measured
        if lowered > self.target_bps and self.capacity.kbps is not None:
            lowered = BETA * self.capacity.kbps * 1000.0
        bounds = self.capacity.bounds()
        if bounds is not None and measured / 1000.0 < bounds[0]:
            self.capacity.forget()
        self.capacity.observe(measured / 1000.0)
        self.target_bps = max(min(lowered, self.target_bps), self.min_bps)
        self.decreased_at = self._changed_at = now
