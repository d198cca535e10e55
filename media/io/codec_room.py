"""A thread of the codec worker with a bounded queue: the intake hands it work and never waits for it."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Work = TypeVar("Work")
Given = TypeVar("Given")

IDLE_SECONDS = 0.1


class Room(ABC, Generic[Work]):
    """Subclasses do the work in `work` and what the clock asks for in `idle`. Neither may be called from elsewhere."""

    patient = False
    """What has a size may wait until the next `idle`: to wake twenty rooms for each packet costs more than the work."""
    idle_seconds = IDLE_SECONDS

    def __init__(self, name: str, most_bytes: int) -> None:
        self.dropped = 0
        """Packets that found no room."""
        self.done = 0
        """Pieces of work, finished or failed."""
        self.most_bytes = most_bytes
        self._waiting: deque[tuple[Work, int]] = deque()
        self._bytes = 0
        self._urgent = self._working = False
        self._news = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, work: Work, size_bytes: int = 0) -> bool:
        """Hand over; what has a size is dropped when too much waits."""
        with self._news:
            if size_bytes and self._bytes + size_bytes > self.most_bytes:
                self.dropped += 1
                return False
            self._waiting.append((work, size_bytes))
            self._bytes += size_bytes
            if not self._urgent and not (size_bytes and self.patient):
                self._urgent = True
                self._news.notify()
        return True

    @property
    def busy(self) -> bool:
        """Whether there is work that was not done."""
        return self._working or bool(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def end(self, patience: float) -> bool:
        """Do what waits, then end; whether it did within so many seconds."""
        with self._news:
            self._ending = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self.enter()
        idle_at = time.monotonic() + self.idle_seconds
        while True:
            with self._news:
                if not self._urgent and not self._ending:
                    self._news.wait(max(0.0, idle_at - time.monotonic()))
                self._urgent = False
                batch, self._waiting = self._waiting, deque()
                self._bytes = 0
                ending = self._ending and not batch
                self._working = True
            for work, _ in batch:
                self._guarded(self.work, work)
                self.done += 1
            if ending:
                self.leave()
                return
            now = time.monotonic()
            if now >= idle_at:
                idle_at = now + self.idle_seconds
                self._guarded(self.idle, now)
            self._working = False

    def _guarded(self, do: Callable[[Given], None], given: Given) -> None:
        try:
            do(given)
        except Exception:
            logger.exception("a codec room failed by our own fault")

    def enter(self) -> None:
        """The first thing that is done."""

    @abstractmethod
    def work(self, work: Work) -> None:
        """Do one piece."""

    def idle(self, now: float) -> None:
        """Every `idle_seconds`, also under load."""

    def leave(self) -> None:
        """The last thing that is done."""
