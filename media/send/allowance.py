"""A token bucket: how often something a peer asks for may be done."""


class Allowance:
    """`rate` tokens a second, at most `burst` saved up."""

    __slots__ = ("_burst", "_rate", "_time", "_tokens")

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._time = float("-inf")

    def take(self, now: float) -> bool:
        """Take one token; False if there is none."""
        if now > self._time:
            if self._time > float("-inf"):
                self._tokens = min(self._burst, self._tokens + (now - self._time) * self._rate)
            self._time = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
