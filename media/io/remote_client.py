"""A MediaEngine behind a stream: the client's side of media/io/remote.py, without a task of its own."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from media.api import (
    EngineStatus,
    Kind,
    LegSpec,
    LegStats,
    MediaEvent,
    Offer,
    RecordingSpec,
    Snapshot,
    StatsReported,
)
from media.errors import CapacityError, EngineLostError, MediaError, WireError
from media.io import remote

logger = logging.getLogger(__name__)

MAX_PENDING = 2048
"""Requests that may be unanswered at once: a worker holds at most some hundred calls."""

MAX_EVENTS = 4096
"""Events that may wait for their reader; beyond it reports of statistics go first, then the oldest."""

Result = TypeVar("Result")


class EventQueue:
    """A bounded queue of media events with one reader; a reader that sleeps loses statistics first."""

    def __init__(self, limit: int = MAX_EVENTS) -> None:
        self._events: deque[MediaEvent] = deque()
        self._limit = limit
        self._arrived = asyncio.Event()
        self._closed = False
        self.dropped = 0

    def put(self, event: MediaEvent) -> None:
        """Append an event. Never blocks, never raises."""
        if isinstance(event, StatsReported) and len(self._events) >= self._limit // 2:
            self.dropped += 1
            return
        if len(self._events) >= self._limit:
            self.dropped += 1
            logger.error("nobody reads media events: the oldest is lost", extra={"dropped": self.dropped})
            self._events.popleft()
        self._events.append(event)
        self._arrived.set()

    def close(self) -> None:
        """End the iteration once what is queued was read."""
        self._closed = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[MediaEvent]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._closed:
                return
            self._arrived.clear()
            await self._arrived.wait()


class _Connection(asyncio.Protocol):
    """Bytes to messages and back; tells its RemoteEngine."""

    def __init__(self, engine: "RemoteEngine") -> None:
        self._engine = engine
        self._frames = remote.FrameSplitter()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for body in self._frames.feed(data):
                self._engine._received(remote.decode_from_server(body))
        except WireError as error:
            self._engine._lose(f"the worker speaks nonsense: {error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._engine._lose("the worker closed the connection" if exc is None else f"the worker is gone: {exc}")


class RemoteEngine:
    """A worker's engine, spoken to over its Unix socket. Make one with `RemoteEngine.dial`.

    When the connection ends every pending request raises EngineLostError, `on_lost` is called once and `events()`
    ends. A request that is not answered in `timeout` seconds raises EngineLostError too: the worker hangs.
    """

    hello: remote.ServerHello

    def __init__(
        self,
        *,
        timeout: float = 5.0,
        on_event: Callable[[MediaEvent], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        self._timeout = timeout
        self._queue = EventQueue()
        self._on_event = on_event or self._queue.put
        self._on_lost = on_lost
        self._ids = itertools.count(1)
        self._pending: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._greeted: asyncio.Future[remote.ServerHello] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport | None = None
        self._lost_because: str | None = None

    @classmethod
    async def dial(
        cls,
        path: Path,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - of every request, not of this call only
        on_event: Callable[[MediaEvent], None] | None = None,
        on_lost: Callable[[], None] | None = None,
    ) -> "RemoteEngine":
        """Connect to a worker's socket and shake hands; raise EngineLostError, or WireError for another version."""
        engine = cls(timeout=timeout, on_event=on_event, on_lost=None)
        try:
            async with asyncio.timeout(timeout):
                loop = asyncio.get_running_loop()
                transport, _ = await loop.create_unix_connection(lambda: _Connection(engine), str(path))
                engine._transport = transport
                transport.write(remote.encode(remote.ClientHello()))
                engine.hello = await engine._greeted
        except (OSError, TimeoutError) as error:
            engine._lose(str(error))
            raise EngineLostError(f"no worker answers at {path}: {error}") from error
        if engine.hello.version != remote.PROTOCOL_VERSION:
            engine._lose("other version")
            raise WireError(
                f"the worker at {path} speaks version {engine.hello.version}, we speak {remote.PROTOCOL_VERSION}"
            )
        engine._on_lost = on_lost
        return engine

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._lost_because is not None

    async def open_leg(self, spec: LegSpec) -> Offer:
        return await self._ask(remote.OpenLeg(spec), Offer)

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        await self._ask(remote.AcceptAnswer(call_id, leg_id, generation, sdp), None)

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        return await self._ask(remote.RestartIce(call_id, leg_id), Offer)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        await self._ask(remote.Connect(call_id, leg_ids), None)

    async def hold(self, call_id: str, held: bool) -> None:
        await self._ask(remote.Hold(call_id, held), None)

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        await self._ask(remote.Mute(call_id, leg_id, kind, muted), None)

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        await self._ask(remote.CleanVoice(call_id, leg_id, wanted), None)

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        await self._ask(remote.StartRecording(call_id, spec), None)

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        await self._ask(remote.PauseRecording(call_id, recording_id, paused), None)

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        await self._ask(remote.StopRecording(call_id, recording_id), None)

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        return await self._ask(remote.TakeSnapshot(call_id, leg_id), Snapshot)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        await self._ask(remote.Play(call_id, leg_id, announcement, repeat), None)

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        await self._ask(remote.CloseLeg(call_id, leg_id), None)

    async def close_call(self, call_id: str) -> None:
        await self._ask(remote.CloseCall(call_id), None)

    async def status(self) -> EngineStatus:
        return await self._ask(remote.Status(), EngineStatus)

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        return await self._ask(remote.Stats(call_id), tuple[LegStats, ...])

    async def activate(self, index: int, port: int) -> int:
        """Make a warm spare worker `index` on `port` (0: any) and return it; raise MediaError when it is taken."""
        return await self._ask(remote.Activate(index, port), int)

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - how long calls may go on, not our patience
        """Ask the worker to take no new calls and to exit when empty or after `timeout` seconds."""
        await self._ask(remote.Drain(timeout), None)

    def events(self) -> AsyncIterator[MediaEvent]:
        """Events from now on, until the connection ends. Empty if `on_event` was given."""
        return aiter(self._queue)

    async def close(self) -> None:
        """End the connection; the worker goes on. `on_lost` is not called."""
        self._on_lost = None
        self._lose("closed by us")

    async def _ask(self, request: remote.Request, result: type[Result] | None) -> Result:
        if self._transport is None or self._lost_because is not None:
            raise EngineLostError(self._lost_because or "not connected")
        if len(self._pending) >= MAX_PENDING:
            raise CapacityError(f"{MAX_PENDING} requests are waiting for this worker already")
        request_id = next(self._ids)
        frame = remote.encode(remote.Ask(request_id, request))
        answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._pending[request_id] = answer
        try:
            self._transport.write(frame)
            async with asyncio.timeout(self._timeout):
                value = await answer
        except TimeoutError as error:
            raise EngineLostError(f"the worker did not answer within {self._timeout:g} s") from error
        finally:
            self._pending.pop(request_id, None)
        try:
            return msgspec.msgpack.decode(value, type=result)
        except msgspec.MsgspecError as error:
            raise MediaError(f"the worker's answer makes no sense: {error}") from error

    def _received(self, message: remote.FromServer) -> None:
        match message:
            case remote.Happened(event):
                self._on_event(event)
            case remote.Reply(request_id, value):
                answer = self._pending.get(request_id)
                if answer is not None and not answer.done():
                    # The value points into the frame's bytes, which live as long as it does.
                    answer.set_result(value)
            case remote.Failure(request_id):
                answer = self._pending.get(request_id)
                if answer is not None and not answer.done():
                    answer.set_exception(remote.error_of(message))
            case remote.ServerHello():
                if not self._greeted.done():
                    self._greeted.set_result(message)

    def _lose(self, reason: str) -> None:
        """End the connection: everything that waits learns it at once."""
        if self._lost_because is not None:
            return
        self._lost_because = reason
        if self._transport is not None:
            self._transport.abort()
        if not self._greeted.done():
            self._greeted.set_exception(EngineLostError(reason))
            self._greeted.exception()  # read: nobody may be waiting any more
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(EngineLostError(reason))
        self._queue.close()
        if self._on_lost is not None:
            self._on_lost()
