"""Delay trend: the slope of smoothed one-way delay variation over the last groups.

Source: libwebrtc's trendline_estimator.cc, which replaced the Kalman filter of draft-ietf-rmcat-gcc-02 §5.3.
"""

from collections import deque

WINDOW = 20
SMOOTHING = 0.9
GAIN = 4.0
MAX_DELTAS = 60


_LEAST_SPREAD = 1e-6
"""Below it all groups of the window arrived at one time, which shows no slope."""


class Trendline:
    """Gives the modified trend, in milliseconds, that the overuse detector compares with its threshold.

    Least squares from running sums, because this is done for every second packet that is sent. The sums count from an
    origin that moves along with the window, so that they stay small and exact.
    """

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._first_arrival: float | None = None
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._deltas = 0
        self._origin_x = self._origin_y = 0.0
        self._x = self._y = self._xx = self._xy = 0.0
        self._until_moved = WINDOW
        self.slope = 0.0

    def add(self, sent_delta: float, received_delta: float, arrived: float) -> float:
        """Take the deltas of two groups (seconds) and return the modified trend (milliseconds)."""
        if self._first_arrival is None:
            self._first_arrival = arrived
        if self._deltas < MAX_DELTAS:
            self._deltas += 1
        self._accumulated += (received_delta - sent_delta) * 1000.0
        self._smoothed = SMOOTHING * self._smoothed + (1.0 - SMOOTHING) * self._accumulated
        self._take((arrived - self._first_arrival) * 1000.0, self._smoothed)
        return self._deltas * self.slope * GAIN

    def _take(self, x: float, y: float) -> None:
        """Move the window by one point."""
        points = self._points
        points.append((x, y))
        x -= self._origin_x
        y -= self._origin_y
        self._x += x
        self._y += y
        self._xx += x * x
        self._xy += x * y
        if len(points) > WINDOW:
            x, y = points.popleft()
            x -= self._origin_x
            y -= self._origin_y
            self._x -= x
            self._y -= y
            self._xx -= x * x
            self._xy -= x * y
        self._until_moved -= 1
        if not self._until_moved:
            self._move_origin()
        if len(points) == WINDOW:
            spread = WINDOW * self._xx - self._x * self._x
            covariance = WINDOW * self._xy - self._x * self._y
            self.slope = covariance / spread if spread > _LEAST_SPREAD else 0.0

    def _move_origin(self) -> None:
        """Count anew from the window's first point, leaving rounding errors behind."""
        self._until_moved = WINDOW
        self._origin_x, self._origin_y = self._points[0]
        near = [(x - self._origin_x, y - self._origin_y) for x, y in self._points]
        self._x = sum(x for x, _ in near)
        self._y = sum(y for _, y in near)
        self._xx = sum(x * x for x, _ in near)
        self._xy = sum(x * y for x, y in near)
