"""When to ask a source for a key frame: at once the first time, never in a storm, again until one comes."""

LEAST_INTERVAL = 0.3
LONGEST_INTERVAL = 2.0


class KeyFrameDemand:
    """One video source's open demand, whoever raised it."""

    __slots__ = ("_interval", "_last", "due", "requested")

    def __init__(self) -> None:
        self._last = float("-inf")
        self._interval = LEAST_INTERVAL
        self.due = float("inf")
        """When a request should leave; infinite while no key frame is wanted."""
        self.requested = 0
        """Requests taken so far."""

    def raise_(self, now: float) -> None:
        """Somebody cannot go on without a key frame."""
        if self.due == float("inf"):
            self._interval = LEAST_INTERVAL
        self.due = min(self.due, max(now, self._last + LEAST_INTERVAL))

    def take(self, now: float, round_trip: float) -> bool:
        """True if a request is to be sent now; the next follows later each time, until `satisfy`."""
        if now < self.due:
            return False
        self.requested += 1
        self._last = now
        self.due = now + max(self._interval, 1.5 * round_trip)
        self._interval = min(2 * self._interval, LONGEST_INTERVAL)
        return True

    def satisfy(self) -> None:
        """A key frame begins, or nobody watches any more."""
        self.due = float("inf")
