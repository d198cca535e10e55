"""One direction of a network path: delay, jitter, loss, a schedule of outages."""

import random
from collections.abc import Callable

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
        self.lose: Callable[[bytes], bool] = lambda _: False
        """Loses chosen datagrams, beside those that chance loses."""
        self._rng = random.Random(seed)

    def send(self, datagram: bytes) -> None:
        self.sent += 1
        if self._rng.random() < self.loss or self.lose(datagram):
            self.lost += 1
            return
        delay = self.delay + self._rng.random() * self.jitter
        self.clock.after(delay, lambda: self.deliver(datagram))
