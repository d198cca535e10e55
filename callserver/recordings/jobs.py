"""Work that takes minutes, one at a time, each in a process of its own: exports and evidence.

The process gets its order, the recording's key included, on standard input and says how far it is on standard output;
nothing secret is on its command line or in its environment's listing. Killing it is how it is cancelled.
"""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from callserver.recordings.orders import Order, Report
from signaling.http.library import Job, LibraryError

MAX_WAITING = 20
MAX_KNOWN = 200
_LINE_LIMIT = 64 * 1024

log = structlog.get_logger("recordings")

Prepare = Callable[[], Awaitable[Order]]
"""Makes the order when the job's turn has come, so that keys are not kept while it waits."""


class Jobs:
    """A queue of jobs by name; `run` does them."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "callserver.recordings.work")) -> None:
        self._command = command
        self._known: dict[str, Job] = {}
        self._waiting: asyncio.Queue[tuple[str, Prepare, Path]] = asyncio.Queue(MAX_WAITING)
        self._cancelled: set[str] = set()
        self._process: tuple[str, asyncio.subprocess.Process] | None = None
        self._killed = False
        """The running process was: what it leaves is nothing, whatever it said last."""
        self._news = asyncio.Event()

    async def news(self) -> None:
        """Return as soon as there is something new of any job; look again then."""
        await self._news.wait()

    def look(self, name: str) -> Job | None:
        return self._known.get(name)

    def start(self, name: str, prepare: Prepare, out: Path) -> Job:
        """Queue it, unless it is on its way or its file is there; raise LibraryError if too many wait."""
        known = self._known.get(name)
        if known is not None and (known.state in ("waiting", "running") or (known.state == "done" and out.is_file())):
            return known
        if out.is_file():  # made before a restart
            return self._note(name, Job("done", 1.0, out.stat().st_size))
        if self._waiting.full():
            raise LibraryError(503, "at_capacity", "too many exports are waiting")
        self._cancelled.discard(name)
        self._waiting.put_nowait((name, prepare, out))
        return self._note(name, Job("waiting"))

    def cancel(self, name: str, out: Path) -> None:
        """End it and remove its file."""
        known = self._known.get(name)
        if known is not None and known.state in ("waiting", "running"):
            self._cancelled.add(name)
            self._note(name, Job("cancelled"))
        else:
            self._known.pop(name, None)
        if self._process is not None and self._process[0] == name:
            self._killed = True
            with contextlib.suppress(ProcessLookupError):
                self._process[1].kill()
        out.unlink(missing_ok=True)

    async def run(self) -> None:
        """Do what is queued until cancelled; a running process is killed then."""
        while True:
            name, prepare, out = await self._waiting.get()
            if name in self._cancelled:
                self._cancelled.discard(name)
                continue
            if self._is(name, "done") and out.is_file():  # cancelled and wanted again while it waited
                continue
            try:
                self._note(name, await self._one(name, prepare, out))
            except Exception as error:
                log.exception("job failed", job=name)
                self._note(name, Job("failed", reason=_words(error)))

    async def _one(self, name: str, prepare: Prepare, out: Path) -> Job:
        self._note(name, Job("running"))
        order = await prepare()
        async with self._running(name) as process:
            assert process.stdin is not None
            with contextlib.suppress(ConnectionError):
                process.stdin.write(msgspec.json.encode(order) + b"\n")
                await process.stdin.drain()
                process.stdin.close()
            last = await self._listen(name, process)
            code = await process.wait()
        return self._outcome(name, code, last, out)

    def _outcome(self, name: str, code: int, last: Report | None, out: Path) -> Job:
        if name in self._cancelled or self._killed:
            self._cancelled.discard(name)
            out.unlink(missing_ok=True)
            _sweep(out)
            return Job("waiting" if self._is(name, "waiting") else "cancelled")  # wanted again already
        if code == 0 and out.is_file():
            log.info("job done", job=name, size_bytes=out.stat().st_size)
            return Job("done", 1.0, out.stat().st_size)
        _sweep(out)
        reason = (last.reason if last else "") or f"the process ended with {code}"
        log.warning("job failed", job=name, reason=reason)
        return Job("failed", reason=reason)

    @contextlib.asynccontextmanager
    async def _running(self, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, limit=_LINE_LIMIT)
        self._process, self._killed = (name, process), False
        try:
            yield process
        finally:
            self._process = None
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _listen(self, name: str, process: asyncio.subprocess.Process) -> Report | None:
        assert process.stdout is not None
        last: Report | None = None
        async for line in process.stdout:
            with contextlib.suppress(msgspec.DecodeError):
                last = msgspec.json.decode(line, type=Report)
                if name not in self._cancelled:
                    self._note(name, Job("running", last.progress))
        return last

    def _is(self, name: str, state: str) -> bool:
        known = self._known.get(name)
        return known is not None and known.state == state

    def _note(self, name: str, job: Job) -> Job:
        self._known.pop(name, None)
        self._known[name] = job
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        self._news.set()  # wakes all who wait now
        self._news.clear()
        return job


def _sweep(out: Path) -> None:
    """Remove what a process that was killed did not: its unfinished file, the stills of its order."""
    out.with_name(f".{out.name}.part").unlink(missing_ok=True)
    shutil.rmtree(out.with_suffix(".stills"), ignore_errors=True)


def _words(error: Exception) -> str:
    return error.message if isinstance(error, LibraryError) else "our fault; it was written to the log"
