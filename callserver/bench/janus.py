"""Debian's Janus as a subject: a process of its own with a configuration of ours, spoken to over its WebSocket.

API: janus.conf.meetecho.com/docs/rest (transactions, sessions, handles); videocall plugin: register, call, accept.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from callserver.bench import BenchError
from callserver.bench.subject import pin_to_cores, process_cpu_seconds, process_rss_bytes
from callserver.supervise import SpawnedWorker

PLUGIN = "janus.plugin.videocall"
START_TIMEOUT = 15.0
ANSWER_TIMEOUT = 20.0
_PROTOCOL = "janus-protocol"
_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu/janus"), Path("/usr/lib/aarch64-linux-gnu/janus"), Path("/usr/lib/janus"))


class Handle:
    """One side of a call at the videocall plugin."""

    def __init__(self, janus: "Janus", number: int) -> None:
        self.number = number
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when Janus says `webrtcup`."""
        self._janus = janus

    async def say(self, body: dict[str, Any], jsep: dict[str, Any] | None = None) -> None:
        """Send a request to the plugin; its answer is an event."""
        extra: dict[str, Any] = {} if jsep is None else {"jsep": jsep}
        await self._janus.send("message", "", handle_id=self.number, body=body, **extra)

    async def event(self, name: str) -> dict[str, Any]:
        """The next event of this name; others before it are dropped. Raise BenchError for the plugin's errors."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                while True:
                    event = await self.events.get()
                    data = event.get("plugindata", {}).get("data", {})
                    if "error" in data:
                        raise BenchError(f"janus: {data['error']}")
                    if data.get("result", {}).get("event") == name:
                        return event
        except TimeoutError as error:
            raise BenchError(f"janus did not say `{name}`") from error


class Janus:
    """A running Janus and what it costs."""

    def __init__(self, pid: int, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.pid = pid
        self._socket = websocket
        self._session = 0
        self._handles: dict[int, Handle] = {}
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}

    def cpu_seconds(self) -> float:
        return process_cpu_seconds(self.pid)

    def rss_bytes(self) -> int:
        return process_rss_bytes(self.pid)

    async def begin(self) -> None:
        """Create the session."""
        self._session = (await self.ask("create"))["data"]["id"]

    async def attach(self) -> Handle:
        """A new handle of the videocall plugin."""
        number = (await self.ask("attach", plugin=PLUGIN))["data"]["id"]
        handle = self._handles[number] = Handle(self, number)
        return handle

    async def ask(self, verb: str, **fields: Any) -> dict[str, Any]:
        """A request with an answer of its own."""
        transaction = secrets.token_hex(6)
        future = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        await self.send(verb, transaction, **fields)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                answer: dict[str, Any] = await future
        except TimeoutError as error:
            raise BenchError(f"janus did not answer `{verb}`") from error
        if answer.get("janus") == "error":
            raise BenchError(f"janus: {answer['error'].get('reason')}")
        return answer

    async def send(self, verb: str, transaction: str = "", **fields: Any) -> None:
        session = {"session_id": self._session} if self._session else {}
        message = {"janus": verb, "transaction": transaction or secrets.token_hex(6), **session, **fields}
        await self._socket.send_str(json.dumps(message))

    async def read(self) -> None:
        """Hand out what Janus says, until cancelled."""
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            event = json.loads(message.data)
            future = self._waiting.pop(event.get("transaction", ""), None)
            if future is not None and event["janus"] != "ack":
                future.set_result(event)
                continue
            handle = self._handles.get(event.get("sender", 0))
            if handle is None:
                continue
            if event["janus"] == "webrtcup" and not handle.up.done():
                handle.up.set_result(None)
            elif event["janus"] == "hangup" and not handle.up.done():
                handle.up.set_exception(BenchError(f"janus hung up: {event.get('reason')}"))
            elif event["janus"] == "event":
                handle.events.put_nowait(event)

    async def keep_alive(self) -> None:
        """Sessions that say nothing for 60 s are ended by Janus."""
        while True:
            await asyncio.sleep(20)
            await self.send("keepalive")


@asynccontextmanager
async def running_janus(say: Callable[[str], None]) -> AsyncIterator[Janus]:
    """Janus on loopback with nothing but the videocall plugin, ended when the context ends."""
    program = shutil.which("janus")
    folder = next((found for found in _FOLDERS if (found / "plugins").is_dir()), None)
    if program is None or folder is None:
        raise BenchError("janus is not installed: apt-get install janus")
    say("starting janus")
    with tempfile.TemporaryDirectory(prefix="callserver-bench-") as directory:
        port = _free_port()
        _configure(Path(directory), folder, port)
        # Its complaints go where ours go: they are for the person who runs the bench.
        command = ["/bin/sh", "-c", 'exec "$0" "$@" >&2', program, "-F", directory, "-d", "2"]
        process = SpawnedWorker(command, {"PATH": "/usr/bin:/bin"})
        try:
            pin_to_cores(process.pid, say)
            async with aiohttp.ClientSession() as client, _connected(client, port, process) as websocket:
                janus = Janus(process.pid, websocket)
                reading = asyncio.create_task(janus.read())
                await janus.begin()
                alive = asyncio.create_task(janus.keep_alive())
                try:
                    yield janus
                finally:
                    for task in (reading, alive):
                        task.cancel()
        finally:
            await _end(process)


@asynccontextmanager
async def _connected(
    client: aiohttp.ClientSession, port: int, process: SpawnedWorker
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT
    while True:
        try:
            websocket = await client.ws_connect(f"http://127.0.0.1:{port}/", protocols=(_PROTOCOL,), max_msg_size=0)
            break
        except aiohttp.ClientError as error:
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                raise BenchError(f"janus did not start: {error}") from error
            await asyncio.sleep(0.1)
    async with websocket:
        yield websocket


async def _end(process: SpawnedWorker) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    for _ in range(100):
        if process.returncode is not None:
            return
        await asyncio.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _configure(directory: Path, folder: Path, port: int) -> None:
    """One plugin, one transport, ICE-lite on loopback: as little beside forwarding as it has."""
    others = ",".join(found.name for found in (folder / "plugins").glob("*.so") if "videocall" not in found.name)
    silent = ",".join(found.name for found in (folder / "transports").glob("*.so") if "websockets" not in found.name)
    (directory / "janus.jcfg").write_text(
        f"""general: {{
    configs_folder = "{directory}"
    plugins_folder = "{folder}/plugins"
    transports_folder = "{folder}/transports"
    events_folder = "{directory}"
    loggers_folder = "{directory}"
    debug_level = 2
    session_timeout = 0
}}
nat: {{ ice_lite = true, ice_enforce_list = "bench0" }}
media: {{ ipv6 = false }}
plugins: {{ disable = "{others}" }}
transports: {{ disable = "{silent}" }}
"""
    )
    (directory / "janus.transport.websockets.jcfg").write_text(
        f'general: {{ json = "compact", ws = true, ws_port = {port}, ws_ip = "127.0.0.1", wss = false }}\n'
    )
    (directory / "janus.plugin.videocall.jcfg").write_text("general: { events = false }\n")
