"""The sending half of a WebSocket: a bounded queue between the service, which never waits, and a client, which may."""

import asyncio
from collections import deque

from aiohttp import WSMsgType, web

from signaling.protocol import CLOSE_SLOW

MAX_FRAMES = 256
MAX_BYTES = 1024 * 1024
STALL_TIMEOUT = 15.0
"""Seconds in which a client must take at least one frame when there is one."""

CLOSE_TIMEOUT = 2.0
"""Seconds a client gets to answer our close frame before the connection is cut."""


class Outbox:
    """`signaling.admission.Connection` over an aiohttp WebSocket."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._verdict: tuple[int, str] | None = None
        self._patience: asyncio.Timeout | None = None
        """Runs while a frame is being handed over."""

    @property
    def closing(self) -> bool:
        """Whether it was told to close, by either method."""
        return self._verdict is not None

    def send(self, frame: bytes) -> None:
        """Queue one text frame; a full queue closes the connection and forgets what nobody read."""
        if self._verdict is not None:
            return
        if len(self._frames) >= MAX_FRAMES or self._bytes + len(frame) > MAX_BYTES:
            self._frames.clear()
            self.close(CLOSE_SLOW, "does not read")
            if self._patience is not None:
                self._patience.reschedule(0.0)  # a moment long past: the hand-over ends now
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._changed.set()

    def close(self, code: int, text: str = "") -> None:
        """Send what is queued, then close. The first code stays."""
        if self._verdict is None:
            self._verdict = (code, text)
            self._changed.set()

    async def run(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        """Send until told to close or the client is gone; then the socket is closed for sure."""
        try:
            await self._drain(socket)
        except (TimeoutError, ConnectionError):
            self.close(CLOSE_SLOW, "does not read")
        code, text = self._verdict or (1000, "")
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await socket.close(code=code, message=text.encode()[:100], drain=False)
        except TimeoutError:
            pass
        # Bytes nobody reads must not stay with us after the close.
        if request.transport is not None and code == CLOSE_SLOW:
            request.transport.abort()

    async def _drain(self, socket: web.WebSocketResponse) -> None:
        while not socket.closed:
            while self._frames:
                frame = self._frames.popleft()
                self._bytes -= len(frame)
                async with asyncio.timeout(STALL_TIMEOUT) as self._patience:
                    await socket.send_frame(frame, WSMsgType.TEXT)
                self._patience = None
            if self._verdict is not None:
                return
            self._changed.clear()
            await self._changed.wait()
