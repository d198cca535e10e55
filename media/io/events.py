"""What an engine tells its one reader: a bounded queue, so that a reader that stopped costs nothing more."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from media.api import MediaEvent, StatsReported
from media.io.counters import Counters

CAPACITY = 10_000


class EventQueue:
    """Events in order. When full, statistics go first, then the oldest."""

    def __init__(self, counters: Counters, capacity: int = CAPACITY) -> None:
        self._waiting: deque[MediaEvent] = deque()
        self._capacity = capacity
        self._counters = counters
        self._news = asyncio.Event()
        self._ended = False

    def put(self, event: MediaEvent) -> None:
        """Add an event."""
        if len(self._waiting) >= self._capacity:
            self._counters.events_dropped += 1
            if isinstance(event, StatsReported):
                return
            self._waiting.popleft()
        self._waiting.append(event)
        self._news.set()

    def end(self) -> None:
        """No more events: the reader gets what is left and ends."""
        self._ended = True
        self._news.set()

    async def read(self) -> AsyncIterator[MediaEvent]:
        """Events from the oldest that was kept; ends after `end`."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._ended:
                return
            self._news.clear()
            await self._news.wait()
