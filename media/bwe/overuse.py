"""Overuse detector: is the path's queue growing, draining or steady?

Source: draft-ietf-rmcat-gcc-02 §5.4 (adaptive threshold, Table 1) with libwebrtc's constants.
"""

from enum import Enum


class Usage(Enum):
    NORMAL = 0
    OVERUSE = 1
    UNDERUSE = 2


K_UP = 0.0087
K_DOWN = 0.039
OVERUSE_SECONDS = 0.01
MAX_ADAPT_OFFSET_MS = 15.0
MIN_THRESHOLD_MS, MAX_THRESHOLD_MS = 6.0, 600.0
MAX_STEP_SECONDS = 0.1


class OveruseDetector:
    """Compares the modified trend with a threshold that adapts, so that we neither starve nor yield to nothing."""

    __slots__ = ("_crossings", "_last_trend", "_last_update", "_over_for", "threshold_ms", "usage")

    def __init__(self) -> None:
        self.threshold_ms = 12.5
        self._over_for: float | None = None
        self._crossings = 0
        self._last_trend = 0.0
        self._last_update: float | None = None
        self.usage = Usage.NORMAL

    def update(self, trend_ms: float, sent_delta: float, now: float) -> Usage:
        """Take the modified trend and the time the group covers (seconds)."""
        threshold_ms = self.threshold_ms
        if trend_ms > threshold_ms:
            self._over_for = sent_delta / 2 if self._over_for is None else self._over_for + sent_delta
            self._crossings += 1
            if self._over_for > OVERUSE_SECONDS and self._crossings > 1 and trend_ms >= self._last_trend:
                self._over_for, self._crossings = 0.0, 0
                self.usage = Usage.OVERUSE
        else:
            self._over_for, self._crossings = None, 0
            self.usage = Usage.UNDERUSE if trend_ms < -threshold_ms else Usage.NORMAL
        self._last_trend = trend_ms
        if self._last_update != now:  # the groups of one feedback come at one time: only the first moves anything
            self._adapt(abs(trend_ms), now)
        return self.usage

    def _adapt(self, magnitude_ms: float, now: float) -> None:
        if self._last_update is None:
            self._last_update = now
        elapsed = min(now - self._last_update, MAX_STEP_SECONDS)
        self._last_update = now
        if magnitude_ms > self.threshold_ms + MAX_ADAPT_OFFSET_MS:
            return  # a spike, for instance from a route change, must not teach the threshold
        k = K_DOWN if magnitude_ms < self.threshold_ms else K_UP
        moved = self.threshold_ms + k * (magnitude_ms - self.threshold_ms) * elapsed * 1000.0
        self.threshold_ms = min(max(moved, MIN_THRESHOLD_MS), MAX_THRESHOLD_MS)
