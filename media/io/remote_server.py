"""Serves a MediaEngine on a Unix socket: the server's side of media/io/remote.py.

One control connection at a time: a new one takes over the event stream and the old one is closed. What happens
while none is connected is not kept; the control process compares with status() when it comes back.
"""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import msgspec

from media.api import CallLost, MediaEvent
from media.errors import MediaError, WireError
from media.io import remote

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 256
"""Requests worked on at once; a client that asks faster is read more slowly."""

MAX_UNSENT_BYTES = 8 << 20
"""A control process that does not read this much is hung: its connection is closed."""


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


Greeting = Callable[[], remote.ServerHello]


class _Connection(asyncio.Protocol):
    """One control process."""

    def __init__(self, server: "EngineServer") -> None:
        self._server = server
        self._frames = remote.FrameSplitter()
        self._transport: asyncio.Transport | None = None
        self._in_flight = 0
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                self._take(remote.decode_from_client(body))
        except WireError as error:
            logger.warning("a control connection is closed: %s", error)
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server._left(self)

    def _take(self, message: remote.FromClient) -> None:
        match message:
            case remote.ClientHello(version):
                self.send(self._server.greeting())
                if version != remote.PROTOCOL_VERSION:
                    raise WireError(f"it speaks version {version}, we speak {remote.PROTOCOL_VERSION}")
                self._greeted = True
                self._server._entered(self)
            case remote.Ask() if not self._greeted:
                raise WireError("a request before the hello")
            case remote.Ask():
                self._in_flight += 1
                if self._in_flight >= MAX_IN_FLIGHT and self._transport is not None:
                    self._transport.pause_reading()
                self._server._start(self, message)

    def answered(self, answer: remote.Reply | remote.Failure) -> None:
        """Send an answer and read on."""
        self._in_flight -= 1
        if self._transport is not None and self._in_flight < MAX_IN_FLIGHT:
            self._transport.resume_reading()
        try:
            self.send(answer)
        except WireError as error:
            self.send(remote.failure(answer.id, error))

    def send(self, message: remote.FromServer) -> None:
        """Queue a message; close the connection if the other side does not read."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(remote.encode(message))
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            logger.error("the control process does not read: its connection is closed")
            transport.abort()

    def close(self) -> None:
        """Send what is queued and end."""
        if self._transport is not None:
            self._transport.close()


class EngineServer:
    """Answers the requests of the control process with `engine` and passes events on with `publish`."""

    def __init__(self, engine: remote.ServedEngine, greeting: Greeting) -> None:
        self.greeting = greeting
        self._engine = engine
        self._current: _Connection | None = None
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def connected(self) -> bool:
        """Whether a control process is connected now."""
        return self._current is not None

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator[None]:
        """Accept connections at `path` (mode 0600) until the context ends; a stale socket file is replaced."""
        _remove(path)
        loop = asyncio.get_running_loop()
        before = os.umask(0o177)
        try:
            server = await loop.create_unix_server(lambda: _Connection(self), str(path))
        finally:
            os.umask(before)
        try:
            async with asyncio.TaskGroup() as self._tasks:
                yield
        finally:
            self._tasks = None
            server.close()
            if self._current is not None:
                self._current.close()
            _remove(path)

    def publish(self, event: MediaEvent) -> None:
        """Tell the connected control process, if any."""
        if self._current is not None:
            try:
                self._current.send(remote.Happened(event))
            except WireError as error:
                logger.error("an event is lost: %s", error)

    def _entered(self, connection: _Connection) -> None:
        before, self._current = self._current, connection
        if before is not None and before is not connection:
            logger.warning("a new control process takes over")
            before.close()

    def _left(self, connection: _Connection) -> None:
        if self._current is connection:
            self._current = None

    def _start(self, connection: _Connection, ask: remote.Ask) -> None:
        if self._tasks is None:
            connection.close()
            return
        self._tasks.create_task(self._answer(connection, ask))

    async def _answer(self, connection: _Connection, ask: remote.Ask) -> None:
        answer: remote.Reply | remote.Failure
        try:
            answer = remote.Reply(ask.id, remote.encode_value(await self._perform(ask.request)))
        except MediaError as error:
            answer = remote.failure(ask.id, error)
        except Exception as error:
            logger.exception("a request failed by our own fault")
            answer = remote.failure(ask.id, error)
            await self._crash(remote.call_of(ask.request))
        connection.answered(answer)

    async def _crash(self, call_id: str | None) -> None:
        """Our own fault costs the call it happened in, not the worker with all the others."""
        if call_id is None:
            return
        try:
            await self._engine.close_call(call_id)
        except Exception:
            logger.exception("the call could not even be closed", extra={"call_id": call_id})
        self.publish(CallLost(call_id))

    async def _perform(self, request: remote.Request) -> object:
        """A request's tag is the method's name and its fields are the arguments, in order (see remote.py)."""
        method = getattr(self._engine, str(request.__struct_config__.tag))
        return await method(*msgspec.structs.astuple(request))
