"""Packets in the order of their sequence numbers, with some patience for those that come late (NACK, reordering)."""

from collections.abc import Iterator
from typing import NamedTuple

from media.wire.serial import unwrap16

PATIENCE_SECONDS = 0.5
"""A retransmission takes up to two round trips; who is slower than this is taken for lost."""
_BEGIN_SECONDS = 0.05
"""At the beginning no number is known to be the first: so long the lowest is waited for."""
_MOST_WAITING = 1024
_MOST_AHEAD = 3000
"""A number further away than this belongs to a source that began anew."""


class Numbered(NamedTuple):
    """A packet with its sequence number unwrapped: a number that is not the one after the last tells of a loss."""

    number: int
    timestamp: int
    arrival: float
    marker: bool
    payload: bytes


class Sequencer:
    """One stream's packets. Give each to `push`, take those that are due from `ready`."""

    def __init__(self, patience: float = PATIENCE_SECONDS) -> None:
        self._patience = patience
        self._next: int | None = None
        self._waiting: dict[int, Numbered] = {}
        self.late = 0
        """Packets that came after they had been given up, or twice."""

    @property
    def waits(self) -> bool:
        """Whether packets wait for one that is missing."""
        return bool(self._waiting)

    def push(self, sequence: int, timestamp: int, arrival: float, marker: bool, payload: bytes) -> Iterator[Numbered]:
        """Take a packet; the packets that are in order now."""
        expected = self._next
        if expected is None:
            return self._begin(Numbered(sequence, timestamp, arrival, marker, payload))
        number = unwrap16(sequence, expected)
        packet = Numbered(number, timestamp, arrival, marker, payload)
        if number == expected and not self._waiting:
            self._next = number + 1
            return iter((packet,))
        if abs(number - expected) > _MOST_AHEAD:
            released = self._all()
            self._next = number + 1
            return iter((*released, packet))
        if number < expected or number in self._waiting:
            self.late += 1
            return iter(())
        self._waiting[number] = packet
        return iter((*self._in_order(), *self.ready(arrival)))

    def ready(self, now: float) -> list[Numbered]:
        """Packets whose predecessors are given up by `now`."""
        released: list[Numbered] = []
        if self._next is None and self._waiting:
            since = now - next(iter(self._waiting.values())).arrival
            if since < _BEGIN_SECONDS and len(self._waiting) <= _MOST_WAITING:
                return released
            self._next = min(self._waiting)
            released = self._in_order()
        while self._waiting:
            first = min(self._waiting)
            overdue = now - self._waiting[first].arrival >= self._patience
            if not overdue and len(self._waiting) <= _MOST_WAITING:
                break
            self._next = first
            released += self._in_order()
        return released

    def flush(self) -> list[Numbered]:
        """Everything that waits, whatever is missing."""
        released = self._all()
        if released:
            self._next = released[-1].number + 1
        return released

    def _begin(self, packet: Numbered) -> Iterator[Numbered]:
        near = next(iter(self._waiting), packet.number + 0x10000)
        number = unwrap16(packet.number, near)
        if number in self._waiting or abs(number - near) > _MOST_AHEAD:
            self.late += 1
        else:
            self._waiting[number] = packet._replace(number=number)
        return iter(self.ready(packet.arrival))

    def _in_order(self) -> list[Numbered]:
        assert self._next is not None
        released = []
        while (packet := self._waiting.pop(self._next, None)) is not None:
            released.append(packet)
            self._next += 1
        return released

    def _all(self) -> list[Numbered]:
        released = [self._waiting[number] for number in sorted(self._waiting)]
        self._waiting.clear()
        return released
