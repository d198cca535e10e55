"""Pictures of an exported film: decoded, fitted into their place, side by side."""

from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from media.recording.ebml import Block
from media.recording.pictures import MOST_PIXELS
from media.recording.tracks import H264, TrackInfo

_BLANK_AFTER_MS = 5_000
"""A side that shows nothing new for so long (hold, pause, camera off) goes dark: a still would tell a lie."""
_DARK = 32
_GREY = 128

Plane = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


class PictureDecoder:
    """One picture track."""

    def __init__(self, track: TrackInfo, place: int) -> None:
        self.place = place
        """Which cell of the canvas it belongs into."""
        self.skipped = 0
        self._codec: Any = av.CodecContext.create("h264" if track.codec == H264 else "vp8", "r")
        self._codec.options = {"max_pixels": str(MOST_PIXELS)}
        self._codec.thread_count = 1
        if track.private:
            self._codec.extradata = track.private

    def decode(self, block: Block) -> Iterator[av.VideoFrame]:
        """The pictures in a block; none if it is damaged."""
        try:
            yield from self._codec.decode(av.Packet(block.payload))
        except av.FFmpegError:
            self.skipped += 1


class Canvas:
    """Cells in a row, each with the last picture of its side."""

    def __init__(self, cell: tuple[int, int], cells: int) -> None:
        self._width, self._height = cell[0] & ~1, cell[1] & ~1
        self.width, self.height = self._width * cells, self._height
        self._luma = np.full((self.height, self.width), _DARK, np.uint8)
        self._chroma = [np.full((self.height // 2, self.width // 2), _GREY, np.uint8) for _ in range(2)]
        self._pasted_ms: list[int | None] = [None] * cells
        self._changed = True

    def paste(self, cell: int, picture: av.VideoFrame, time_ms: int) -> None:
        """Fit a picture into a cell, whole and undistorted."""
        scale = min(self._width / picture.width, self._height / picture.height)
        width = max(2, int(picture.width * scale) & ~1)
        height = max(2, int(picture.height * scale) & ~1)
        fitted = picture.reformat(width=width, height=height, format="yuv420p")
        left = cell * self._width + ((self._width - width) // 2 & ~1)
        top = (self._height - height) // 2 & ~1
        self._clear(cell)
        for plane, target, by in zip(fitted.planes, (self._luma, *self._chroma), (1, 2, 2), strict=True):
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            target[top // by : (top + height) // by, left // by : (left + width) // by] = rows[
                : height // by, : width // by
            ]
        self._pasted_ms[cell] = time_ms
        self._changed = True

    def settle(self, now_ms: int) -> bool:
        """Darken cells that show nothing new for long; whether anything changed since the last call."""
        for cell, pasted in enumerate(self._pasted_ms):
            if pasted is not None and now_ms - pasted > _BLANK_AFTER_MS:
                self._clear(cell)
                self._pasted_ms[cell] = None
                self._changed = True
        changed, self._changed = self._changed, False
        return changed

    def frame(self) -> av.VideoFrame:
        """What the canvas shows."""
        flat = np.concatenate([self._luma.ravel(), *(plane.ravel() for plane in self._chroma)])
        return av.VideoFrame.from_ndarray(flat.reshape(self.height * 3 // 2, self.width), format="yuv420p")

    def _clear(self, cell: int) -> None:
        left, right = cell * self._width, (cell + 1) * self._width
        self._luma[:, left:right] = _DARK
        for plane in self._chroma:
            plane[:, left // 2 : right // 2] = _GREY
