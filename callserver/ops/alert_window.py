"""The readings of the last seconds in a fixed number of buckets: however long the window, memory is the same."""

from collections import deque
from typing import NamedTuple

BUCKETS = 60


class _Bucket(NamedTuple):
    start: float
    many: int
    total: float
    least: float
    most: float
    grown: float


class Window:
    """Mean, least, greatest and last value and a counter's growth over `seconds`, to a sixtieth of that exactly."""

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._seconds = seconds
        self._buckets: deque[_Bucket] = deque(maxlen=BUCKETS + 1)
        self.last: float | None = None

    def add(self, value: float, now: float) -> None:
        """Take a reading; time must not go back."""
        # A counter that fell was restarted: what it shows now has happened since.
        grown = 0.0 if self.last is None else (value - self.last if value >= self.last else value)
        self.last = value
        while self._buckets and self._buckets[0].start <= now - self._seconds:
            self._buckets.popleft()
        newest = self._buckets[-1] if self._buckets else None
        if newest is not None and now - newest.start < self._width:
            _, count, total, least, most, before = newest
            merged = _Bucket(
                newest.start, count + 1, total + value, min(least, value), max(most, value), before + grown
            )
            self._buckets[-1] = merged
        else:
            self._buckets.append(_Bucket(now, 1, value, value, value, grown))

    @property
    def mean(self) -> float | None:
        count = sum(bucket.many for bucket in self._buckets)
        return sum(bucket.total for bucket in self._buckets) / count if count else None

    @property
    def min(self) -> float | None:
        return min((bucket.least for bucket in self._buckets), default=None)

    @property
    def max(self) -> float | None:
        return max((bucket.most for bucket in self._buckets), default=None)

    @property
    def increase(self) -> float | None:
        return sum(bucket.grown for bucket in self._buckets) if self._buckets else None
