"""Delay trend: the slope of smoothed one-way delay variation over the last groups.

Source: libwebrtc's trendline_estimator.cc, which replaced the Kalman filter of draft-ietf-rmcat-gcc-02 §5.3.
"""

from collections import deque
from collections.abc import Iterable

WINDOW = 20
SMOOTHING = 0.9
GAIN = 4.0
MAX_DELTAS = 60

ORIGIN_KEPT = 5 * WINDOW
"""So many points are counted from one origin: moving it costs as much as ten points."""

_LEAST_SPREAD = 1e-6
"""Below it all groups of the window arrived at one time, which shows no slope."""


class Trendline:
    """Gives the modified trend, in milliseconds, that the overuse detector compares with its threshold.

    Least squares from running sums, because this is done for every second packet that is sent. The sums count from an
    origin that moves along with the window, so that they stay small and exact.
    """

    __slots__ = (
        "_accumulated",
        "_deltas",
        "_first_arrival",
        "_origin_x",
        "_origin_y",
        "_points",
        "_smoothed",
        "_until_moved",
        "_x",
        "_xx",
        "_xy",
        "_y",
        "slope",
    )

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque()
        self._first_arrival: float | None = None
        self._accumulated = 0.0
        self._smoothed = 0.0
        self._deltas = 0
        self._origin_x = self._origin_y = 0.0
        self._x = self._y = self._xx = self._xy = 0.0
        self._until_moved = ORIGIN_KEPT
        self.slope = 0.0

    def add(self, sent_delta: float, received_delta: float, arrived: float) -> float:
        """Take the deltas of two groups (seconds) and return the modified trend (milliseconds)."""
        return self.extend(((sent_delta, received_delta, arrived),))[0]

    def extend(self, groups: Iterable[tuple[float, float, float]]) -> list[float]:
        """The same for what one feedback tells of: sent and received delta and arrival of each group."""
        trends = []
        points = self._points
        accumulated, smoothed, slope = self._accumulated, self._smoothed, self.slope
        deltas, origin_x, origin_y = self._deltas, self._origin_x, self._origin_y
        sum_x, sum_y, sum_xx, sum_xy = self._x, self._y, self._xx, self._xy
        for sent_delta, received_delta, arrived in groups:
            if self._first_arrival is None:
                self._first_arrival = arrived
            if deltas < MAX_DELTAS:
                deltas += 1
            accumulated += (received_delta - sent_delta) * 1000.0
            smoothed = SMOOTHING * smoothed + (1.0 - SMOOTHING) * accumulated
            x = (arrived - self._first_arrival) * 1000.0
            points.append((x, smoothed))
            x -= origin_x
            y = smoothed - origin_y
            sum_x, sum_y, sum_xx, sum_xy = sum_x + x, sum_y + y, sum_xx + x * x, sum_xy + x * y
            if len(points) > WINDOW:
                x, y = points.popleft()
                x -= origin_x
                y -= origin_y
                sum_x, sum_y, sum_xx, sum_xy = sum_x - x, sum_y - y, sum_xx - x * x, sum_xy - x * y
            self._until_moved -= 1
            if not self._until_moved:
                origin_x, origin_y, sum_x, sum_y, sum_xx, sum_xy = self._move_origin()
            if len(points) == WINDOW:
                spread = WINDOW * sum_xx - sum_x * sum_x
                slope = (WINDOW * sum_xy - sum_x * sum_y) / spread if spread > _LEAST_SPREAD else 0.0
            trends.append(deltas * slope * GAIN)
        self._accumulated, self._smoothed, self.slope, self._deltas = accumulated, smoothed, slope, deltas
        self._x, self._y, self._xx, self._xy = sum_x, sum_y, sum_xx, sum_xy
        return trends

    def _move_origin(self) -> tuple[float, float, float, float, float, float]:
        """Count anew from the window's first point, leaving rounding errors behind. Returns the origin and the sums."""
        self._until_moved = ORIGIN_KEPT
        self._origin_x, self._origin_y = origin_x, origin_y = self._points[0]
        near = [(x - origin_x, y - origin_y) for x, y in self._points]
        return (
            origin_x,
            origin_y,
            sum([x for x, _ in near]),
            sum([y for _, y in near]),
            sum([x * x for x, _ in near]),
            sum([x * y for x, y in near]),
        )
