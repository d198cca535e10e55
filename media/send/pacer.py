"""Pacer: what may leave when. Voice at once, then repair, then pictures, then their protection, padding last.

A leaky bucket at the target rate with a little headroom; media that fits leaves at once and is never copied. What
does not fit waits. The queue is bounded in time: while it is `overloaded` the track takes no new picture, so that what
waits is always whole pictures that are worth sending (dropping numbered packets would only be asked for again).
"""

from collections import deque
from enum import IntEnum
from typing import NamedTuple, Protocol

from media.wire.layout import Layout

HEADROOM, NARROW_HEADROOM = 1.25, 1.05
"""Above the target, so that the queue of a well-behaved source drains; on a narrow link it would drain into the link's
queue, where voice waits behind it."""
NARROW_BPS = 400_000
BURST_SECONDS = 0.01
MIN_BURST_BYTES, MIN_BURST_SECONDS = 2_600, 0.06
"""Two packets: less than that and every frame would wait for the clock; but no more than voice may have to wait."""
MAX_QUEUE_SECONDS = 0.35
MAX_QUEUE_PACKETS = 600
MAX_DEBT_SECONDS = 0.3
"""What left in any case (voice, repair) beyond the rate is held against pictures for so long and no longer."""


class Priority(IntEnum):
    REPAIR = 0
    VIDEO = 1
    PROTECTION = 2


class Sender(Protocol):
    """Who puts the last touch to a packet when its turn comes."""

    def leave(self, packet: "Queued", now: float) -> None:
        """Send it."""


class Queued(NamedTuple):
    """A waiting packet."""

    data: bytes
    layout: Layout
    sender: Sender


class Pacer:
    """One per leg. Ask `admit` for a packet at hand; if refused, `push` a copy and `pop` it later."""

    __slots__ = ("_budget", "_burst", "_bytes", "_deepest", "_queues", "_rate", "_target_bps", "_updated")

    def __init__(self, target_bps: float) -> None:
        self.target_bps = target_bps
        self._queues: tuple[deque[Queued], ...] = tuple(deque() for _ in Priority)
        self._bytes = 0
        self._budget = float(MIN_BURST_BYTES)
        self._updated = 0.0

    @property
    def target_bps(self) -> float:
        """The rate at which a queue drains, without the headroom."""
        return self._target_bps

    @target_bps.setter
    def target_bps(self, bps: float) -> None:
        self._target_bps = bps
        self._rate = rate = bps * (HEADROOM if bps >= NARROW_BPS else NARROW_HEADROOM) / 8
        """Bytes a second."""
        self._burst = max(rate * BURST_SECONDS, min(MIN_BURST_BYTES, rate * MIN_BURST_SECONDS))
        self._deepest = -rate * MAX_DEBT_SECONDS

    def admit(self, size_bytes: int, now: float) -> bool:
        """Whether a video packet may leave right now; if so it is paid for."""
        if self._bytes:
            return False
        # As in _refill; a call more for every picture packet would be felt.
        budget = self._budget + (now - self._updated) * self._rate
        self._updated = now
        if budget <= 0.0:
            self._budget = max(budget, self._deepest)
            return False
        self._budget = (budget if budget < self._burst else self._burst) - size_bytes
        return True

    def charge(self, size_bytes: int) -> None:
        """Pay for something that leaves in any case: voice, its protection, probes."""
        self._budget -= size_bytes

    def push(self, priority: Priority, packet: Queued) -> None:
        """Let a packet wait; protection is not worth waiting for when much does."""
        if priority is Priority.PROTECTION and self.queued_seconds > MAX_QUEUE_SECONDS / 2:
            return
        if sum(map(len, self._queues)) < MAX_QUEUE_PACKETS:
            self._queues[priority].append(packet)
            self._bytes += len(packet.data)

    def pop(self, now: float) -> Queued | None:
        """Return the next packet that may leave at `now`, None if none may."""
        self._refill(now)
        if not self._bytes or self._budget <= 0.0:
            return None
        for queue in self._queues:
            if queue:
                packet = queue.popleft()
                self._bytes -= len(packet.data)
                self._budget -= len(packet.data)
                return packet
        return None

    def next_timeout(self, now: float) -> float | None:
        """When `pop` will have something; None while nothing waits."""
        if not self._bytes:
            return None
        return now + max(0.0, -self._budget / self._rate)

    def debt_seconds(self, now: float) -> float:
        """How long it takes until what left in any case is paid for."""
        self._refill(now)
        return max(0.0, -self._budget / self._rate)

    @property
    def waiting(self) -> bool:
        """Whether anything waits."""
        return self._bytes > 0

    @property
    def queued_seconds(self) -> float:
        """How long what waits will take."""
        return self._bytes / self._rate

    @property
    def overloaded(self) -> bool:
        """Whether a new picture would wait too long."""
        return self._bytes > 0 and self.queued_seconds > MAX_QUEUE_SECONDS

    def clear(self) -> None:
        """Forget what waits: the source changed or video is paused."""
        for queue in self._queues:
            queue.clear()
        self._bytes = 0

    def _refill(self, now: float) -> None:
        self._budget = min(max(self._budget, self._deepest) + (now - self._updated) * self._rate, self._burst)
        self._updated = now
