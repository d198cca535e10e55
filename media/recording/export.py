"""A recording as an MP4 with its sides next to each other and one sound: decoded, mixed, encoded again.

Work of minutes: run it in a process of its own, at low priority, and read the progress it yields. Leaving the loop
cancels it; the file appears under its name only when it is whole. It is not encrypted.
"""

import heapq
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from media.recording.ebml import Block
from media.recording.errors import RecordingError
from media.recording.export_picture import Canvas, PictureDecoder
from media.recording.export_sound import SAMPLE_RATE, Cleaner, Mixer
from media.recording.reader import RecordingReader
from media.recording.tracks import AUDIO, VIDEO

_REORDER_MS = 3_000
"""Blocks lie in a file up to so far out of order (a voice that was silent for long)."""
_MIX_DELAY_MS = 1_000
"""Sound waits so long for voices that are late, and for what cleans them."""
_STILL_MS = 1_000
"""A picture that does not change is encoded this often."""
_VIDEO_ENCODERS = ("libx264", "libopenh264", "h264", "mpeg4")
_AUDIO_ENCODERS = ("aac", "libopus")
_SAMPLES = 1024


class Mp4Export:
    """One export. `for progress in export.run(): ...`"""

    def __init__(
        self,
        reader: RecordingReader,
        out: Path,
        *,
        cell: tuple[int, int] = (640, 480),
        fps: int = 25,
        clean: Callable[[], Cleaner] | None = None,
    ) -> None:
        """`cell`: width and height of one side, even numbers; `clean`: makes what every voice goes through."""
        self._reader = reader
        self._out = out
        self._cell, self._fps = cell, fps
        self._clean = clean
        self._total_ms = max(1.0, reader.info.seconds * 1000)
        self.skipped = 0
        """Pictures and packets that could not be decoded."""

    def run(self) -> Iterator[float]:
        """Do the work, yield progress from 0 to 1. Raise RecordingError, OSError, CodecError."""
        unfinished = self._out.with_name(f".{self._out.name}.part")
        try:
            container = av.open(str(unfinished), "w", format="mp4", options={"movflags": "+faststart"})
            try:
                yield from self._fill(container)
            finally:
                container.close()
            unfinished.replace(self._out)
        except av.FFmpegError as error:
            raise RecordingError(f"the film cannot be written: {error.strerror}") from error
        finally:
            unfinished.unlink(missing_ok=True)
        yield 1.0

    def _fill(self, container: OutputContainer) -> Iterator[float]:
        tracks = self._reader.info.tracks
        sides = [side for side in self._reader.info.sides if any(t.side == side and t.kind == VIDEO for t in tracks)]
        pictures = {t.number: PictureDecoder(t, sides.index(t.side)) for t in tracks if t.kind == VIDEO}
        mixer = Mixer([t.number for t in tracks if t.kind == AUDIO], self._clean)
        film = Film(container, Canvas(self._cell, len(sides)) if sides else None, self._fps, sound=bool(mixer.tracks))
        told = 0.0
        for block in in_order(self._reader.blocks(salvage=True)):
            film.show_until(block.time_ms)
            film.hear(mixer.take(block.time_ms - _MIX_DELAY_MS))
            if block.track in pictures:
                film.draw(pictures[block.track], block)
            else:
                mixer.add(block)
            progress = min(0.999, block.time_ms / self._total_ms)
            if progress - told >= 0.001:
                told = progress
                yield progress
        film.show_until(int(self._total_ms))
        film.hear(mixer.take(None))
        film.finish()
        self.skipped = mixer.skipped + sum(decoder.skipped for decoder in pictures.values())


class Film:
    """The encoders of the film and its container."""

    def __init__(self, container: OutputContainer, canvas: Canvas | None, fps: int, *, sound: bool) -> None:
        self._container = container
        self._canvas = canvas
        self._fps = fps
        self._tick = 0
        self._shown_ms = -_STILL_MS
        self._video = self._video_stream(canvas, fps) if canvas is not None else None
        self._audio = self._audio_stream() if sound else None
        self._rest = np.zeros(0, np.int16)
        self._samples = 0

    def draw(self, decoder: PictureDecoder, block: Block) -> None:
        """Put the picture of a block onto the canvas."""
        if self._canvas is not None:
            for picture in decoder.decode(block):
                self._canvas.paste(decoder.place, picture, block.time_ms)

    def show_until(self, time_ms: int) -> None:
        """Encode what the canvas showed up to that time."""
        if self._canvas is None or self._video is None:
            return
        while (moment := self._tick * 1000 // self._fps) < time_ms:
            changed = self._canvas.settle(moment)
            if changed or moment - self._shown_ms >= _STILL_MS:
                frame = self._canvas.frame()
                frame.pts = self._tick
                frame.time_base = Fraction(1, self._fps)
                self._container.mux(self._video.encode(frame))
                self._shown_ms = moment
            self._tick += 1

    def hear(self, sound: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
        """Encode sound that follows what came before."""
        if self._audio is None:
            return
        sound = np.concatenate([self._rest, sound])
        whole = len(sound) - len(sound) % _SAMPLES
        for start in range(0, whole, _SAMPLES):
            self._encode_sound(sound[start : start + _SAMPLES])
        self._rest = sound[whole:]

    def finish(self) -> None:
        """Encode what is left."""
        if self._audio is not None:
            if len(self._rest):
                self._encode_sound(self._rest)
            self._container.mux(self._audio.encode(None))
        if self._video is not None:
            self._container.mux(self._video.encode(None))

    def _encode_sound(self, sound: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> None:
        assert self._audio is not None
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.reshape(1, -1)), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = Fraction(1, SAMPLE_RATE)
        frame.pts = self._samples
        self._samples += len(sound)
        self._container.mux(self._audio.encode(frame))

    def _video_stream(self, canvas: Canvas, fps: int) -> VideoStream:
        stream = self._container.add_stream(_first_of(_VIDEO_ENCODERS), rate=fps)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = canvas.width, canvas.height
        stream.pix_fmt = "yuv420p"
        stream.time_base = Fraction(1, fps)
        if stream.codec_context.name == "libx264":
            stream.options = {"preset": "veryfast", "crf": "25"}
        return stream

    def _audio_stream(self) -> AudioStream:
        stream = self._container.add_stream(_first_of(_AUDIO_ENCODERS), rate=SAMPLE_RATE)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        stream.bit_rate = 64_000
        return stream


def in_order(blocks: Iterator[Block]) -> Iterator[Block]:
    """Blocks that are nearly in the order of time, in it."""
    waiting: list[tuple[int, int, Block]] = []
    latest = 0
    for count, block in enumerate(blocks):
        heapq.heappush(waiting, (block.time_ms, count, block))
        latest = max(latest, block.time_ms)
        while waiting[0][0] < latest - _REORDER_MS:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _first_of(encoders: tuple[str, ...]) -> str:
    for name in encoders:
        try:
            return av.Codec(name, "w").name
        except ValueError:
            continue
    raise RecordingError(f"none of the encoders {', '.join(encoders)} is there")
