"""Bounds on how often somebody may try: token buckets, and a growing pause after failures. Bounded maps, no clock."""

from collections import OrderedDict

MAX_KEYS = 10_000
"""Addresses or logins remembered; beyond it the one not seen for longest is forgotten."""


class Rate:
    """Token buckets by key: `burst` at once, refilled over `per` seconds."""

    def __init__(self, burst: int, per: float) -> None:
        self._burst = burst
        self._refill = burst / per
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allow(self, key: str, now: float) -> bool:
        """Take one token, if there is one."""
        tokens, then = self._buckets.get(key, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + max(0.0, now - then) * self._refill)
        allowed = tokens >= 1.0
        self._buckets[key] = (tokens - 1.0 if allowed else tokens, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MAX_KEYS:
            self._buckets.popitem(last=False)
        return allowed


class Backoff:
    """After `free` failures each further one doubles the pause, from 1 s up to `longest`. A success forgets them."""

    def __init__(self, free: int, longest: float) -> None:
        self._free = free
        self._longest = longest
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def pause(self, key: str, now: float) -> float:
        """Seconds this key must still wait; 0 when it may try."""
        count, last = self._failures.get(key, (0, 0.0))
        return max(0.0, last + self._length(count) - now)

    def failed(self, key: str, now: float) -> None:
        count, last = self._failures.get(key, (0, now))
        if now - last > 2 * self._longest:
            count = 0
        self._failures[key] = (count + 1, now)
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        self._failures.pop(key, None)

    def _length(self, count: int) -> float:
        # 2**20 s is beyond any `longest`: the exponent stays small however long somebody tries.
        return min(self._longest, 2.0 ** min(count - self._free - 1, 20)) if count > self._free else 0.0
