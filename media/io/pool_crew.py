"""Keeps N workers and a warm spare running: adopts the living, starts the missing, replaces the dead.

A dead worker's index and port go to the spare, which is a matter of milliseconds; a new spare is started behind it.
New processes back off when workers die young.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

from media.api import EngineStatus, MediaEvent
from media.errors import EngineLostError, MediaError
from media.io import worker_files
from media.io.pool_member import Member, StartWorker, WorkerProcess, adoptable

logger = logging.getLogger(__name__)

CHECK_INTERVAL = 2.0
MAX_SILENT_CHECKS = 2
"""A worker that leaves so many status requests in a row unanswered hangs and is killed."""

YOUNG = 2.0
"""Seconds; a worker that dies younger makes the next process start later. A call that kills its worker does so again as
soon as its pages are back, which takes less; workers killed one after another must not make callers wait."""

BACKOFF_FIRST = 0.25
BACKOFF_LONGEST = 30.0

_CLAIM_ATTEMPTS = 20
_CLAIM_PAUSE = 0.1

Sleep = Callable[[float], Awaitable[None]]


class Audience(Protocol):
    """Who is told what happens to the workers and in them."""

    def happened(self, event: MediaEvent) -> None: ...

    def reported(self, member: Member, status: EngineStatus) -> None: ...

    def lost(self, member: Member) -> None: ...


class _StoppedError(Exception):
    """Ends the task group."""


class Crew:
    """The workers of one run directory. `run` until `stop`; `ready` is set when all are up."""

    def __init__(
        self,
        audience: Audience,
        directory: Path,
        start_worker: StartWorker,
        *,
        count: int,
        port: int,
        spare: bool,
        timeout: float,
        sleep: Sleep,
    ) -> None:
        self.active: dict[int, Member] = {}
        self.spare: Member | None = None
        self.ready = asyncio.Event()
        self.changed = asyncio.Condition()
        self.draining = False
        self.lost = 0
        self._audience = audience
        self._directory = directory
        self._start_worker = start_worker
        self._count = count
        self._ports = {index: port + index if port else 0 for index in range(count)}
        self._want_spare = spare
        self._timeout = timeout
        self._sleep = sleep
        self._retiring: set[Member] = set()
        self._processes: list[WorkerProcess] = []
        self._stopping = asyncio.Event()
        self._restocking = False
        self._died_young = 0
        self._tasks: asyncio.TaskGroup

    @property
    def complete(self) -> bool:
        """Whether every index has its worker."""
        return len(self.active) == self._count

    def everyone(self) -> list[Member]:
        """All connected workers, the spare and the retiring ones too."""
        spare = set() if self.spare is None else {self.spare}
        return [member for member in {*self.active.values()} | spare | self._retiring if not member.engine.lost]

    def stop(self) -> None:
        """Let `run` return; the workers go on."""
        self._stopping.set()

    async def run(self) -> None:
        """Keep the crew until `stop`; raise MediaError if it cannot be assembled."""
        with ExitStack() as stack:
            await self._claim(stack)
            failure: MediaError | None = None
            try:
                async with asyncio.TaskGroup() as self._tasks:
                    failure = await self._assemble()
                    if failure is None:
                        self.ready.set()
                        self._tasks.create_task(self._check())
                        self._tasks.create_task(self._restock())
                        await self._stopping.wait()
                    raise _StoppedError
            except* _StoppedError:
                pass
            finally:
                for member in self.everyone():
                    await member.engine.close()
        if failure is not None:
            raise failure

    async def _claim(self, stack: ExitStack) -> None:
        """Become the only control process here; one that is just dying gets a moment to do so."""
        for attempt in range(_CLAIM_ATTEMPTS):
            try:
                stack.enter_context(worker_files.claimed(self._directory))
                return
            except worker_files.RunDirectoryError:
                if attempt == _CLAIM_ATTEMPTS - 1:
                    raise
                await self._sleep(_CLAIM_PAUSE)

    async def retire_all(self, timeout: float) -> None:  # noqa: ASYNC109 - how long calls may go on
        """Let every worker exit when its calls have ended or after `timeout` seconds; return when all have."""
        self.draining = True
        members = self.everyone()
        self._retiring.update(members)
        await asyncio.gather(*(member.ask_to_drain(timeout if member.calls else 0.0) for member in members))
        async with self.changed:
            await self.changed.wait_for(lambda: not self.everyone())

    async def _assemble(self) -> MediaError | None:
        """Every index gets its worker; return what prevents it."""
        for member in await adoptable(self._directory, self._happened, self._gone, self._timeout):
            await self._adopt(member)
        missing = [index for index in range(self._count) if index not in self.active]
        results = await asyncio.gather(*(self._fill(index) for index in missing), return_exceptions=True)
        for result in results:
            if isinstance(result, MediaError):
                for member in self.everyone():
                    await self._retire_if_empty(member)
                return result
            if isinstance(result, BaseException):
                raise result
        return None

    async def _adopt(self, member: Member) -> None:
        """Take over a living worker; one too many is let go when its calls have ended."""
        index = member.index
        if index is None and self.spare is None and not member.draining:
            self.spare = member
        elif index is not None and self._ports.get(index) in (0, member.engine.hello.port):
            self.active[index] = member
            self._ports[index] = member.engine.hello.port or 0
            logger.info("%s is adopted", member, extra={"calls": len(member.calls)})
        else:
            self._retiring.add(member)
            await member.ask_to_drain(float("inf"))
        await self._check_one(member)

    async def _fill(self, index: int) -> None:
        """Give the index a worker, the spare if there is one; raise MediaError if that fails."""
        member, self.spare = self.spare, None
        if member is None:
            member = await self._launch()
        try:
            self._ports[index] = await member.engine.activate(index, self._ports[index])
        except MediaError:
            self._retiring.add(member)
            await member.ask_to_drain(0.0)
            raise
        if self.draining:
            self._retiring.add(member)
            await member.ask_to_drain(0.0)
            raise EngineLostError("the server is going to stop")
        if member.engine.lost:
            raise EngineLostError(f"{member} died as soon as it had its port")
        member.index = index
        member.since = asyncio.get_running_loop().time()
        self.active[index] = member
        logger.info("%s serves port %d", member, self._ports[index])
        await self._notify()

    async def _launch(self) -> Member:
        """Start a process and connect to it; raise MediaError."""
        member = Member(worker_files.new_socket(self._directory))
        try:
            member.process = await self._start_worker(member.socket)
        except OSError as error:
            raise EngineLostError(f"a media worker cannot be started: {error}") from error
        self._processes.append(member.process)
        try:
            await member.dial_when_ready(self._happened, self._gone, self._timeout)
        except (MediaError, asyncio.CancelledError):
            if member.process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(member.process.pid, signal.SIGKILL)
            worker_files.forget(member.socket)
            raise
        return member

    async def _replace(self, index: int) -> None:
        """A worker died: somebody else takes its place, however long it takes."""
        while not self.draining and index not in self.active:
            if self.spare is None:
                await self._back_off()
            try:
                await self._fill(index)
            except MediaError as error:
                self._died_young += 1
                logger.error("worker %d cannot be replaced yet: %s", index, error)
        await self._restock()

    async def _restock(self) -> None:
        """See to it that there is a spare."""
        if self._restocking:
            return
        self._restocking = True
        try:
            while self._want_spare and self.spare is None and not self.draining:
                await self._back_off()
                try:
                    await self._welcome(await self._launch())
                except MediaError as error:
                    self._died_young += 1
                    logger.error("there is no spare worker: %s", error)
        finally:
            self._restocking = False

    async def _welcome(self, member: Member) -> None:
        """A new spare; one that comes too late is sent away."""
        if self.draining:
            self._retiring.add(member)
            await member.ask_to_drain(0.0)
        else:
            self.spare = member

    async def _back_off(self) -> None:
        if self._died_young:
            await self._sleep(min(BACKOFF_LONGEST, BACKOFF_FIRST * 2 ** min(self._died_young - 1, 16)))

    async def _check(self) -> None:
        """Ask every worker for its status now and then; kill one that does not answer any more."""
        while True:
            await self._sleep(CHECK_INTERVAL)
            await asyncio.gather(*(self._check_one(member) for member in self.everyone()))
            self._processes = [process for process in self._processes if process.returncode is None]
            self._retiring = {member for member in self._retiring if not member.engine.lost}
            now = asyncio.get_running_loop().time()
            if self.complete and all(now - member.since > YOUNG for member in self.active.values()):
                self._died_young = 0

    async def _check_one(self, member: Member) -> None:
        try:
            status = await member.engine.status()
        except MediaError:
            member.silent_checks += 1
            if member.silent_checks >= MAX_SILENT_CHECKS and not member.engine.lost:
                member.kill()
            return
        member.silent_checks = 0
        self._audience.reported(member, status)

    async def _retire_if_empty(self, member: Member) -> None:
        if not member.calls:
            await member.ask_to_drain(0.0)

    def _happened(self, member: Member, event: MediaEvent) -> None:
        self._audience.happened(event)

    def _gone(self, member: Member) -> None:
        """The connection to a worker ended: it is dead, or as good as dead."""
        expected = member in self._retiring
        if not expected:
            self.lost += 1
            logger.error("%s is gone", member, extra={"calls": len(member.calls)})
            worker_files.end(member.socket, signal.SIGKILL)
            worker_files.forget(member.socket)
        self._retiring.discard(member)
        self._audience.lost(member)
        if self.spare is member:
            self.spare = None
            self._spawn(self._restock())
        elif member.index is not None and self.active.get(member.index) is member:
            del self.active[member.index]
            young = asyncio.get_running_loop().time() - member.since < YOUNG
            self._died_young = self._died_young + 1 if young else 0
            self._spawn(self._replace(member.index))
        self._spawn(self._notify())

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        if self._stopping.is_set():
            work.close()
        else:
            self._tasks.create_task(work)

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()
