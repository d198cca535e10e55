"""The target delay follows the measured jitter, up at once and down again slowly."""

import random

from hypothesis import given, strategies as st

from media.receive.delay_histogram import BUCKET, MAX_DELAY, WINDOW, DelayHistogram, RelativeDelay


def test_nothing_known_is_no_delay() -> None:
    assert DelayHistogram().quantile() == 0.0


@given(st.floats(0.0, 0.5), st.integers(0, 1000))
def test_of_evenly_spread_delays_it_is_the_wanted_share(spread: float, seed: int) -> None:
    dice = random.Random(seed)
    histogram = DelayHistogram()
    for _ in range(500):
        histogram.add(dice.uniform(0.0, spread))
    assert 0.85 * spread - BUCKET <= histogram.quantile() <= spread + BUCKET


def test_a_burst_raises_it_and_is_forgotten_in_seconds() -> None:
    histogram = DelayHistogram()
    for _ in range(500):
        histogram.add(0.0)
    assert histogram.quantile() == BUCKET
    for late in range(25):  # half a second of silence, then everything at once
        histogram.add(0.5 - late * 0.02)
    assert histogram.quantile() > 0.4
    needed = 0
    while histogram.quantile() > BUCKET and needed < 1000:
        histogram.add(0.0)
        needed += 1
    assert 50 <= needed <= 250, "one to five seconds of quiet packets"


def test_one_straggler_of_a_hundred_does_not_count() -> None:
    histogram = DelayHistogram()
    for number in range(1000):
        histogram.add(0.3 if number % 100 == 99 else 0.0)
    assert histogram.quantile() == BUCKET


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_whatever_comes_it_stays_in_bounds(delays: list[float]) -> None:
    histogram = DelayHistogram()
    for delay in delays:
        histogram.add(delay)
        assert 0.0 < histogram.quantile() <= MAX_DELAY


def test_weights_never_overflow() -> None:
    histogram = DelayHistogram()
    for number in range(20_000):
        histogram.add(0.1 if number < 10_000 else 0.0)
    assert histogram.quantile() == BUCKET


def test_delay_is_measured_from_the_fastest_packet_of_the_last_seconds() -> None:
    relative = RelativeDelay()
    assert relative.measure(0.0, 10.0) == 0.0
    assert round(relative.measure(0.02, 10.05), 6) == 0.03
    assert relative.measure(0.04, 10.02) == 0.0, "faster than the first: the new yardstick"
    assert round(relative.measure(0.06, 10.06), 6) == 0.02


def test_a_path_that_became_longer_is_normal_after_the_window() -> None:
    relative = RelativeDelay()
    delays = [relative.measure(n * 0.02, n * 0.02 + (0.3 if n >= 50 else 0.1)) for n in range(400)]
    assert max(delays[:50]) < 1e-9
    assert round(delays[50], 6) == 0.2
    assert delays[50 + round((WINDOW + 0.3) / 0.02)] < 1e-9
