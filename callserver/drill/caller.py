"""A synthetic caller on libwebrtc (package wrtc): speaks, shows numbered pictures, and keeps what it hears and sees."""

import asyncio
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import webrtc
from numpy.typing import NDArray

from callserver.drill.picture import FPS, HEIGHT, WIDTH, Picture, read_number

webrtc.allow_loopback()  # the links are emulated on this machine

SPEECH_RATE = 16_000
_CHUNK = SPEECH_RATE // 100
Samples = NDArray[np.int16]


def load_speech() -> Samples:
    """The spoken sentences, 16 kHz mono."""
    with wave.open(str(Path(__file__).with_name("speech.wav"))) as file:
        assert file.getframerate() == SPEECH_RATE
        assert file.getnchannels() == 1
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@dataclass
class Heard:
    """Received media with its times (seconds on the loop's clock)."""

    chunks: list[tuple[float, bytes, int, int]] = field(default_factory=list)
    """Arrival, interleaved 16-bit samples, rate, channels; 10 ms each."""
    frames: list[tuple[float, int | None]] = field(default_factory=list)
    """Arrival and number of each decoded frame."""
    samples: list[tuple[int, Any]] = field(default_factory=list)
    """Some frames whole, (number, luma), for PSNR."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Frames by size, `640x480`."""


class Caller:
    """One end. Make the connection with `pc`, then `start()`; `stop()` ends its tasks."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.pc = webrtc.RTCPeerConnection()
        self.picture = Picture(seed)
        self.heard = Heard()
        self.spoken_at: float | None = None
        """When sample 0 of the speech left."""
        self.shown: dict[int, float] = {}
        """Send time by frame number."""
        self.playout_ms = 0
        """How long to hold what is played; 0: as the receiver likes."""
        self._audio = webrtc.MediaStreamTrackGenerator("audio")
        self._video = webrtc.VideoTrackGenerator()
        self._speech = load_speech()
        self._tasks: list[asyncio.Task[None]] = []
        self._receiving: set[str] = set()
        self._talking = False
        self.pc.on("track", lambda event: self._receive(event.track))
        self._changed = asyncio.Event()
        self.pc.on("connectionstatechange", lambda _event: self._changed.set())
        self.pc.on("icegatheringstatechange", lambda _event: self._changed.set())

    @property
    def audio_track(self) -> Any:
        return self._audio

    @property
    def video_track(self) -> Any:
        return self._video.track

    def start(self, *, pictures: bool = True) -> None:
        """Begin to send: silence and black until `talk`, as a page does before the answer."""
        self._tasks.append(asyncio.create_task(self._speak()))
        if pictures:
            self._tasks.append(asyncio.create_task(self._show()))

    async def gathered(self, seconds: float = 5.0) -> None:
        """Wait until the caller knows its own addresses; raise TimeoutError."""
        await self._until(lambda: self.pc.ice_gathering_state == "complete", seconds)

    async def connected(self, seconds: float = 20.0) -> None:
        """Wait until media can flow; raise TimeoutError."""
        await self._until(lambda: self.pc.connection_state == "connected", seconds)

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @property
    def talking(self) -> bool:
        return self._talking

    def talk(self) -> None:
        """The call is answered: speak and show."""
        self._talking = True

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.pc.close()

    async def stats(self) -> list[dict[str, Any]]:
        """getStats as plain dictionaries."""
        report = await self.pc.get_stats()
        return [dict(entry) if isinstance(entry, dict) else entry.to_json() for entry in report.values()]

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        generator = self._audio._generator  # written to directly: no stream machinery a hundred times a second
        started, ticks, spoken = loop.time(), 0, 0
        while True:
            if self._talking:
                if self.spoken_at is None:
                    self.spoken_at = loop.time()
                start = spoken * _CHUNK % (len(self._speech) - _CHUNK)
                samples = np.take(self._speech, range(start, start + _CHUNK), mode="wrap")
                spoken += 1
            else:
                samples = np.zeros(_CHUNK, np.int16)
            generator.writeAudio(samples.tobytes(), SPEECH_RATE, 1, _CHUNK)
            ticks += 1
            await asyncio.sleep(max(0.0, started + ticks * 0.01 - loop.time()))

    async def _show(self) -> None:
        loop = asyncio.get_running_loop()
        started, ticks, number = loop.time(), 0, 0
        black = bytes((16,)) * (WIDTH * HEIGHT) + bytes((128,)) * (WIDTH * HEIGHT // 2)
        writer = self._video.writable.get_writer()
        while True:
            timestamp = int((loop.time() - started) * 1e6)
            init = webrtc.VideoFrameBufferInit(
                format="I420", coded_width=WIDTH, coded_height=HEIGHT, timestamp=timestamp
            )
            if self._talking:
                self.shown[number] = loop.time()
                await writer.write(webrtc.VideoFrame(self.picture.i420(number), init))
                number += 1
            else:
                await writer.write(webrtc.VideoFrame(black, init))
            ticks += 1
            await asyncio.sleep(max(0.0, started + ticks / FPS - loop.time()))

    def _receive(self, track: Any) -> None:
        if track.kind in self._receiving:
            return  # further slots of the server's offer, which nobody feeds in a call of two
        self._receiving.add(track.kind)
        read = self._hear if track.kind == "audio" else self._watch
        self._tasks.append(asyncio.create_task(read(track)))

    async def _hear(self, track: Any) -> None:
        loop = asyncio.get_running_loop()
        processor = webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track, max_buffer_size=200))
        async for data in processor.readable:
            with data:
                if isinstance(data, webrtc.AudioData) and data.format == "s16":
                    self.heard.chunks.append(
                        (loop.time(), bytes(data._data or b""), int(data.sample_rate), data.number_of_channels)
                    )

    async def _watch(self, track: Any) -> None:
        loop = asyncio.get_running_loop()
        processor = webrtc.MediaStreamTrackProcessor(webrtc.MediaStreamTrackProcessorInit(track, max_buffer_size=10))
        async for frame in processor.readable:
            assert isinstance(frame, webrtc.VideoFrame)
            with frame:
                now = loop.time()
                width, height = frame.coded_width, frame.coded_height
                buffer = bytearray(frame.allocation_size())
                if (copied := frame.copy_to(buffer)) is not None:
                    await copied
            luma = np.frombuffer(buffer, np.uint8, width * height).reshape(height, width)
            number = read_number(luma)
            self.heard.frames.append((now, number))
            size = f"{width}x{height}"
            self.heard.sizes[size] = self.heard.sizes.get(size, 0) + 1
            if number is not None and len(self.heard.frames) % 15 == 0:
                self.heard.samples.append((number, luma.copy()))
