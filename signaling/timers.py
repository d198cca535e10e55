"""Deadlines by key: set, move, cancel; a heap with lazy deletion, so that thousands cost nothing while they wait."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Timers(Generic[Key]):
    """Monotonic deadlines in seconds."""

    def __init__(self) -> None:
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: Key) -> bool:
        return key in self._due

    def pending(self) -> list[Key]:
        return list(self._due)

    def set(self, key: Key, when: float) -> None:
        """Arm or move the deadline of `key`."""
        if self._due.get(key) == when:
            return
        self._due[key] = when
        self._count += 1
        heapq.heappush(self._heap, (when, self._count, key))
        if len(self._heap) > 64 + 4 * len(self._due):
            self._rebuild()

    def cancel(self, key: Key) -> None:
        self._due.pop(key, None)

    def next(self) -> float | None:
        """The earliest deadline."""
        while self._heap:
            when, _, key = self._heap[0]
            if self._due.get(key) == when:
                return when
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now: float) -> Key | None:
        """Take one key whose time has come."""
        when = self.next()
        if when is None or when > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._due[key]
        return key

    def _rebuild(self) -> None:
        """Drop what was moved or cancelled."""
        self._heap = [(when, index, key) for index, (key, when) in enumerate(self._due.items())]
        heapq.heapify(self._heap)
        self._count = len(self._heap)
