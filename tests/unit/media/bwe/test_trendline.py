"""The running slope is the least-squares slope of the window, however long it has been running."""

from statistics import StatisticsError, linear_regression

import pytest
from hypothesis import given, strategies as st

from media.bwe.trendline import SMOOTHING, WINDOW, Trendline

steps = st.tuples(st.floats(0.005, 0.1), st.floats(0.005, 0.2))


@given(st.lists(steps, min_size=WINDOW, max_size=150), st.floats(0.0, 1e6))
def test_it_is_least_squares_over_the_window(deltas: list[tuple[float, float]], start: float) -> None:
    trendline = Trendline()
    arrived, accumulated, smoothed = start, 0.0, 0.0
    points: list[tuple[float, float]] = []
    for sent, received in deltas:
        trendline.add(sent, received, arrived)
        accumulated += (received - sent) * 1000.0
        smoothed = SMOOTHING * smoothed + (1.0 - SMOOTHING) * accumulated
        points.append(((arrived - start) * 1000.0, smoothed))
        arrived += received
    expected = linear_regression(*zip(*points[-WINDOW:], strict=True)).slope
    assert trendline.slope == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_groups_that_all_arrive_at_one_time_show_no_slope() -> None:
    trendline = Trendline()
    for _ in range(3 * WINDOW):
        trendline.add(0.01, 0.0, 5.0)
    assert trendline.slope == 0.0
    with pytest.raises(StatisticsError):
        linear_regression([5.0] * WINDOW, range(WINDOW))


def test_a_growing_queue_is_a_positive_trend_and_a_draining_one_negative() -> None:
    for received, sign in ((0.012, 1), (0.008, -1), (0.01, 0)):
        trendline, arrived, trend = Trendline(), 0.0, 0.0
        for _ in range(60):
            arrived += received
            trend = trendline.add(0.01, received, arrived)
        assert (trend > 1e-6) - (trend < -1e-6) == sign
