"""What was sent: transport-wide sequence number -> send time and size, until feedback tells its fate."""

from typing import NamedTuple

HISTORY = 4096
"""Packets remembered (a power of two): 4 s at 1,000 packets/s; older feedback is ignored."""
_MASK = HISTORY - 1


class Fate(NamedTuple):
    """One packet's way: seconds on our clock for `sent`, on the peer's for `arrived` (None: lost)."""

    sequence: int
    sent: float
    size_bytes: int
    cluster: int
    arrived: float | None


class SentHistory:
    """A ring indexed by the unwrapped transport-wide sequence number. `add` is on the packet path."""

    __slots__ = ("_ring",)

    def __init__(self) -> None:
        self._ring: list[tuple[int, float, int, int] | None] = [None] * HISTORY

    def add(self, sequence: int, now: float, size_bytes: int, cluster: int = 0) -> None:
        """Remember a packet leaving at `now`; `cluster` numbers the probe it belongs to, 0 none."""
        self._ring[sequence & _MASK] = (sequence, now, size_bytes, cluster)

    def take(self, sequence: int, arrived: bool) -> tuple[int, float, int, int] | None:
        """The packet's (sequence, send time, size, cluster); None if unknown, too long ago or reported before.

        One that `arrived` is forgotten. One reported lost stays known: a later feedback may still report it received.
        """
        slot = sequence & _MASK
        entry = self._ring[slot]
        if entry is None or entry[0] != sequence:
            return None
        if arrived:
            self._ring[slot] = None
        return entry
