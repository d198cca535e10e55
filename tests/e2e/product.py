"""The real product as a person starts it: `callserver demo` with its own data directory and free loopback ports."""

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from media.io import worker_files

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "artifacts"
PROGRAM = [sys.executable, "-m", "callserver"]
DEMO_SITE = "demo"
DEMO_AGENTS = [("anna", "demo"), ("ben", "demo")]
"""Login and password, as `callserver demo` prints them."""

Answer = TypeVar("Answer")


async def until(
    wanted: Callable[[], Answer | Awaitable[Answer]],
    what: str,
    seconds: float = 15.0,
    every: float = 0.05,
) -> Answer:
    """Wait until `wanted` (plain or async) answers something true, and return that; the tests' only way to wait."""
    deadline = time.monotonic() + seconds
    while True:
        answer = wanted()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}; last answer: {answer!r}")
        await asyncio.sleep(every)


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring port numbers that are free on loopback now, for UDP and TCP."""
    for first in range(20000 + os.getpid() % 400 * 50, 60000, count):
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        held.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError(f"no {count} neighbouring ports are free")


class Product:
    """One running callserver: a supervisor process with a control process and media workers below it."""

    def __init__(self, data_dir: Path, log: Path, **settings: str) -> None:
        """`settings` are environment names without the prefix, e.g. CALL__RING_TIMEOUT="2"."""
        first = free_ports(3)
        self.data_dir = data_dir
        self.log = log
        self.port, self.https_port, self.media_port = first, first + 1, first + 2
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {
            "DATA_DIR": str(data_dir),
            "HTTP__HOST": "127.0.0.1",
            "MEDIA__HOST": "127.0.0.1",
            "MEDIA__ADVERTISE": "127.0.0.1",
            "MEDIA__PORT": str(self.media_port),
            "MEDIA__WORKERS": "1",
            "DRAIN_TIMEOUT": "1",
            # Browsers and tests load this machine, too: that alone must not turn callers away.
            "MAX_LOOP_LAG": "10",
            "MAX_CPU": "10",
            "LOG__JSON": "true",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        ports = ["--port", str(self.port), "--https-port", str(self.https_port)]
        command = [*PROGRAM, "demo", *ports, "--data-dir", str(self.data_dir)]
        self._process = self._spawn(command, self._environment())
        try:
            await until(self.ready, "the product is ready", seconds=40, every=0.2)
        except AssertionError as error:
            await self.stop()
            raise AssertionError(f"{error}\n{self.log_tail()}") from None

    async def command(self, *arguments: str) -> str:
        """What another `callserver` command prints, for the same data."""
        code, said = await self.tried(*arguments)
        assert code == 0, said
        return said

    async def tried(self, *arguments: str) -> tuple[int, str]:
        """The exit code of another `callserver` command and what it prints; what it complains of if it prints none."""
        command = [*PROGRAM, *arguments]
        done = await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout or done.stderr

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CALLSERVER_")}
        return environment | {f"CALLSERVER_{name}": value for name, value in self._settings.items()}

    def _spawn(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    async def ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the product ended with {self._process.returncode}")
        return (await self.get("/readyz"))[0] == 200

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for whatever of ours is left after that."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, 15)
        finally:
            for pid in {
                *self.pids("control"),
                *self.pids("worker"),
                *([process.pid] if process.poll() is None else []),
            }:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()

    def fill_disk(self, full: bool) -> None:
        """Recordings find no room for another byte; or they do again."""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        for pid in self.pids("media.io.codec_worker", " "):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))

    def pids(self, role: str, separator: str = "\0") -> list[int]:
        """Our processes whose command is `role` (control, worker), oldest first. Workers are nobody's children, so
        what tells ours is the data directory in their environment."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                started_as = (entry / "cmdline").read_bytes().decode().split(separator)
                if role in started_as and str(self.data_dir).encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return sorted(found)

    def workers(self) -> list[worker_files.WorkerNote]:
        """The living ones; `index` is None for the spare."""
        directory = worker_files.run_directory(self.data_dir)
        notes = [worker_files.read_note(path) for path in worker_files.sockets(directory) if worker_files.alive(path)]
        return [note for note in notes if note is not None]

    def serving_worker(self) -> int:
        """The process that has the port and the calls."""
        (pid,) = [note.pid for note in self.workers() if note.index is not None]
        return pid

    def has_spare(self) -> bool:
        return any(note.index is None for note in self.workers())

    def kill(self, pid: int) -> None:
        """`kill -9` of one of our own processes."""
        assert pid in self.pids("control") + self.pids("worker")
        os.kill(pid, signal.SIGKILL)

    def log_tail(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def log_records(self) -> list[dict[str, Any]]:
        """The log's JSON lines so far."""
        records = []
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                record = json.loads(line)
                if isinstance(record, dict):
                    records.append(record)
        return records

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        return await self.request("GET", path, headers=headers)

    async def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Status (0: nobody answered) and text of one request, followed nowhere."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {}, method=method)

        def ask() -> tuple[int, str]:
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    return answer.status, answer.read().decode(errors="replace")
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, error.read().decode(errors="replace")
            except OSError:
                return 0, ""

        return await asyncio.to_thread(ask)

    async def metric(self, name: str) -> float:
        """Sum over all label values of one metric."""
        _, text = await self.get("/metrics")
        values = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(value) for _, value in values)
