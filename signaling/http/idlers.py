"""Connections that do not ask for anything: a request must arrive whole and in time, or the connection is cut.

aiohttp bounds the pause between requests but not the time of a first one, nor of headers that trickle in.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, cast

from aiohttp import web

from signaling.http.dispatch import Handler

PATIENCE = 45.0
"""Seconds in which a connection must bring a whole request; more than the keep-alive time of aiohttp's own."""

SWEEP_INTERVAL = 5.0
MAX_SILENT = 2_000
"""Connections without a request, of all addresses together; beyond it the oldest are cut."""


class Idlers:
    """Knows since when each connection has been without a request. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: dict[asyncio.BaseTransport, float] = {}
        self._busy: dict[asyncio.BaseTransport, int] = {}

    @property
    def middleware(self) -> Any:
        """Notes which connections are being served."""

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            transport = request.transport
            if transport is None:
                return await handler(request)
            self._busy[transport] = self._busy.get(transport, 0) + 1
            try:
                return await handler(request)
            finally:
                self._busy[transport] -= 1
                if not self._busy[transport]:
                    del self._busy[transport]
                    self._since[transport] = self._clock()

        return middleware

    async def run(self, transports: Callable[[], Iterable[asyncio.BaseTransport]]) -> None:
        """Sweep until cancelled; `transports` gives all open connections."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            self.sweep(transports())

    def sweep(self, transports: Iterable[asyncio.BaseTransport]) -> int:
        """Cut those that have been silent too long, or the longest silent of too many; return how many."""
        now = self._clock()
        silent = {one: self._since.get(one, now) for one in transports if one not in self._busy}
        self._since = silent
        by_age = sorted(silent, key=silent.__getitem__)
        late = [one for one in by_age if now - silent[one] > PATIENCE]
        cut = by_age[: max(len(late), len(silent) - MAX_SILENT)]
        for transport in cut:
            cast(asyncio.WriteTransport, transport).abort()  # uvloop's does not inherit from it
        return len(cut)
