"""A media worker: one process, one engine, one port, served to the control process on a Unix socket.

It starts without a port (a warm spare with everything imported) and becomes worker `index` when told to. It outlives
the control process: calls go on, and the next control process finds the socket.
"""

import asyncio
import cProfile
import gc
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

import msgspec

from media.api import (
    EngineStatus,
    Kind,
    LegSpec,
    LegStats,
    MediaEngine,
    MediaEvent,
    Offer,
    RecordingSpec,
    Snapshot,
)
from media.errors import CapacityError, MediaError, UnknownLegError
from media.io import remote, worker_files
from media.io.remote_server import EngineServer

logger = logging.getLogger(__name__)

_BIND_ATTEMPTS = 200
_BIND_PAUSE = 0.005
"""A killed predecessor's port is free a moment after its socket is closed: try for a second."""

_WATCH_INTERVAL = 0.25


class RunningEngine(MediaEngine, Protocol):
    """An engine that has a port, as the factory returns it."""

    draining: bool
    """Calls go on, new ones are refused."""

    @property
    def port(self) -> int:
        """The UDP and TCP port."""

    async def close(self) -> None:
        """Say BYE on every leg and free the port."""


EngineFactory = Callable[[int, int], Awaitable[RunningEngine]]
"""Starts an engine as worker `index` on `port`; raises OSError when the port is taken."""


