"""Is the server well? Loop lag, load, what readiness needs, and whether one more call can be taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from media.api import EngineStatus, MediaEngine
from media.errors import MediaError
from signaling.records import StorageFullError

logger = logging.getLogger(__name__)

LAG_INTERVAL = 0.1
LAG_WEIGHT = 0.1
"""Weight of a new measurement in the average: one hiccup is no overload, a second of lateness is."""

STATUS_INTERVAL = 1.0
WRITE_INTERVAL = 5.0
WRITE_TIMEOUT = 5.0


class LagMonitor:
    """How late the event loop comes, in seconds, averaged over about the last second."""

    def __init__(self) -> None:
        self.lag = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            wanted = monotonic() + LAG_INTERVAL
            await asyncio.sleep(LAG_INTERVAL)
            self.observe(monotonic() - wanted)

    def observe(self, late: float) -> None:
        """Take one measurement."""
        self.lag += (max(late, 0.0) - self.lag) * LAG_WEIGHT


class Health:
    """What is known about the parts: read by /readyz, /metrics and admission; refreshed by `run`."""

    def __init__(
        self,
        engine: MediaEngine,
        check_store: Callable[[], Awaitable[None]],
        service_ready: Callable[[], bool],
        *,
        max_loop_lag: float,
        max_cpu: float,
    ) -> None:
        self.status = EngineStatus("")
        self.draining = False
        self.lag = LagMonitor()
        self._engine = engine
        self._check_store = check_store
        self._service_ready = service_ready
        self._max_loop_lag = max_loop_lag
        self._max_cpu = max_cpu
        self._media_lag = 0.0
        self._media_problem = "media workers have not answered yet"
        self._store_problem = "the store has not been written yet"

    async def run(self) -> None:
        """Keep everything fresh until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.lag.run())
            tasks.create_task(_every(STATUS_INTERVAL, self.refresh_media))
            tasks.create_task(_every(WRITE_INTERVAL, self.refresh_store))

    async def refresh_media(self) -> None:
        """Ask the media workers how they are."""
        try:
            self.status = await self._engine.status()
        except MediaError as error:
            self._media_problem = f"media workers do not answer: {error}"
        else:
            # Workers report the worst of the last second: two bad ones in a row count, one alone half.
            self._media_lag += (self.status.loop_lag_ms / 1000 - self._media_lag) / 2
            workers = self.status.counters.get("workers", 1)
            self._media_problem = "" if workers else "no media worker is running"

    async def refresh_store(self) -> None:
        """Write to the store."""
        try:
            async with asyncio.timeout(WRITE_TIMEOUT):
                await self._check_store()
        except Exception as error:
            if not self._store_problem:
                logger.error("the store cannot be written", exc_info=error)
            reason = str(error) if isinstance(error, StorageFullError) else type(error).__name__
            self._store_problem = f"the store cannot be written: {reason}"
        else:
            self._store_problem = ""

    def problems(self) -> list[str]:
        """Why the server should get no new visitors; empty: it should."""
        found = [self._store_problem, self._media_problem]
        if not self._service_ready():
            found.append("calls are still being restored")
        if self.draining:
            found.append("draining: the server goes down")
        return [problem for problem in found if problem]

    def overload(self) -> str:
        """Why no new call can be taken now; empty: it can. Calls in progress are not touched."""
        if self.draining:
            return "the server is going down"
        if self._media_problem:
            return "no media worker is available"
        if max(self.lag.lag, self._media_lag) > self._max_loop_lag:
            return "the server is too busy"
        if self.status.cpu_fraction > self._max_cpu:
            return "the media workers are too busy"
        return ""


async def _every(interval: float, refresh: Callable[[], Awaitable[None]]) -> None:
    while True:
        await refresh()
        await asyncio.sleep(interval)
