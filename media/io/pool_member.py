"""One worker as the pool sees it: its connection, its calls, its end."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from media.api import MediaEvent
from media.errors import EngineLostError, MediaError, WireError
from media.io import worker_files
from media.io.remote_client import RemoteEngine

logger = logging.getLogger(__name__)

START_TIMEOUT = 30.0
"""A cold worker imports for one to five seconds, more on a busy machine."""

_CONNECT_PAUSE = 0.02


class WorkerProcess(Protocol):
    """A process that the pool started."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None:
        """None while it runs."""


StartWorker = Callable[[Path], Awaitable[WorkerProcess]]
"""Start a worker that will serve on this socket, detached enough to outlive us."""


class Member:
    """A connected worker. `calls` are those pinned to it."""

    def __init__(self, socket: Path, process: WorkerProcess | None = None) -> None:
        self.socket = socket
        self.process = process
        """None for a worker that an earlier control process started."""
        self.calls: set[str] = set()
        self.index: int | None = None
        self.draining = False
        self.since = float("-inf")
        """When it got its index, in the loop's time; long ago for an adopted one."""
        self.silent_checks = 0
        self.doubtful: set[str] = set()
        """Calls that the worker's last report did not name."""
        self.engine: RemoteEngine

    def __str__(self) -> str:
        return f"worker {'spare' if self.index is None else self.index} (process {self.engine.hello.pid})"

    async def dial(
        self,
        on_event: Callable[["Member", MediaEvent], None],
        on_lost: Callable[["Member"], None],
        timeout: float,  # noqa: ASYNC109 - of every later request
    ) -> None:
        """Connect; raise EngineLostError when nobody serves there, WireError for another version."""
        self.engine = await RemoteEngine.dial(
            self.socket,
            timeout=timeout,
            on_event=lambda event: on_event(self, event),
            on_lost=lambda: on_lost(self),
        )
        self.index = self.engine.hello.index

    async def dial_when_ready(
        self,
        on_event: Callable[["Member", MediaEvent], None],
        on_lost: Callable[["Member"], None],
        timeout: float,  # noqa: ASYNC109 - of every later request
    ) -> None:
        """Connect to a process that is just starting; raise EngineLostError if it exits or takes too long."""
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while True:
                    with suppress(EngineLostError):
                        return await self.dial(on_event, on_lost, timeout)
                    if self.process is not None and self.process.returncode is not None:
                        raise EngineLostError(f"a new worker exited at once with code {self.process.returncode}")
                    await asyncio.sleep(_CONNECT_PAUSE)
        except TimeoutError as error:
            raise EngineLostError(f"a new worker did not answer within {START_TIMEOUT:g} s") from error

    def kill(self) -> None:
        """End a worker that hangs. Its calls are lost by then anyway."""
        logger.error("%s does not answer and is killed", self)
        worker_files.end(self.socket, signal.SIGKILL)

    async def ask_to_drain(self, timeout: float) -> None:  # noqa: ASYNC109 - how long calls may go on
        """Let it exit when its calls have ended. One that is gone already is fine."""
        self.draining = True
        with suppress(MediaError):
            await self.engine.drain(timeout)


async def adoptable(
    directory: Path,
    on_event: Callable[[Member, MediaEvent], None],
    on_lost: Callable[[Member], None],
    timeout: float,  # noqa: ASYNC109 - of every later request
) -> list[Member]:
    """Connect to the workers that live in the directory; clear away what dead ones left.

    Workers of another version and ones that do not answer are killed: a port of ours must not stay taken.
    """
    found = []
    for socket in worker_files.sockets(directory):
        member = Member(socket)
        try:
            await member.dial(on_event, on_lost, timeout)
            member.draining = (await member.engine.status()).draining
        except (EngineLostError, WireError) as error:
            if worker_files.end(socket, signal.SIGKILL):
                logger.warning("a worker left by an earlier run is killed: %s", error)
            worker_files.forget(socket)
            continue
        found.append(member)
    return found
