"""`callserver serve`: a small parent that keeps the control process running, and what starts media workers.

The parent holds no state. Control process killed: calls keep their media on the workers, a new control process adopts
them a second later. Parent killed: the control process exits, workers stay, a new `serve` finds them.
"""

import argparse
import logging
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from importlib import import_module
from pathlib import Path

from callserver.config import MediaSettings, Settings
from callserver.supervise_parent import PARENT_PIPE, Parent
from media.io import worker_files

logger = logging.getLogger(__name__)

EXIT_CANNOT_START = 1


def serve(settings: Settings, config: Path | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Run the server until it is told to stop; return the exit code. `environment` is added to the children's."""
    try:
        directory = worker_files.run_directory(settings.data_dir)
        with worker_files.claimed(directory, "serve"):
            problems = list(taken_ports(settings, directory))
            for problem in problems:
                print(f"callserver: {problem}", file=sys.stderr)
            if problems:
                return EXIT_CANNOT_START
            command = [*_program(config), "control"]
            return Parent(command, {**os.environ, **(environment or {})}, directory, settings.drain_timeout).run()
    except worker_files.RunDirectoryError as error:
        print(f"callserver: {error}", file=sys.stderr)
        return EXIT_CANNOT_START


def worker_count(media: MediaSettings) -> int:
    """How many workers the settings mean: `workers`, or one less than there are cores, at least one."""
    return media.workers or max(1, len(os.sched_getaffinity(0)) - 1)


def taken_ports(settings: Settings, directory: Path) -> Iterator[str]:
    """Say of each port we need and somebody else has; ports of our own living workers are fine."""
    http, media = settings.http, settings.media
    for name, port in (("http.port", http.port), ("http.tls_port", http.tls_port)):
        if port and not _bindable(http.host, port, socket.SOCK_STREAM):
            yield f"TCP port {port} for HTTP ({name}) is taken or not allowed on {http.host}"
    ours = {note.port for path in worker_files.sockets(directory) if (note := _living(path)) is not None}
    kinds = [("UDP", socket.SOCK_DGRAM)] + ([("TCP", socket.SOCK_STREAM)] if media.tcp else [])
    for port in range(media.port, media.port + worker_count(media)) if media.port else ():
        for name, kind in kinds:
            if port not in ours and not _bindable(media.host, port, kind):
                yield f"{name} port {port} for media (media.port) is taken or not allowed on {media.host}"


def _living(path: Path) -> worker_files.WorkerNote | None:
    return worker_files.read_note(path) if worker_files.alive(path) else None


def _bindable(host: str, port: int, kind: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with closing(socket.socket(family, kind)) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            probe.bind((host, port))
    except socket.gaierror:
        return True  # a name: the control process will say what is wrong with it
    except OSError:
        return False
    return True


def _program(config: Path | None) -> list[str]:
    return [sys.executable, "-m", "callserver", *([] if config is None else ["--config", str(config)])]


class SpawnedWorker:
    """A worker process in a session of its own: it outlives us and hears no Ctrl-C of our terminal."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        # stderr and stdout are ours, so that its log goes where ours goes.
        self.pid = os.posix_spawn(
            command[0],
            list(command),
            environment,
            setsid=True,
            setsigmask=(),
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
        )
        self._returncode: int | None = None

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        if self._returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._returncode = os.waitstatus_to_exitcode(status)
            except ChildProcessError:
                self._returncode = -1
        return self._returncode


def worker_starter(
    config: Path | None = None, *arguments: str, environment: Mapping[str, str] | None = None
) -> Callable[[Path], Awaitable[SpawnedWorker]]:
    """Return what starts one `callserver worker` process (the pool's `start_worker`)."""

    async def start(path: Path) -> SpawnedWorker:
        command = [*_program(config), "worker", "--socket", str(path), *arguments]
        variables = {**os.environ, **(environment or {})}
        variables.pop(PARENT_PIPE, None)
        return SpawnedWorker(command, variables)

    return start


def run_worker(settings: Settings, options: argparse.Namespace) -> int:
    """Be a media worker on `options.socket` until told to end."""
    # A profile needs functions that the interpreter sees.
    compiled = settings.media.compiled and options.profile is None and import_module("callserver.compiled").use()
    from media.io.engine import Engine
    from media.io.worker import run_worker as run

    import_module("callserver.logs").configure(settings.log)
    logger.info("a media worker starts, its packet path %s", "compiled" if compiled else "interpreted")
    media = settings.media

    async def make_engine(index: int, port: int) -> Engine:
        engine = Engine(
            host=media.host,
            port=port,
            advertise=media.advertise,
            tcp=media.tcp,
            max_calls=media.max_calls_per_worker,
            engine_id=f"worker-{index}",
            announcements=Path(media.announcements) if media.announcements else None,
        )
        await engine.start()
        return engine

    run(options.socket, make_engine, drain_timeout=settings.drain_timeout, profile=options.profile)
    return 0


def exit_with_parent() -> None:
    """In the control process: die when the parent does. Without a parent (started by hand) do nothing."""
    text = os.environ.pop(PARENT_PIPE, "")
    if not text:
        return
    descriptor = int(text)
    os.set_inheritable(descriptor, False)

    def wait() -> None:
        # Nothing is ever written: reading returns when the parent's end is closed, that is, when it has died. The
        # control process may be killed at any time (its truth is in the store), so no ceremony.
        with suppress(OSError):
            os.read(descriptor, 1)
        logger.error("the parent is gone: this control process exits, media workers stay")
        os._exit(1)

    threading.Thread(target=wait, name="parent", daemon=True).start()
