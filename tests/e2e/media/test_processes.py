"""Real processes and `kill -9`: what dies is replaced, what holds calls lives on."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callserver.bench.dialing import Dialing
from callserver.bench.subject import Subject
from callserver.supervise import worker_starter
from media.api import CallLost, LegSpec, MediaEvent
from media.io import worker_files
from media.io.pool import WorkerPool
from tests.e2e.product import free_ports, until

pytestmark = pytest.mark.e2e

ON_LOOPBACK = {"MEDIA__HOST": "127.0.0.1", "MEDIA__ADVERTISE": "127.0.0.1", "LOG__LEVEL": "warning"}


def environment(**settings: str) -> dict[str, str]:
    """The environment of a server with these settings and no other."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("CALLSERVER_")}
    return others | {f"CALLSERVER_{name}": value for name, value in (ON_LOOPBACK | settings).items()}


def workers(data_dir: Path) -> dict[int | None, int]:
    """Process of each living worker by its index; None: the spare."""
    directory = worker_files.run_directory(data_dir)
    living = [path for path in worker_files.sockets(directory) if worker_files.alive(path)]
    notes = [note for path in living if (note := worker_files.read_note(path)) is not None]
    return {note.index: note.pid for note in notes}


class Caller:
    """Connects synthetic pages through a pool and watches its events."""

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool
        self.subject = Subject(pool, 0)  # type: ignore[arg-type]
        self.dialing = Dialing(self.subject, ports=1)
        self.lost: list[str] = []

    async def watch(self) -> None:
        async for event in self.pool.events():
            self._saw(event)

    def _saw(self, event: MediaEvent) -> None:
        if isinstance(event, CallLost):
            self.lost.append(event.call_id)
        self.subject.happened(event)


@contextlib.asynccontextmanager
async def pool_of_one(data_dir: Path) -> AsyncIterator[WorkerPool]:
    starter = worker_starter(environment=environment())
    pool = WorkerPool(worker_files.run_directory(data_dir), starter, count=1, port=free_ports(1))
    await pool.start()
    yield pool
    await pool.drain(0.0)
    await pool.close()


async def test_a_killed_worker_is_replaced_on_its_port_and_its_call_connects_again(tmp_path: Path) -> None:
    async with pool_of_one(tmp_path) as pool, asyncio.TaskGroup() as tasks:
        caller = Caller(pool)
        watching = tasks.create_task(caller.watch())
        await until(lambda: None in workers(tmp_path), "a spare is waiting")
        with caller.dialing.receiving():
            before = await caller.dialing.connect("call", "leg-1")
            first, spare = workers(tmp_path)[0], workers(tmp_path)[None]
            os.kill(first, signal.SIGKILL)
            await until(lambda: caller.lost == ["call"], "the call is reported lost")
            after = await caller.dialing.connect("call", "leg-2")
        assert after.facts.address == before.facts.address, "same address and port"
        assert workers(tmp_path)[0] == spare
        await until(lambda: workers(tmp_path).get(None) not in (None, spare), "there is a new spare")
        caller.dialing.close()
        watching.cancel()
    assert workers(tmp_path) == {}


async def test_a_worker_without_a_control_process_keeps_its_call_for_the_next_one(tmp_path: Path) -> None:
    starter = worker_starter(environment=environment())
    directory, port = worker_files.run_directory(tmp_path), free_ports(1)
    pool = WorkerPool(directory, starter, count=1, port=port, spare=False)
    await pool.start()
    await pool.open_leg(LegSpec("call", "leg"))
    await pool.close()
    again = WorkerPool(directory, starter, count=1, port=port, spare=False)
    await again.start()
    assert [call.call_id for call in (await again.status()).calls] == ["call"]
    assert (await again.restart_ice("call", "leg")).generation == 1
    await again.drain(0.0)
    await again.close()
    assert workers(tmp_path) == {}


class Server:
    """`callserver serve` with its own data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.http, self.media = free_ports(2), free_ports(2) + 1
        self.environment = environment(
            DATA_DIR=str(data_dir),
            HTTP__HOST="127.0.0.1",
            HTTP__PORT=str(self.http),
            MEDIA__PORT=str(self.media),
            MEDIA__WORKERS="1",
            DRAIN_TIMEOUT="0.5",
        )
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "callserver", "serve"]
        self.process = await asyncio.to_thread(subprocess.Popen, command, env=self.environment)
        await self.ready()

    async def ready(self) -> None:
        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=2) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        await until(lambda: asyncio.to_thread(answers), "the server is ready", seconds=30)
        await until(lambda: set(workers(self.data_dir)) == {0, None}, "worker and spare are up", seconds=30)

    def control(self) -> int:
        """The control process: the parent's only child."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        assert len(children) == 1, children
        return int(children[0])

    def end(self) -> None:
        """Leave nothing behind, whatever the test did."""
        directory = worker_files.run_directory(self.data_dir)
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for path in worker_files.sockets(directory):
            worker_files.end(path, signal.SIGKILL)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    made = Server(tmp_path)
    await made.start()
    yield made
    made.end()


async def test_a_killed_control_process_is_back_and_adopts_its_workers(server: Server) -> None:
    before, control = workers(server.data_dir), server.control()
    os.kill(control, signal.SIGKILL)
    await until(lambda: worker_files.start_time(control) == "", "it is dead")
    await server.ready()
    assert server.control() != control
    assert workers(server.data_dir) == before


async def test_a_killed_parent_takes_the_control_process_along_but_no_worker(server: Server) -> None:
    before, control = workers(server.data_dir), server.control()
    assert server.process is not None
    server.process.kill()
    await asyncio.to_thread(server.process.wait)
    await until(lambda: worker_files.start_time(control) == "", "the control process is gone as well")
    assert workers(server.data_dir) == before
    await server.start()
    assert workers(server.data_dir) == before


async def test_sigterm_ends_everything_in_order(server: Server) -> None:
    assert server.process is not None
    server.process.terminate()
    assert await asyncio.to_thread(server.process.wait, 20) == 0
    assert workers(server.data_dir) == {}
    assert worker_files.sockets(worker_files.run_directory(server.data_dir)) == []


async def test_the_second_signal_means_now(server: Server) -> None:
    assert server.process is not None
    control = server.control()
    os.kill(control, signal.SIGSTOP)  # it cannot drain
    server.process.terminate()
    server.process.send_signal(signal.SIGINT)
    # Two that wait are delivered in the order of their numbers, so either may be the second.
    assert await asyncio.to_thread(server.process.wait, 20) in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    await until(lambda: workers(server.data_dir) == {}, "no worker is left")
    assert worker_files.start_time(control) == ""


async def test_a_second_server_on_the_same_data_is_refused(server: Server) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "callserver", "serve"],
        env=server.environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert b"another callserver" in done.stderr


async def test_taken_ports_are_named(tmp_path: Path) -> None:
    made = Server(tmp_path)
    with contextlib.ExitStack() as held:
        for kind, port in ((socket.SOCK_STREAM, made.http), (socket.SOCK_DGRAM, made.media)):
            taken = held.enter_context(socket.socket(socket.AF_INET, kind))
            taken.bind(("127.0.0.1", port))
            if kind == socket.SOCK_STREAM:
                taken.listen()
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "callserver", "serve"],
            env=made.environment,
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert f"TCP port {made.http} for HTTP".encode() in done.stderr
    assert f"UDP port {made.media} for media".encode() in done.stderr
    assert workers(tmp_path) == {}