class Worker:
    """The engine of this process, once it has one, and its life."""

    def __init__(
        self,
        make_engine: EngineFactory,
        *,
        orphan_timeout: float = 600.0,
        idle_timeout: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Seconds without a control process after which the worker exits: with calls, and without."""
        self.index: int | None = None
        self.port: int | None = None
        self.activated = asyncio.Event()
        self.on_activated: Callable[[], None] = lambda: None
        self._make_engine = make_engine
        self._engine: RunningEngine | None = None
        self._activating = asyncio.Lock()
        self._orphan_timeout = orphan_timeout
        self._idle_timeout = idle_timeout
        self._clock = clock
        self._sleep = sleep
        self._drain_until: float | None = None

    def greeting(self) -> remote.ServerHello:
        return remote.ServerHello(remote.PROTOCOL_VERSION, self._name(), os.getpid(), self.index, self.port)

    def _name(self) -> str:
        return f"spare-{os.getpid()}" if self.index is None else f"worker-{self.index}"

    async def activate(self, index: int, port: int) -> int:
        async with self._activating:
            if self._engine is not None:
                if index != self.index or port not in (0, self._engine.port):
                    raise MediaError(f"this is worker {self.index} on port {self.port} already")
                return self._engine.port
            self._engine = await self._bind(index, port)
            self._engine.draining = self._drain_until is not None
            self.index, self.port = index, self._engine.port
            gc.freeze()  # what is loaded now stays: the collector need not look at it again
            self.on_activated()
            self.activated.set()
            return self._engine.port

    async def _bind(self, index: int, port: int) -> RunningEngine:
        for _ in range(_BIND_ATTEMPTS - 1):
            try:
                return await self._make_engine(index, port)
            except OSError:
                await self._sleep(_BIND_PAUSE)
        try:
            return await self._make_engine(index, port)
        except OSError as error:
            raise MediaError(f"media port {port} (UDP and TCP) cannot be used: {error.strerror or error}") from error

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - how long calls may go on
        until = self._clock() + max(0.0, timeout)
        self._drain_until = until if self._drain_until is None else min(until, self._drain_until)
        if self._engine is not None:
            self._engine.draining = True

    async def open_leg(self, spec: LegSpec) -> Offer:
        if self._engine is None:
            raise CapacityError("this worker is a spare without a port")
        return await self._engine.open_leg(spec)

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        await self._running(call_id).accept_answer(call_id, leg_id, generation, sdp)

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        return await self._running(call_id).restart_ice(call_id, leg_id)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        await self._running(call_id).connect(call_id, leg_ids)

    async def hold(self, call_id: str, held: bool) -> None:
        await self._running(call_id).hold(call_id, held)

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        await self._running(call_id).mute(call_id, leg_id, kind, muted)

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        await self._running(call_id).clean_voice(call_id, leg_id, wanted)

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        await self._running(call_id).start_recording(call_id, spec)

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        await self._running(call_id).pause_recording(call_id, recording_id, paused)

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        if self._engine is not None:
            await self._engine.stop_recording(call_id, recording_id)

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        return await self._running(call_id).snapshot(call_id, leg_id)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        await self._running(call_id).play(call_id, leg_id, announcement, repeat)

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        if self._engine is not None:
            await self._engine.close_leg(call_id, leg_id)

    async def close_call(self, call_id: str) -> None:
        if self._engine is not None:
            await self._engine.close_call(call_id)

    async def status(self) -> EngineStatus:
        draining = self._drain_until is not None
        if self._engine is None:
            return EngineStatus(self._name(), draining=draining)
        status = await self._engine.status()
        return msgspec.structs.replace(status, engine_id=self._name(), draining=draining)

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        return () if self._engine is None else await self._engine.stats(call_id)

    async def events(self) -> AsyncIterator[MediaEvent]:
        await self.activated.wait()
        assert self._engine is not None
        async for event in self._engine.events():
            yield event

    async def live(self, connected: Callable[[], bool]) -> None:
        """Return when it is time to exit: drained, or without a control process for too long."""
        now = self._clock
        heard = now()
        while True:
            await self._sleep(_WATCH_INTERVAL)
            if connected():
                heard = now()
            if self._drain_until is None and now() - heard < self._idle_timeout:
                continue
            calls = len((await self.status()).calls)
            if self._drain_until is not None and (not calls or now() >= self._drain_until):
                logger.info("drained", extra={"calls": calls})
                return
            if now() - heard >= (self._orphan_timeout if calls else self._idle_timeout):
                logger.warning("no control process came back: this worker ends", extra={"calls": calls})
                return

    async def close(self) -> None:
        """Say BYE and free the port."""
        if self._engine is not None:
            await self._engine.close()

    def _running(self, call_id: str) -> RunningEngine:
        if self._engine is None:
            raise UnknownLegError(f"this worker is a spare and holds no call {call_id}")
        return self._engine


async def serve_worker(
    worker: Worker, socket: Path, *, drain_timeout: float = 30.0, profile: cProfile.Profile | None = None
) -> None:
    """Serve the worker on the socket until it is time to exit."""
    server = EngineServer(worker, worker.greeting)
    loop = asyncio.get_running_loop()

    def activated() -> None:
        worker_files.write_note(socket, worker.index, worker.port)
        if profile is not None:
            profile.enable()

    async def publish() -> None:
        async for event in worker.events():
            server.publish(event)

    worker.on_activated = activated
    worker_files.write_note(socket, None, None)
    try:
        async with server.listening(socket), asyncio.TaskGroup() as tasks:
            loop.add_signal_handler(signal.SIGTERM, lambda: tasks.create_task(worker.drain(drain_timeout)))
            # Ctrl-C reaches the whole group of the terminal; the parent decides what it means.
            loop.add_signal_handler(signal.SIGINT, lambda: None)
            publishing = tasks.create_task(publish())
            await worker.live(lambda: server.connected)
            publishing.cancel()
            await worker.close()
    finally:
        worker_files.forget(socket)
        if profile is not None:
            profile.disable()


def run_worker(
    socket: Path,
    make_engine: EngineFactory,
    *,
    drain_timeout: float = 30.0,
    orphan_timeout: float = 600.0,
    profile: Path | None = None,
) -> None:
    """Run a worker process until it is told to end; with `profile`, write a cProfile of it there."""
    import uvloop

    # A forwarded packet makes no garbage that needs the collector; long pauses would cost packets.
    gc.set_threshold(50_000, 20, 50)
    profiler = None if profile is None else cProfile.Profile()

    async def main() -> None:
        worker = Worker(make_engine, orphan_timeout=orphan_timeout)
        await serve_worker(worker, socket, drain_timeout=drain_timeout, profile=profiler)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    if profiler is not None and profile is not None:
        profiler.dump_stats(profile)
