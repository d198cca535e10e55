"""The sound of an exported film: all voices decoded and added up on one time line."""

from collections.abc import Iterable
from typing import Any

import av
import numpy as np

from media.recording.ebml import Block

SAMPLE_RATE = 48_000
_PRE_SKIP = 312
"""By so many samples a decoder's output lags behind (RFC 7845 §4.2)."""
_TOLERANCE = SAMPLE_RATE // 25
"""Block times are rounded and voices are without holes: what follows closely follows at once."""
_MOST_SAMPLES = 60 * SAMPLE_RATE
"""Of sound that waits to be mixed; more would be a time that jumped."""

Samples = np.ndarray[tuple[int], np.dtype[np.int32]]


class Mixer:
    """Adds up the voices. `take` gives what is finished."""

    def __init__(self, tracks: Iterable[int]) -> None:
        self.tracks = {track: _decoder() for track in tracks}
        self.skipped = 0
        self._next: dict[int, int] = {}
        self._start = 0
        """The sample that `_sum` begins with."""
        self._sum: Samples = np.zeros(0, np.int32)

    def add(self, block: Block) -> None:
        """Decode a packet and add it at its time."""
        try:
            frames = self.tracks[block.track].decode(av.Packet(block.payload))
        except av.FFmpegError:
            self.skipped += 1
            return
        at = block.time_ms * (SAMPLE_RATE // 1000) - _PRE_SKIP
        following = self._next.get(block.track)
        if following is not None and abs(following - at) < _TOLERANCE:
            at = following
        for frame in frames:
            sound = _mono(frame)
            self._mix(at, sound)
            at += len(sound)
        self._next[block.track] = at

    def take(self, until_ms: int | None) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
        """The mixed sound up to a time, or all there is."""
        count = len(self._sum) if until_ms is None else until_ms * (SAMPLE_RATE // 1000) - self._start
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
