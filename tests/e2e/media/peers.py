"""Pages without a browser: libwebrtc (wrtc) peers that answer our offers, send a tone and a moving picture."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import webrtc

from media.api import LegSpec, MediaEvent, Offer
from media.io.engine import Engine

webrtc.allow_loopback()

RATE = 48_000
WIDTH, HEIGHT = 320, 240
FRAME_SECONDS = 1 / 15


def tone(start: int, count: int, hertz: float) -> bytes:
    """16-bit mono samples of a sine."""
    step = 2 * math.pi * hertz / RATE
    return struct.pack(f"<{count}h", *(int(8000 * math.sin(step * (start + i))) for i in range(count)))


def picture(number: int) -> bytes:
    """An I420 frame whose brightness moves."""
    row = bytes((x + 3 * number) & 0xFF for x in range(WIDTH))
    return row * HEIGHT + bytes([128]) * (WIDTH * HEIGHT // 2)


class Peer:
    """One page."""

    def __init__(self, leg_id: str, *, video: bool = True, hertz: float = 440.0) -> None:
        self.leg_id = leg_id
        self.connection = webrtc.RTCPeerConnection()
        self._audio = webrtc.MediaStreamTrackGenerator("audio")
        self._video = webrtc.MediaStreamTrackGenerator("video") if video else None
        self._hertz = hertz
        self._tasks: list[asyncio.Task[None]] = []

    async def answer(self, offer: Offer, change: Callable[[str], str] = str) -> str:
        """Take an offer, put the sources into their slots, return the answer. `change` edits the offer first."""
        await self.connection.set_remote_description(
            webrtc.RTCSessionDescriptionInit(type="offer", sdp=change(offer.sdp))
        )
        if offer.generation == 0:
            lines = {t.mid: t for t in self.connection.get_transceivers()}
            lines["0"].direction = "sendrecv"
            await lines["0"].sender.replace_track(self._audio)
            if self._video is not None:
                lines["1"].direction = "sendonly"
                await lines["1"].sender.replace_track(self._video)
        description = await self.connection.create_answer()
        await self.connection.set_local_description(description)
        return str(self.connection.local_description.sdp)

    def start(self) -> None:
        """Begin to send."""
        self._tasks = [asyncio.create_task(self._speak())]
        if self._video is not None:
            self._tasks.append(asyncio.create_task(self._film()))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.connection.close()

    async def heard(self) -> dict[str, float]:
        """What has been decoded so far: seconds and energy of sound, frames, and where packets come from."""
        found = {"energy": 0.0, "frames": 0.0, "seconds": 0.0, "retransmitted": 0.0, "lost": 0.0}
        for stats in (await self.connection.get_stats()).values():
            if stats.type != "inbound-rtp":
                continue
            found["lost"] += getattr(stats, "packets_lost", 0) or 0
            if stats.kind == "audio":
                found["energy"] += getattr(stats, "total_audio_energy", 0.0) or 0.0
                found["seconds"] += getattr(stats, "total_samples_duration", 0.0) or 0.0
            else:
                found["frames"] += getattr(stats, "frames_decoded", 0) or 0
        return found

    async def _speak(self) -> None:
        writer = self._audio.writable.get_writer()
        loop = asyncio.get_running_loop()
        start = loop.time()
        for i in range(10**9):
            init = webrtc.AudioDataInit(
                format="s16",
                sample_rate=RATE,
                number_of_frames=RATE // 100,
                number_of_channels=1,
                timestamp=i * 10_000,
                data=tone(i * RATE // 100, RATE // 100, self._hertz),
            )
            await writer.write(webrtc.AudioData(init))
            await asyncio.sleep(max(0.0, start + (i + 1) / 100 - loop.time()))

    async def _film(self) -> None:
        assert self._video is not None
        writer = self._video.writable.get_writer()
        for i in range(10**9):
            init = webrtc.VideoFrameBufferInit(
                format="I420", coded_width=WIDTH, coded_height=HEIGHT, timestamp=int(i * FRAME_SECONDS * 1e6)
            )
            await writer.write(webrtc.VideoFrame(picture(i), init))
            await asyncio.sleep(FRAME_SECONDS)


class Observer:
    """Reads an engine's events and waits for some of them."""

    def __init__(self, engine: Engine) -> None:
        self.seen: list[MediaEvent] = []
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._read(engine))

    async def _read(self, engine: Engine) -> None:
        async for event in engine.events():
            async with self._news:
                self.seen.append(event)
                self._news.notify_all()

    async def until(self, wanted: Callable[[MediaEvent], bool], seconds: float = 20.0) -> MediaEvent:
        """The first event, past or future, that is wanted."""
        async with self._news:
            async with asyncio.timeout(seconds):
                await self._news.wait_for(lambda: any(wanted(event) for event in self.seen))
            return next(event for event in self.seen if wanted(event))

    async def until_seen(self, event: MediaEvent) -> None:
        """Wait until exactly this event has happened."""
        await self.until(lambda e: e == event)

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@asynccontextmanager
async def running_engine(**settings: Any) -> AsyncIterator[tuple[Engine, Observer]]:
    """An engine on loopback, and what it tells."""
    engine = Engine(**{"host": "127.0.0.1", "advertise": ("127.0.0.1",), **settings})
    await engine.start()
    observer = Observer(engine)
    try:
        yield engine, observer
    finally:
        await engine.close()
        await observer.close()


async def join(engine: Engine, peer: Peer, call_id: str = "call", max_video_bps: int = 2_500_000) -> None:
    """Open a leg for the peer and hand over its answer."""
    offer = await engine.open_leg(LegSpec(call_id, peer.leg_id, max_video_bps=max_video_bps))
    await engine.accept_answer(call_id, peer.leg_id, offer.generation, await peer.answer(offer))


async def eventually(question: Callable[[], Any], seconds: float = 20.0) -> None:
    """Wait until the awaited question is answered with True."""
    async with asyncio.timeout(seconds):
        while not await question():
            await asyncio.sleep(0.05)
