"""The loss model tells random loss from a full link."""

import random

import pytest
from hypothesis import given, strategies as st

from media.bwe.loss import LossModel, Observation, _likelihood, rising_likelihood


def _feed(model: LossModel, rates_bps: list[float], loss: float, capacity_bps: float, seed: int = 3) -> None:
    rng, now = random.Random(seed), 0.0
    for rate in rates_bps:
        surplus = max(0.0, 1.0 - capacity_bps / rate)
        step = 1000 * 8 / rate
        count = max(25, int(0.3 / step))
        fates = [rng.random() < loss + (1 - loss) * surplus for _ in range(count)]
        _add(model, now, now + count * step, fates)
        now += count * step
        model.update()


def _add(model: LossModel, first: float, last: float, fates: list[bool]) -> None:
    runs = sum(1 for before, lost in zip([False, *fates], fates, strict=False) if lost and not before)
    model.add(first, last, len(fates), sum(fates), runs, 1000 * len(fates))


observations = st.builds(Observation, st.floats(1e4, 5e6), st.integers(20, 200), st.integers(0, 20))


@given(
    st.lists(st.tuples(observations, st.floats(0.1, 1.0)), min_size=1, max_size=24), st.floats(0, 0.9), st.floats(0, 1)
)
def test_no_limit_explains_better_than_the_best_that_rises(
    weighted: list[tuple[Observation, float]], inherent: float, share: float
) -> None:
    limit = max(1.0, share * max(observation.sent_bps for observation, _ in weighted))
    best = rising_likelihood(weighted)
    assert _likelihood(weighted, inherent, limit) <= best + 1e-6
    assert _likelihood(weighted, inherent, None) <= best + 1e-6


RISING = [300e3 * 1.08**i for i in range(20)]


@pytest.mark.parametrize("loss", [0.05, 0.3, 0.6])
def test_loss_that_does_not_follow_the_rate_is_random(loss: float) -> None:
    model = LossModel()
    _feed(model, RISING, loss, capacity_bps=1e9)
    assert model.limit_bps is None
    assert model.random_loss == pytest.approx(loss, abs=0.06)


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_loss_that_rises_with_the_rate_is_a_limit(loss: float) -> None:
    model = LossModel()
    _feed(model, RISING, loss, capacity_bps=500e3)
    assert model.limit_bps is not None
    assert 380e3 < model.limit_bps < 620e3


def test_little_loss_is_no_evidence() -> None:
    model = LossModel()
    _feed(model, RISING, 0.005, capacity_bps=1e9)
    assert model.limit_bps is None


def test_bursts_are_measured() -> None:
    model = LossModel()
    for index in range(50):
        _add(model, index * 0.2, index * 0.2 + 0.19, [True] * 4 + [False] * 16)
        model.update()
    assert model.burst_length == pytest.approx(4.0, abs=0.5)


def test_a_pause_is_not_a_rate() -> None:
    model = LossModel()
    _add(model, 0.0, 0.1, [False] * 10)
    _add(model, 10.0, 10.1, [True] * 30)
    assert not model.update()
