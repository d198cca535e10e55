"""Delay trend: the slope of smoothed one-way delay variation over the last groups.

Source: libwebrtc's trendline_estimator.cc, which replaced the Kalman filter of draft-ietf-rmcat-gcc-02 §5.3.
"""

from collections import deque

WINDOW = 20
SMOOTHING = 0.9
GAIN = 4.0
MAX_DELTAS = 60


class Trendline:
    """Gives the modified trend, in milliseconds, that the overuse detector compares with its threshold."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._first_arrival: float | None = None
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._deltas = 0
        self.slope = 0.0

    def add(self, sent_delta: float, received_delta: float, arrived: float) -> float:
        """Take the deltas of two groups (seconds) and return the modified trend (milliseconds)."""
        if self._first_arrival is None:
            self._first_arrival = arrived
        self._deltas = min(self._deltas + 1, MAX_DELTAS)
        self._accumulated += (received_delta - sent_delta) * 1000.0
        self._smoothed = SMOOTHING * self._smoothed + (1.0 - SMOOTHING) * self._accumulated
        self._points.append(((arrived - self._first_arrival) * 1000.0, self._smoothed))
        if len(self._points) == WINDOW:
            self.slope = _slope(self._points)
        return self._deltas * self.slope * GAIN


def _slope(points: deque[tuple[float, float]]) -> float:
    """Least squares; the old value's meaning is lost if all arrived at one time, so 0."""
    count = len(points)
    mean_x = sum(p[0] for p in points) / count
    mean_y = sum(p[1] for p in points) / count
    numerator = denominator = 0.0
    for x, y in points:
        numerator += (x - mean_x) * (y - mean_y)
        denominator += (x - mean_x) ** 2
    return numerator / denominator if denominator else 0.0
