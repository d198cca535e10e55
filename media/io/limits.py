"""Bounds on what one source may cost: token buckets for failures, and counts of things in progress."""


class FailureBuckets:
    """A token bucket a source: each failure takes a token, and a source without tokens is not listened to.

    Bounded: beyond `capacity` sources the one that failed least recently is forgotten.
    """

    def __init__(self, *, per_second: float, burst: float, capacity: int = 4096) -> None:
        self._per_second = per_second
        self._burst = burst
        self._capacity = capacity
        self._levels: dict[bytes, tuple[float, float]] = {}

    def __len__(self) -> int:
        return len(self._levels)

    def exhausted(self, source: bytes, now: float) -> bool:
        """Whether the source has failed too often to be looked at now."""
        if source not in self._levels:
            return False
        return self._level(source, now) < 1.0

    def failed(self, source: bytes, now: float) -> None:
        """Take a token."""
        level = self._level(source, now)
        self._levels.pop(source, None)
        if len(self._levels) >= self._capacity:
            del self._levels[next(iter(self._levels))]
        self._levels[source] = (max(level - 1.0, 0.0), now)

    def _level(self, source: bytes, now: float) -> float:
        level, at = self._levels.get(source, (self._burst, now))
        return min(self._burst, level + (now - at) * self._per_second)


class InProgress:
    """How many of something a source has going on. Bounded by what is counted, e.g. legs."""

    def __init__(self, *, a_source: int, total: int) -> None:
        self._a_source = a_source
        self._total = total
        self._counts: dict[bytes, int] = {}
        self.count = 0

    def begin(self, source: bytes) -> bool:
        """Count one more and return True, or False if that would be too many."""
        mine = self._counts.get(source, 0)
        if mine >= self._a_source or self.count >= self._total:
            return False
        self._counts[source] = mine + 1
        self.count += 1
        return True

    def end(self, source: bytes) -> None:
        """One that began has ended."""
        mine = self._counts.get(source, 0)
        if mine > 1:
            self._counts[source] = mine - 1
        else:
            self._counts.pop(source, None)
        self.count -= 1
