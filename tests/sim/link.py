"""One direction of a network path: delay, jitter, loss, a schedule of outages; or what a link description says."""

import random
from collections.abc import Callable

from callserver.drill.link import Link as Emulated
from callserver.drill.spec import parse_spec
from tests.sim.clock import Clock


class Link:
    """Datagrams come out in `delay` plus up to `jitter` seconds, which may change their order; some never."""

    def __init__(self, clock: Clock, deliver: Callable[[bytes], None], seed: int = 1) -> None:
        self.clock = clock
        self.deliver = deliver
        self.delay = 0.05
        self.jitter = 0.0
        self.loss = 0.0
        self.sent = 0
        self.lost = 0
        self.octets = 0
        self.lose: Callable[[bytes], bool] = lambda _: False
        """Loses chosen datagrams, beside those that chance loses."""
        self.queued: list[tuple[float, float]] = []
        """When something left through an emulated link's queue, and how long it had waited there."""
        self._rng = random.Random(seed)
        self._emulated: Emulated | None = None
        self._since = 0.0

    def shape(self, spec: str) -> None:
        """From now on behave as callserver.drill.spec describes, its time beginning now."""
        self._emulated = Emulated(parse_spec(spec), self._rng)
        self._since = self.clock.now

    def send(self, datagram: bytes) -> None:
        self.sent += 1
        self.octets += len(datagram)
        if self.lose(datagram):
            self.lost += 1
        elif self._emulated is not None:
            self._emulate(self._emulated, datagram)
        elif self._rng.random() < self.loss:
            self.lost += 1
        else:
            delay = self.delay + self._rng.random() * self.jitter
            self.clock.after(delay, lambda: self.deliver(datagram))

    def _emulate(self, link: Emulated, datagram: bytes) -> None:
        now = self.clock.now - self._since
        arrival = link.offer(len(datagram), now)
        if arrival is None:
            self.lost += 1
            return
        if link.state.rate_bps:
            self.queued.append((self.clock.now, arrival - now - link.state.delay))
        self.clock.at(self._since + arrival, lambda: self.deliver(datagram))

    def longest_queue(self, start: float, end: float = float("inf")) -> float:
        """The longest wait of a datagram sent between two times, seconds."""
        return max((waited for time, waited in self.queued if start <= time < end), default=0.0)
