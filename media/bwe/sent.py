"""What was sent: transport-wide sequence number -> send time and size, until feedback tells its fate."""

from typing import NamedTuple

HISTORY = 4096
"""Packets remembered at most: 4 s at 1,000 packets/s; older feedback is ignored."""


class Fate(NamedTuple):
    """One packet's way: seconds on our clock for `sent`, on the peer's for `arrived` (None: lost)."""

    sequence: int
    sent: float
    size_bytes: int
    cluster: int
    arrived: float | None


class SentHistory:
    """By the unwrapped transport-wide sequence number, which goes up by one from packet to packet. `add` is on the
    packet path. What is told of is forgotten, so that there is little to walk through: a tenth of a second's packets.
    """

    __slots__ = ("packets",)

    def __init__(self) -> None:
        self.packets: dict[int, tuple[float, int, int]] = {}
        """Send time, size and cluster. Whoever learns that a packet arrived takes it out; one reported lost stays
        known: a later feedback may still report it received."""

    def add(self, sequence: int, now: float, size_bytes: int, cluster: int = 0) -> None:
        """Remember a packet leaving at `now`; `cluster` numbers the probe it belongs to, 0 none."""
        packets = self.packets
        packets[sequence] = (now, size_bytes, cluster)
        packets.pop(sequence - HISTORY, None)
