"""A moving picture whose every frame carries its number, so that what arrives can be told from what was sent."""

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 640, 480, 30
BITS = 16
CHECK_BITS = 4
_COLUMNS = BITS + CHECK_BITS
_STRIP = HEIGHT // 12
_BLACK, _WHITE = 30, 220
Plane = NDArray[np.uint8]


def _texture(rng: np.random.Generator) -> Plane:
    """Detail at several scales, like a real scene: it costs bits but does not drown in noise."""
    height, width = HEIGHT * 3 // 2, WIDTH * 3 // 2
    total = np.zeros((height, width))
    for scale, weight in ((120, 60.0), (40, 30.0), (12, 12.0), (4, 4.0)):
        coarse = rng.normal(size=(height // scale + 2, width // scale + 2))
        rows, columns = np.arange(height) / scale, np.arange(width) / scale
        total += weight * _interpolate(coarse, rows, columns)
    return np.clip(128 + total, 20, 235).astype(np.uint8)


def _interpolate(
    grid: NDArray[np.floating] | Plane, rows: NDArray[np.floating], columns: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Bilinear samples of `grid` at the crossing of `rows` and `columns`."""
    top = np.minimum(rows.astype(int), grid.shape[0] - 2)
    left = np.minimum(columns.astype(int), grid.shape[1] - 2)
    down, right = (rows - top)[:, None], (columns - left)[None, :]
    a, b = grid[np.ix_(top, left)], grid[np.ix_(top, left + 1)]
    c, d = grid[np.ix_(top + 1, left)], grid[np.ix_(top + 1, left + 1)]
    return np.asarray((a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down)


def _check(number: int) -> int:
    return (number ^ number >> 4 ^ number >> 8 ^ number >> 12 ^ 0b1010) & 0b1111


class Picture:
    """Frames by number: `luma(n)` is (480, 640) uint8; the same number and seed give the same frame."""

    def __init__(self, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        self._texture = _texture(rng)
        self._chroma = np.clip(
            128 + 30 * rng.normal(size=(2, HEIGHT // 32, WIDTH // 32)).repeat(16, axis=1).repeat(16, axis=2), 60, 200
        ).astype(np.uint8)

    def luma(self, number: int) -> Plane:
        """The Y plane of frame `number`: a slow pan, a moving block, and the number as bright and dark bars."""
        y = int(HEIGHT / 4 * (1 + np.sin(number / 90.0)))
        x = int(WIDTH / 4 * (1 + np.sin(number / 130.0)))
        frame = self._texture[y : y + HEIGHT, x : x + WIDTH].copy()
        block_x = int((WIDTH - 120) * (0.5 + 0.5 * np.sin(number / 15.0)))
        frame[200:320, block_x : block_x + 120] = self._texture[:120, :120] // 2 + 90
        value = (number & 0xFFFF) << CHECK_BITS | _check(number & 0xFFFF)
        width = WIDTH // _COLUMNS
        for column in range(_COLUMNS):
            bit = value >> (_COLUMNS - 1 - column) & 1
            frame[:_STRIP, column * width : (column + 1) * width] = _WHITE if bit else _BLACK
        return frame

    def i420(self, number: int) -> bytes:
        """The frame as packed I420, 640x480."""
        return self.luma(number).tobytes() + self._chroma.tobytes()


def read_number(luma: Plane) -> int | None:
    """The number in a received Y plane of any size (at least 80 wide); None if it cannot be read."""
    height, width = luma.shape
    if width < 4 * _COLUMNS:
        return None
    strip = luma[: max(2, int(height / 12 * 0.8))]
    value = 0
    for column in range(_COLUMNS):
        left, right = (column + 0.25) * width / _COLUMNS, (column + 0.75) * width / _COLUMNS
        value = value << 1 | int(strip[:, int(left) : max(int(right), int(left) + 1)].mean() > (_BLACK + _WHITE) / 2)
    number, check = value >> CHECK_BITS, value & 0b1111
    return number if check == _check(number) else None


def psnr(sent: Plane, received: Plane) -> float:
    """Peak signal-to-noise ratio in dB of the received luma, enlarged to the size it was sent at."""
    if received.shape != sent.shape:
        rows = (np.arange(sent.shape[0]) + 0.5) * received.shape[0] / sent.shape[0] - 0.5
        columns = (np.arange(sent.shape[1]) + 0.5) * received.shape[1] / sent.shape[1] - 0.5
        received = np.clip(_interpolate(received, np.maximum(rows, 0), np.maximum(columns, 0)), 0, 255).astype(np.uint8)
    error = np.mean((sent.astype(np.float64) - received) ** 2)
    return float(min(60.0, 10 * np.log10(255.0**2 / error))) if error else 60.0
