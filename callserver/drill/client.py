"""A synthetic caller's signaling: the same HTTP and WebSocket protocol that the pages speak."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import aiohttp
import webrtc

from callserver.drill.caller import Caller
from callserver.drill.picture import FPS
from callserver.drill.sending import LOOK_SECONDS, Limits, Sending, WayOut
from callserver.drill.upkeep import hold_playout, mend_path

HEARTBEAT_SECONDS = 5.0
_CANDIDATE = re.compile(r"^a=candidate:\S+ 1 (udp|tcp) \d+ (\S+) (\d+) typ host", re.MULTILINE | re.IGNORECASE)

PrepareOffer = Callable[[str], str]
"""Changes the server's offer before the caller sees it (a relay takes the place of the server's address)."""


class DrillError(Exception):
    """The server refused something a drill needs; the text says what and why."""


def candidate(sdp: str, protocol: str) -> tuple[str, int]:
    """The first address in an offer for `udp` or `tcp`; raise DrillError if there is none."""
    for found, host, port in _CANDIDATE.findall(sdp):
        if found.lower() == protocol:
            return host, int(port)
    raise DrillError(f"the server offered no {protocol.upper()} address")


class Client:
    """One session: `connect`, then `send` messages and wait for others with `until`."""

    def __init__(self, http: aiohttp.ClientSession, server: str, caller: Caller, prepare: PrepareOffer) -> None:
        self._http = http
        self._server = server
        self.caller = caller
        self._prepare = prepare
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sending = Sending()
        self._offer = ""
        self._answered = ""
        """The offer as last answered, in our own shape."""
        self._leg_id = ""
        self._wish: dict[str, Any] = {"audio_bps": 0}
        self._tasks: list[asyncio.Task[None]] = []
        self._arrived = asyncio.Condition()
        self._reading: asyncio.Task[None] | None = None
        self.messages: list[tuple[float, dict[str, Any]]] = []
        """Everything the server said, with its time (loop seconds)."""

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """POST as our own pages do; raise DrillError for a refusal."""
        headers = {"Origin": self._server, "X-Callserver": "1"}
        async with self._http.post(self._server + path, json=body, headers=headers) as response:
            if response.status >= 400:
                raise DrillError(f"POST {path}: {response.status} {(await response.text())[:300]}")
            result: dict[str, Any] = await response.json()
            return result

    async def connect(self, ticket: str) -> None:
        """Open the WebSocket and say hello; raise DrillError if the server does not welcome us."""
        await self._open({"type": "hello", "ticket": ticket, "version": 1})
        habits = (self._beat(), hold_playout(self.caller), mend_path(self.caller, self._restart), self._fit())
        self._tasks = [asyncio.create_task(habit) for habit in habits]
        await self.until(lambda message: message["type"] == "welcome")

    async def _open(self, first: dict[str, Any]) -> None:
        url = self._server.replace("http", "ws", 1) + "/ws/v1"
        self._socket = await self._http.ws_connect(url, headers={"Origin": self._server}, max_msg_size=1 << 20)
        self._reading = asyncio.create_task(self._read(self._socket))
        await self.send(first)

    async def leave(self) -> None:
        """The network is gone: the connection is dead. The session waits."""
        socket, self._socket = self._socket, None
        if socket is not None and self._reading is not None:
            self._reading.cancel()
            await socket.close()

    async def come_back(self) -> None:
        """On another network: take the session up again and ask for a new path, as web/shared does."""
        token = next(message["resume_token"] for _, message in self.messages if message["type"] == "welcome")
        await self._open({"type": "resume", "token": token, "last_seq": self._last_seq, "fresh": False, "version": 1})
        await self._restart()

    @property
    def _last_seq(self) -> int:
        return max((message.get("seq", 0) for _, message in self.messages), default=0)

    async def send(self, message: dict[str, Any]) -> None:
        """Say it; without a connection it is lost."""
        if self._socket is not None:
            await self._socket.send_json(message)

    async def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 20.0) -> dict[str, Any]:
        """The first message, past or future, for which `wanted` is true; raise DrillError if none comes in time."""

        def find() -> dict[str, Any] | None:
            return next((message for _, message in self.messages if wanted(message)), None)

        try:
            async with asyncio.timeout(seconds), self._arrived:
                while (found := find()) is None:
                    await self._arrived.wait()
                return found
        except TimeoutError:
            heard = ", ".join(message["type"] for _, message in self.messages[-5:])
            raise DrillError(
                f"the server did not answer as expected within {seconds:.0f} s; last heard: {heard}"
            ) from None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.leave()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        async for frame in socket:
            if frame.type is not aiohttp.WSMsgType.TEXT:
                break
            message = frame.json()
            if message["type"] == "leg.offer":
                await self._answer(message["offer"])
            elif message["type"] == "media.wish":
                self._wish = message
                await self._obey(message)
            elif message["type"] == "call.updated" and message["call"]["phase"] == "active":
                self._sending.heard = True
                await self._obey(self._wish)
            async with self._arrived:
                self.messages.append((loop.time(), message))
                self._arrived.notify_all()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.send({"type": "ping", "t": 0, "ack": self._last_seq})

    async def _restart(self) -> None:
        await self.send({"type": "leg.restart", "leg_id": self._leg_id, "replace": False})

    async def _fit(self) -> None:
        """Send what our own connection carries, for ever."""
        loop = asyncio.get_running_loop()
        waits = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._offer:
                continue
            pair = next((one for one in await self.caller.stats() if one.get("availableOutgoingBitrate")), {})
            full = self._wish.get("uplink_full", False)
            lossy = self._wish.get("uplink_lossy", False)
            way = WayOut(pair.get("availableOutgoingBitrate"), pair.get("currentRoundTripTime"), full, lossy)
            self._sending.look(way, self.caller.talking, loop.time())
            await self._shape()
            await self._obey(self._wish)
            if waits != (waits := self._sending.waits(loop.time())):
                await self.send({"type": "leg.narrow", "leg_id": self._leg_id, "paused": waits})

    async def _shape(self) -> None:
        """Answer the offer in another shape, between us and our browser: the server takes what we may send anyway."""
        sdp = self._sending.shaped(self._offer)
        if sdp == self._answered:
            return
        self._answered = sdp
        pc = self.caller.pc
        await pc.set_remote_description(webrtc.RTCSessionDescriptionInit(type="offer", sdp=sdp))
        await pc.set_local_description(await pc.create_answer())

    async def _obey(self, wish: dict[str, Any]) -> None:
        """Send no more and hold what is played for as long as the server wishes, as web/shared/peer.js does."""
        self.caller.playout_ms = wish.get("playout_ms", 0)
        limits = self._sending.limits(wish["audio_bps"], wish.get("video_bps", 0))
        for transceiver in self.caller.pc.get_transceivers():
            sender = transceiver.sender
            if sender.track is not None:
                parameters = sender.get_parameters()
                _limit(parameters, limits, sender.track.kind, wish.get("video_layers", True))
                await sender.set_parameters(parameters)

    async def _answer(self, offer: dict[str, Any]) -> None:
        """Put our sources into the offered slots and answer, as web/shared/peer.js does."""
        pc, self._leg_id = self.caller.pc, offer["leg_id"]
        self._offer = self._prepare(offer["sdp"])
        sdp = self._answered = self._sending.shaped(self._offer)
        await pc.set_remote_description(webrtc.RTCSessionDescriptionInit(type="offer", sdp=sdp))
        for transceiver in pc.get_transceivers():
            slot = offer["slots"].get(transceiver.mid)
            if slot == "audio":
                transceiver.direction = "sendrecv"
                await transceiver.sender.replace_track(self.caller.audio_track)
            elif slot == "camera":
                transceiver.direction = "sendonly"
                await transceiver.sender.replace_track(self.caller.video_track)
        await pc.set_local_description(await pc.create_answer())
        assert pc.local_description is not None
        answer = {"leg_id": offer["leg_id"], "generation": offer["generation"], "sdp": pc.local_description.sdp}
        await self.send({"type": "leg.answer", **answer})
        await self._obey(self._wish)


def _limit(parameters: webrtc.RTCRtpSendParameters, limits: Limits, kind: str, layers: bool) -> None:
    for encoding in parameters.encodings:
        encoding.max_bitrate = (limits.audio_bps if kind == "audio" else limits.video_bps) or None
        encoding.active = limits.pictures if kind == "video" else limits.voice
        if kind == "video":
            encoding.scalability_mode = "L1T3" if layers else "L1T1"
            encoding.scale_resolution_down_by = float(limits.downscale)
            encoding.max_framerate = FPS / 2 if limits.downscale > 1 else None
    if kind == "video":
        keeps = webrtc.RTCDegradationPreference
        parameters.degradation_preference = (
            keeps.maintain_resolution if limits.downscale > 1 or not limits.heard else keeps.maintain_framerate
        )


async def customer_ticket(client: Client, site: str) -> str:
    """A ticket as the widget gets it."""
    ticket: str = (await client.post("/api/v1/tickets", {"site": site}))["ticket"]
    return ticket


async def agent_ticket(client: Client, login: str, password: str) -> str:
    """A ticket as the console gets it, after logging in."""
    await client.post("/api/v1/login", {"login": login, "password": password})
    ticket: str = (await client.post("/api/v1/agent/tickets", {}))["ticket"]
    return ticket
