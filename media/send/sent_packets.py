"""What was sent lately, for retransmission: plaintext packets as they left, by their 16-bit sequence number."""

from media.wire.layout import NO_LAYOUT, Layout

MAX_AGE = 1.0
_NOTHING = -1


class SentPackets:
    """A ring of at most `capacity` packets (a power of two), none older than a second.

    Parallel lists instead of one list of tuples: no container a packet, so nothing for the garbage collector to walk.
    """

    __slots__ = ("_capacity", "_layouts", "_mask", "_numbers", "_oldest", "_packets", "_resent", "_times")

    def __init__(self, capacity: int) -> None:
        if capacity & (capacity - 1):
            raise ValueError("capacity must be a power of two")
        self._capacity = capacity
        self._mask = capacity - 1
        self._numbers: list[int] = []
        self._times: list[float] = []
        self._packets: list[bytes] = []
        self._layouts: list[Layout] = []
        self._resent: dict[int, float] = {}
        self._oldest = 0

    @property
    def held(self) -> int:
        """Packets kept now."""
        return sum(map(bool, self._packets))

    def store(self, number: int, now: float, data: bytes, layout: Layout) -> None:
        """Keep a whole packet under its extended number; the one a full ring before goes."""
        if not self._numbers:
            self._begin(number)
        place = number & self._mask
        self._numbers[place] = number
        self._times[place] = now
        self._packets[place] = data
        self._layouts[place] = layout

    def _begin(self, number: int) -> None:
        self._numbers = [_NOTHING] * self._capacity
        self._times = [0.0] * self._capacity
        self._packets = [b""] * self._capacity
        self._layouts = [NO_LAYOUT] * self._capacity
        self._oldest = number

    def clear(self) -> None:
        """Keep nothing any more."""
        self._numbers, self._times, self._packets, self._layouts = [], [], [], []
        self._resent = {}

    def take(self, sequence_number: int, now: float, least_interval: float) -> tuple[bytes, Layout] | None:
        """The packet to be sent again; None if it is gone, too old, or was sent so `least_interval` seconds ago."""
        if not self._numbers:
            return None
        place = sequence_number & self._mask
        number = self._numbers[place]
        if number & 0xFFFF != sequence_number or not self._packets[place] or now - self._times[place] > MAX_AGE:
            return None
        if now - self._resent.get(number, float("-inf")) < least_interval:
            return None
        self._resent[number] = now
        return self._packets[place], self._layouts[place]

    def sent_at(self, sequence_number: int) -> float:
        """When the packet of this number was sent for the first time; infinite if that is not known (any more)."""
        place = sequence_number & self._mask
        known = bool(self._numbers) and self._numbers[place] >= 0 and self._numbers[place] & 0xFFFF == sequence_number
        return self._times[place] if known else float("inf")

    def newest(self, highest: int) -> tuple[bytes, Layout] | None:
        """The packet stored under `highest`, None if there is none."""
        place = highest & self._mask
        if not self._numbers or self._numbers[place] != highest or not self._packets[place]:
            return None
        return self._packets[place], self._layouts[place]

    def expire(self, highest: int, now: float, age: float = MAX_AGE) -> None:
        """Free what is older than `age` seconds; `highest` is the newest number stored. Call a few times a second."""
        if not self._numbers:
            return
        times, packets, mask = self._times, self._packets, self._mask
        oldest = number = max(self._oldest, highest + 1 - self._capacity)
        # What was left out has the time of the packet a ring before, or none: older than what follows.
        while number <= highest and now - times[number & mask] > age:
            number += 1
        for place in range(oldest, number):
            packets[place & mask] = b""
        self._oldest = number
        if self._resent:
            self._resent = {number: time for number, time in self._resent.items() if now - time <= MAX_AGE}
