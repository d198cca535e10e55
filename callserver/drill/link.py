"""One direction of an emulated link: when does a datagram offered now arrive, if at all? Sans-IO, seeded."""

import random
from collections.abc import Sequence

from callserver.drill.spec import LinkState, Phase

IP_UDP_OVERHEAD_BYTES = 28


class Link:
    """Loss, then a drop-tail queue served at the link's rate, then propagation delay and jitter.

    Times are seconds, never decreasing from call to call; the phases count from `begin`, until then from 0.
    """

    def __init__(self, phases: Sequence[Phase], rng: random.Random) -> None:
        self._phases = phases
        self._rng = rng
        self._index = 0
        self._begun_at = 0.0
        self._state = phases[0].state
        self._free_at = 0.0
        """When the last queued bit will have left."""
        self._last_arrival = 0.0
        self._bursting = False
        self.offered = 0
        self.lost = 0
        self.overflowed = 0

    @property
    def state(self) -> LinkState:
        """The link as it is in the current phase."""
        return self._state

    def begin(self, now: float) -> None:
        """The schedule starts (again) now; what is on its way stays there."""
        self._index, self._begun_at = 0, now
        self._state = self._phases[0].state

    def advance(self, now: float) -> None:
        """Enter the phase of `now`."""
        while self._index + 1 < len(self._phases) and self._phases[self._index + 1].at <= now - self._begun_at:
            self._index += 1
            following = self._phases[self._index].state
            backlog_bits = max(0.0, self._free_at - now) * self._state.rate_bps
            if following.rate_bps:
                self._free_at = now + backlog_bits / following.rate_bps
            else:
                self._free_at = now
            self._state = following

    def offer(self, size_bytes: int, now: float) -> float | None:
        """Return the arrival time of a datagram with `size_bytes` of payload, None if it is lost."""
        self.advance(now)
        state = self._state
        self.offered += 1
        if state.down or self._loses(state):
            self.lost += 1
            return None
        departure = now
        if state.rate_bps:
            serialization = (size_bytes + IP_UDP_OVERHEAD_BYTES) * 8 / state.rate_bps
            waiting = max(0.0, self._free_at - now)
            limit = state.queue_seconds or state.queue_bytes * 8 / state.rate_bps
            if waiting > 0 and waiting + serialization > limit:
                self.overflowed += 1
                return None
            departure = self._free_at = now + waiting + serialization
        arrival = departure + state.delay
        if state.jitter:
            arrival += abs(self._rng.gauss(0.0, state.jitter))
        if state.reorder and self._rng.random() < state.reorder:
            return arrival
        arrival = self._last_arrival = max(arrival, self._last_arrival)
        return arrival

    def _loses(self, state: LinkState) -> bool:
        if not state.loss:
            return False
        if state.burst <= 1.0:
            return self._rng.random() < state.loss
        # Gilbert-Elliott (Elliott 1963), a lossless and a losing state: mean burst length 1/r, overall loss p/(p+r).
        leave = 1.0 / state.burst
        enter = 1.0 if state.loss >= 1.0 else min(1.0, leave * state.loss / (1.0 - state.loss))
        if self._bursting:
            self._bursting = self._rng.random() >= leave
        else:
            self._bursting = self._rng.random() < enter
        return self._bursting
