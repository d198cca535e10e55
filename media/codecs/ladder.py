"""Which size and frame rate a target bit rate is enough for. Pure: the caller brings the time.

A rate too small for the size makes the encoder leave frames out or blur them; fewer pixels look better then. The rungs
are where libvpx in real-time mode keeps its frame rate on the picture of our drill; `left_out` corrects them.
"""

from math import sqrt
from typing import NamedTuple

UP_MARGIN = 1.2
"""A larger size must be affordable with this much to spare …"""
UP_WAIT = 4.0
"""… and so long after the last change (seconds): each change costs a key frame."""
STRAIN_WAIT = 2.0
"""How long a size is tried before frames left out by the encoder count against it (seconds)."""
STRAIN_SHARE = 0.25
RELIEF = 30.0
"""So long after strain a larger size is tried again: the scene may have calmed down."""
MAX_PENALTY = 2
DOWN_MARGIN = 0.9
"""A size is kept while the rate is not below this share of what it needs."""
MIN_SIDE = 64


class Step(NamedTuple):
    """What to encode."""

    width: int
    height: int
    fps: int


class _Rung(NamedTuple):
    pixels: int
    fps: int
    needs_bps: int


_RUNGS = (
    _Rung(1920 * 1088, 30, 2_200_000),
    _Rung(1280 * 720, 30, 1_000_000),
    _Rung(960 * 540, 30, 600_000),
    _Rung(640 * 480, 30, 300_000),
    _Rung(480 * 360, 25, 170_000),
    _Rung(320 * 240, 20, 80_000),
    _Rung(240 * 180, 15, 45_000),
    _Rung(160 * 120, 10, 0),
)


class Ladder:
    """One encoder's choice, with hysteresis. The first choice and every step down are immediate.

    A busy scene needs more than the table says: while the encoder leaves frames out, one or two sizes less are chosen.
    """

    def __init__(self) -> None:
        self._rung: int | None = None
        self._changed = 0.0
        self._penalty = 0
        self._strained = 0.0

    def choose(self, target_bps: int, width: int, height: int, now: float, left_out: float = 0.0) -> Step:
        """The step for a source of `width` x `height` at `target_bps`; never larger than the source.

        `left_out` is the share of recent pictures that the encoder's rate control dropped.
        """
        self._weigh_strain(left_out, now)
        penalty = self._penalty
        affordable = _limited(_affordable(target_bps), penalty)
        rung = self._rung
        if rung is None:
            rung = affordable
        elif affordable > rung:
            rung = max(rung, _limited(_affordable(target_bps / DOWN_MARGIN), penalty))
        elif affordable < rung and now >= self._changed + UP_WAIT:
            rung = min(rung, _limited(_affordable(target_bps / UP_MARGIN), penalty))
        if rung != self._rung:
            self._rung, self._changed = rung, now
        return _fitted(_RUNGS[rung], width, height)

    def _weigh_strain(self, left_out: float, now: float) -> None:
        if self._rung is None:
            return
        if left_out > STRAIN_SHARE and now >= max(self._changed, self._strained) + STRAIN_WAIT:
            if self._penalty < MAX_PENALTY:
                self._penalty += 1
            self._strained = now
        elif self._penalty and now >= self._strained + RELIEF:
            self._penalty -= 1
            self._strained = now


def _limited(rung: int, penalty: int) -> int:
    return min(rung + penalty, len(_RUNGS) - 1)


def _affordable(bitrate_bps: float) -> int:
    return next(index for index, rung in enumerate(_RUNGS) if bitrate_bps >= rung.needs_bps)


def _fitted(rung: _Rung, width: int, height: int) -> Step:
    """The rung's number of pixels in the source's shape, even, at least 64 a side."""
    scale = min(1.0, sqrt(rung.pixels / (width * height)))
    if scale > 0.95:  # a few lines less are not worth the blur
        return Step(width, height, rung.fps)
    return Step(_even(width * scale), _even(height * scale), rung.fps)


def _even(side: float) -> int:
    return max(MIN_SIDE, round(side / 2) * 2)


class FrameRateLimit:
    """Chooses pictures so that no more than a frame rate is left, evenly spaced by RTP timestamps (90 kHz)."""

    def __init__(self) -> None:
        self._due: int | None = None

    def takes(self, timestamp: int, fps: int) -> bool:
        """Whether the picture of this unwrapped timestamp is to be encoded."""
        interval = 90_000 // fps
        due = self._due
        if due is None or abs(timestamp - due) > 90_000:
            self._due = timestamp + interval
            return True
        if timestamp < due - interval // 4:
            return False
        self._due = max(due + interval, timestamp + interval // 2)
        return True
