"""The worker under test: a process as in production, spoken to as in production, on a core of its own."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from callserver.bench import BenchError
from callserver.supervise import worker_starter
from media.api import LegConnected, LegFailed, MediaEvent
from media.errors import MediaError
from media.io import worker_files
from media.io.pool_member import Member
from media.io.remote_client import RemoteEngine

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_REQUEST_TIMEOUT = 30.0
_CORES = sorted(os.sched_getaffinity(0))
"""Ours at the start: later the generator is pinned to one of them."""
_EXIT_TIMEOUT = 20.0


class Subject:
    """A running worker and what it costs."""

    def __init__(self, engine: RemoteEngine, pid: int) -> None:
        self.engine = engine
        self.pid = pid
        self._connected: dict[str, asyncio.Future[None]] = {}

    def cpu_seconds(self) -> float:
        """User and system time of all its threads until now."""
        return process_cpu_seconds(self.pid)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return process_rss_bytes(self.pid)

    def connected(self, leg_id: str) -> asyncio.Future[None]:
        """Done when the worker says that the leg is connected; BenchError when it says that it failed."""
        future = self._connected[leg_id] = asyncio.get_running_loop().create_future()
        return future

    def happened(self, event: MediaEvent) -> None:
        """An event of the worker."""
        if isinstance(event, LegConnected | LegFailed):
            future = self._connected.pop(event.leg_id, None)
            if future is not None and not future.done():
                if isinstance(event, LegConnected):
                    future.set_result(None)
                else:
                    future.set_exception(BenchError(f"leg {event.leg_id} failed: {event.reason}"))


def process_cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process until now."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except (OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def children(pid: int) -> list[int]:
    """Processes that it started and that still run; none where the kernel does not say."""
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def process_rss_bytes(pid: int) -> int:
    """Resident memory of a process now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES


@asynccontextmanager
async def running_worker(
    config: Path | None,
    max_calls: int,
    say: Callable[[str], None],
    profile: Path | None = None,
    checkout: Path | None = None,
) -> AsyncIterator[Subject]:
    """A worker with a port on loopback, ended when the context ends; with `profile` it writes a cProfile, with
    `checkout` it runs that directory's code."""
    environment = {
        "CALLSERVER_MEDIA__HOST": "127.0.0.1",
        "CALLSERVER_MEDIA__ADVERTISE": "127.0.0.1",
        "CALLSERVER_MEDIA__MAX_CALLS_PER_WORKER": str(max_calls),
        "CALLSERVER_LOG__LEVEL": "warning",
    }
    if checkout is not None:
        environment |= {"PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1"}
    arguments = () if profile is None else ("--profile", str(profile))
    with tempfile.TemporaryDirectory(prefix="callserver-bench-") as directory:
        member = Member(worker_files.new_socket(Path(directory)))
        say("starting a media worker")
        process = await worker_starter(config, *arguments, environment=environment)(member.socket)
        member.process = process
        pin_to_cores(process.pid, say)
        subject: Subject | None = None
        try:
            await member.dial_when_ready(
                lambda _, event: subject.happened(event) if subject is not None else None,
                lambda _: None,
                _REQUEST_TIMEOUT,
            )
            subject = Subject(member.engine, process.pid)
            await member.engine.activate(0, 0)
            yield subject
        except MediaError as error:
            raise BenchError(f"the worker: {error}") from error
        finally:
            if subject is not None and not member.engine.lost:
                await member.ask_to_drain(0.0)
            await _ended(lambda: process.returncode is not None)
            if process.returncode is None:
                os.kill(process.pid, 9)


async def _ended(over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _EXIT_TIMEOUT
    while not over() and time.monotonic() < deadline:  # noqa: ASYNC110 - a process tells nobody that it ended
        await asyncio.sleep(0.05)


def pin_to_cores(worker: int, say: Callable[[str], None]) -> None:
    """Worker and generator on different cores, where there are two."""
    cores = _CORES
    if len(cores) < 2:
        say("only one core: worker and generator share it, latencies will be worse than they are")
        return
    os.sched_setaffinity(worker, {cores[0]})
    os.sched_setaffinity(0, {cores[1]})


def beside_the_worker(worker: int) -> None:
    """What the worker started leaves its core to it."""
    for child in children(worker) if len(_CORES) > 1 else ():
        os.sched_setaffinity(child, {_CORES[1]})


def own_cpu_seconds() -> float:
    """User and system time of this process, the generator."""
    return time.process_time()
