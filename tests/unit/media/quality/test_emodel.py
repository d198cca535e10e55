"""The E-model against the values that ITU-T G.107 publishes."""

import pytest
from hypothesis import given, strategies as st

from media.quality.emodel import (
    burst_ratio,
    delay_impairment,
    effective_impairment,
    narrowband_rating,
    opinion,
    wideband_opinion,
    wideband_rating,
)
from media.quality.opus import ROBUSTNESS, impairment


def test_all_defaults_give_the_published_rating() -> None:
    assert narrowband_rating() == pytest.approx(93.2, abs=0.05)  # G.107 table 3
    assert opinion(93.2) == pytest.approx(4.41, abs=0.005)
    assert wideband_rating() == 129.0  # G.107.1
    assert wideband_opinion(129.0) == 4.5


@pytest.mark.parametrize(
    ("rating", "score"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)]
)  # G.107 table B.1
def test_the_mean_opinion_of_a_rating(rating: float, score: float) -> None:
    assert opinion(rating) == pytest.approx(score, abs=0.01)


@pytest.mark.parametrize(("codec", "robustness", "loss", "expected"), [(0, 4.3, 0.02, 30.2), (11, 19.0, 0.02, 19.0)])
def test_loss_costs_as_much_as_published(codec: float, robustness: float, loss: float, expected: float) -> None:
    """G.711 without concealment and G.729A (G.113 appendix I) at 2 % of independent loss."""
    assert effective_impairment(codec, robustness, loss) == pytest.approx(expected, abs=0.1)


def test_delay_costs_nothing_until_a_tenth_of_a_second_and_much_at_half() -> None:
    assert delay_impairment(0.1) == 0.0
    assert delay_impairment(0.15) < 0.5
    assert delay_impairment(0.4) == pytest.approx(24.1, abs=0.2)
    assert narrowband_rating(delay=0.4) == pytest.approx(69.1, abs=0.3)  # G.107 without echo


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1, 3), st.floats(0, 3))
def test_more_loss_and_delay_never_score_better(loss: float, more: float, burst: float, delay: float) -> None:
    def score(p: float, seconds: float) -> float:
        factor = effective_impairment(impairment(32_000), ROBUSTNESS, p, burst)
        return wideband_opinion(wideband_rating(seconds, factor))

    assert 1.0 <= score(loss, delay) <= 4.5
    assert score(min(1.0, loss + more), delay) <= score(loss, delay)
    assert score(loss, delay + 0.2) <= score(loss, delay)


def test_bursts_cost_more_than_independent_loss() -> None:
    assert burst_ratio(0.1, 1.0) == 1.0
    assert burst_ratio(0.1, 5.0) == pytest.approx(4.5)
    assert effective_impairment(20, 4.3, 0.05, 2.0) > effective_impairment(20, 4.3, 0.05, 1.0)


@given(st.floats(1, 1e6), st.floats(1, 1e6))
def test_a_higher_rate_never_impairs_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert impairment(high) <= impairment(low)
