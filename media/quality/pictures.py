"""A score of moving pictures in a call from bit rate, pictures a second, size and freezes.

Its form is that of the opinion model for video telephony, ITU-T G.1070 (07/2012) §11.2: a quality that saturates with
the bit rate, a bell over the logarithm of the frame rate, an exponential of what disturbs. G.1070 publishes
coefficients for other codecs and sizes only; these are our own judgement of VP8 between 320x180 and 1280x720, not the
result of a panel of viewers.
"""

from math import exp, log

_BEST = 3.8
"""Above 1: a good camera picture, 4.8."""
_HALF_KBPS, _STEEPNESS = 110.0, 1.4
"""Bit rate at which a 640x480 picture has half its quality, and how fast it grows there."""
_REFERENCE_HEIGHT = 480.0
_SIZE_POWER = 1.2
"""Bit rate a larger picture needs for the same quality: height to this power."""
_SMALL_POWER = 0.3
_BEST_FPS, _FPS_WIDTH = 25.0, 0.95
_FREEZE_SHARE = 0.18


def picture_score(bps: float, fps: float, frozen: float = 0.0, height: float | None = None) -> float:
    """1 (no use) to 4.8. `frozen`: share of the time without a new picture; `height` in lines, None: 480."""
    if fps < 0.01 or bps < 1.0:
        return 1.0
    lines = height or _REFERENCE_HEIGHT
    needed = _HALF_KBPS * (lines / _REFERENCE_HEIGHT) ** _SIZE_POWER
    coding = 1.0 - 1.0 / (1.0 + (bps / 1000.0 / needed) ** _STEEPNESS)
    small = min(1.0, lines / _REFERENCE_HEIGHT) ** _SMALL_POWER
    motion = 1.0 if fps >= _BEST_FPS else exp(-(log(fps / _BEST_FPS) ** 2) / (2.0 * _FPS_WIDTH**2))
    still = exp(-min(max(frozen, 0.0), 1.0) / _FREEZE_SHARE)
    return float(1.0 + _BEST * coding * small * motion * still)
