"""The server a drill talks to: one of its own on free ports, or one that is deployed."""

import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from callserver.drill.client import DrillError
from callserver.drill.plan import Server

START_SECONDS = 20.0
_CONFIG = """\
drain_timeout = 1.0
[media]
host = "127.0.0.1"
advertise = ["127.0.0.1"]
port = {port}
workers = 1
spare = false
"""


@asynccontextmanager
async def local_server() -> AsyncIterator[Server]:
    """Run the product (`callserver demo`) on free ports with its data in a temporary folder; stop it afterwards."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        process, url = await _started(Path(folder))
        try:
            yield Server(url, "demo", "anna", "demo")
        finally:
            await _stop(process)


async def _started(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """The server's process and address. A port may be taken before it is ours: then others are tried."""
    log_path = folder / "server.log"
    for last in (False, False, True):
        port, https_port, media_port = _free_ports(3)
        config_path = folder / "drill.toml"
        config_path.write_text(_CONFIG.format(port=media_port))
        arguments = ["-m", "callserver", "--config", str(config_path), "demo", "--data-dir", str(folder)]
        arguments += ["--port", str(port), "--https-port", str(https_port)]
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=log, stderr=log)
        url = f"http://localhost:{port}"
        try:
            await _ready(url, process, log_path)
            return process, url
        except BaseException as error:
            await _stop(process)
            if last or not isinstance(error, DrillError) or "address already in use" not in str(error):
                raise
    raise AssertionError("the last try returned or raised")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15.0)
        except TimeoutError:
            process.kill()


def _free_ports(count: int) -> list[int]:
    """All different: the probes are open together."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


async def _ready(url: str, process: asyncio.subprocess.Process, log_path: Path) -> None:
    """Wait for /readyz; raise DrillError with the end of the log if the server does not come up."""
    async with aiohttp.ClientSession() as http:
        for _ in range(int(START_SECONDS * 10)):
            if process.returncode is not None:
                break
            try:
                async with http.get(url + "/readyz") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)
    raise DrillError("the server did not start:\n" + _tail(log_path))


def _tail(path: Path) -> str:
    return path.read_text(errors="replace")[-2000:]
