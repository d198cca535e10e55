"""What was sent lately, for retransmission: plaintext packets as they left, by their 16-bit sequence number."""

from media.wire.layout import Layout

MAX_AGE = 1.0

SentPacket = tuple[int, float, bytes, Layout]
"""Extended sequence number, time of sending, the whole packet, its header's layout."""


class SentPackets:
    """A ring of at most `capacity` packets (a power of two), none older than a second."""

    __slots__ = ("_capacity", "_oldest", "_resent", "_ring")

    def __init__(self, capacity: int) -> None:
        if capacity & (capacity - 1):
            raise ValueError("capacity must be a power of two")
        self._capacity = capacity
        self._ring: list[SentPacket | None] = []
        self._resent: dict[int, float] = {}
        self._oldest = 0

    @property
    def held(self) -> int:
        """Packets kept now."""
        return sum(packet is not None for packet in self._ring)

    def store(self, number: int, now: float, data: bytes, layout: Layout) -> None:
        """Keep a packet; the one a full ring before goes."""
        if not self._ring:
            self._ring = [None] * self._capacity
            self._oldest = number
        self._ring[number & (self._capacity - 1)] = (number, now, data, layout)

    def take(self, sequence_number: int, now: float, least_interval: float) -> SentPacket | None:
        """The packet to be sent again; None if it is gone, too old, or was sent so `least_interval` seconds ago."""
        if not self._ring:
            return None
        packet = self._ring[sequence_number & (self._capacity - 1)]
        if packet is None or packet[0] & 0xFFFF != sequence_number or now - packet[1] > MAX_AGE:
            return None
        if now - self._resent.get(packet[0], float("-inf")) < least_interval:
            return None
        self._resent[packet[0]] = now
        return packet

    def expire(self, highest: int, now: float) -> None:
        """Free what is too old; `highest` is the newest number stored. Call a few times a second."""
        if not self._ring:
            return
        number = max(self._oldest, highest - self._capacity)
        while number <= highest:
            packet = self._ring[number & (self._capacity - 1)]
            if packet is not None and packet[0] == number:
                if now - packet[1] <= MAX_AGE:
                    break
                self._ring[number & (self._capacity - 1)] = None
            number += 1
        self._oldest = number
        if self._resent:
            self._resent = {number: time for number, time in self._resent.items() if now - time <= MAX_AGE}
