"""The sound of an exported film: all voices decoded and added up on one time line."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import av
import numpy as np
from numpy.typing import NDArray

from media.recording.ebml import Block

SAMPLE_RATE = 48_000
_PRE_SKIP = 312
"""By so many samples a decoder's output lags behind (RFC 7845 §4.2)."""
_TOLERANCE = SAMPLE_RATE // 25
"""Block times are rounded and voices are without holes: what follows closely follows at once."""
_PIECE = SAMPLE_RATE // 50
_MOST_SAMPLES = 60 * SAMPLE_RATE
"""Of sound that waits to be mixed; more would be a time that jumped."""

Samples = np.ndarray[tuple[int], np.dtype[np.int32]]
Sound = NDArray[np.int16]


class Cleaner(Protocol):
    """One voice's way to less noise and an even level."""

    @property
    def delay_samples(self) -> int:
        """How much later a sound comes out than it went in."""

    def push(self, pcm: Sound) -> Sound:
        """As many samples as come in; at first silence, `delay_samples` of it."""


class Mixer:
    """Adds up the voices. `take` gives what is finished."""

    def __init__(self, tracks: Iterable[int], clean: Callable[[], Cleaner] | None = None) -> None:
        """`clean`: makes what every voice goes through; raises CodecError if it cannot."""
        self.tracks = {track: _Voice(clean) for track in tracks}
        self.skipped = 0
        self._start = 0
        """The sample that `_sum` begins with."""
        self._sum: Samples = np.zeros(0, np.int32)

    def add(self, block: Block) -> None:
        """Decode a packet and add it at its time."""
        voice = self.tracks[block.track]
        try:
            frames = voice.decoder.decode(av.Packet(block.payload))
        except av.FFmpegError:
            self.skipped += 1
            return
        at = block.time_ms * (SAMPLE_RATE // 1000) - _PRE_SKIP
        if voice.following is not None and abs(voice.following - at) >= _TOLERANCE:
            self._mix(*voice.end())
        for frame in frames:
            self._mix(*voice.pass_on(at, _mono(frame)))

    def take(self, until_ms: int | None) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        """The mixed sound up to a time, or all there is."""
        until = None if until_ms is None else until_ms * (SAMPLE_RATE // 1000)
        for voice in self.tracks.values():
            if until is None or voice.silent_at(until):
                self._mix(*voice.end())
        count = len(self._sum) if until is None else until - self._start
        if count <= 0:
            return np.zeros(0, np.int16)
        if count > len(self._sum):
            self._sum = np.concatenate([self._sum, np.zeros(count - len(self._sum), np.int32)])
        done, self._sum = self._sum[:count], self._sum[count:]
        self._start += count
        return np.clip(done, -32_768, 32_767).astype(np.int16)

    def _mix(self, at: int, sound: Samples) -> None:
        at -= self._start
        if at < 0:
            sound, at = sound[-at:], 0
        end = at + len(sound)
        if not len(sound) or end > _MOST_SAMPLES:
            return
        if end > len(self._sum):
            self._sum = np.concatenate([self._sum, np.zeros(end - len(self._sum), np.int32)])
        self._sum[at:end] += sound


class _Voice:
    """A track's decoder and what cleans it; times are samples of the film."""

    def __init__(self, clean: Callable[[], Cleaner] | None) -> None:
        self.decoder = _decoder()
        self.following: int | None = None
        """Where the next sound belongs if it follows at once."""
        self._clean = clean
        self._cleaner = None if clean is None else clean()

    def pass_on(self, at: int, sound: Samples) -> tuple[int, Samples]:
        """What the cleaner gives back for a sound, and where that belongs."""
        at = at if self.following is None else self.following
        self.following = at + len(sound)
        if self._cleaner is None:
            return at, sound
        pcm = np.clip(sound, -32_768, 32_767).astype(np.int16)
        return at - self._cleaner.delay_samples, _cleaned(self._cleaner, pcm)

    def end(self) -> tuple[int, Samples]:
        """What the cleaner still holds, and where that belongs; what comes next is a beginning."""
        at, self.following = self.following, None
        if at is None or self._cleaner is None or self._clean is None:
            return 0, np.zeros(0, np.int32)
        held = self._cleaner.delay_samples
        rest = _cleaned(self._cleaner, np.zeros(held, np.int16))
        self._cleaner = self._clean()
        return at - held, rest

    def silent_at(self, until: int) -> bool:
        """Whether the cleaner holds what belongs before that time: nothing came for so long."""
        return (
            self._cleaner is not None
            and self.following is not None
            and (self.following - self._cleaner.delay_samples < until)
        )


def _cleaned(cleaner: Cleaner, pcm: Sound) -> Samples:
    pieces = [cleaner.push(pcm[at : at + _PIECE]) for at in range(0, len(pcm), _PIECE)]
    return np.concatenate(pieces).astype(np.int32) if pieces else np.zeros(0, np.int32)


def _decoder() -> Any:
    codec = av.CodecContext.create("libopus", "r")
    codec.sample_rate = SAMPLE_RATE
    codec.layout = "mono"
    return codec


def _mono(frame: av.AudioFrame) -> Samples:
    """Samples of one channel, of 16 bits' range."""
    data = frame.to_ndarray()
    channels = len(frame.layout.channels)
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    mixed = data.astype(np.float32).mean(axis=0)
    return np.asarray(mixed * 32_767 if data.dtype == np.float32 else mixed, np.int32)
