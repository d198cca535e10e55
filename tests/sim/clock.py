"""Virtual time: what is due happens in order, and nothing takes any time."""

import heapq
from collections.abc import Callable
from itertools import count


class Clock:
    """A queue of events. `now` is what the code under test is given as its monotonic clock."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, event: Callable[[], None]) -> None:
        """Call `event` at that time, or as soon as possible if it is past."""
        heapq.heappush(self._queue, (max(when, self.now), next(self._order), event))

    def after(self, delay: float, event: Callable[[], None]) -> None:
        self.at(self.now + delay, event)

    def every(self, interval: float, event: Callable[[], object]) -> None:
        """Call `event` at once and then at each interval, for ever."""

        def again() -> None:
            event()
            self.after(interval, again)

        self.after(0.0, again)

    def run(self, seconds: float) -> None:
        """Let that much time pass."""
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, event = heapq.heappop(self._queue)
            event()
        self.now = end
