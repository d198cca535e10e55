"""The server a drill talks to: one of its own on free ports, or one that is deployed."""

import asyncio
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
        port, https_port, media_port = _free_port(), _free_port(), _free_port()
        log_path = Path(folder) / "server.log"
        config_path = Path(folder) / "drill.toml"
        config_path.write_text(_CONFIG.format(port=media_port))
        arguments = [
            "-m",
            "callserver",
            "--config",
            str(config_path),
            "demo",
            "--port",
            str(port),
            "--https-port",
            str(https_port),
        ]
        with log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, "--data-dir", folder, stdout=log, stderr=log
            )
        try:
            url = f"http://localhost:{port}"
            await _ready(url, process, log_path)
            yield Server(url, "demo", "anna", "demo")
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                try:
                    await asyncio.wait_for(process.wait(), 15.0)
                except TimeoutError:
                    process.kill()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
