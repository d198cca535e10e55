"""What the estimator promises, over emulated links in virtual time (100 ms round trip)."""

import math

import pytest
from hypothesis import given, strategies as st

from media.bwe.estimator import MIN_BPS, Estimator
from tests.unit.media.bwe.path import drive


def test_a_free_link_is_used_within_seconds_and_never_queued() -> None:
    run = drive("delay=50", 10)
    assert run.reached(1_000_000, after=0) < 2.0
    assert run.mean_delivered(4, 10) > 2_400_000
    assert run.worst_queue(4, 10) < 0.01


@pytest.mark.parametrize(("loss", "within"), [(10, 4.0), (30, 6.0), (50, 12.0)])
def test_random_loss_is_not_congestion(loss: int, within: float) -> None:
    run = drive(f"delay=50,loss={loss}", 30)
    assert run.reached(1_000_000, after=0) < within
    assert run.mean_target(15, 30) > 2_000_000


def test_loss_in_bursts_is_not_congestion() -> None:
    assert drive("delay=50,loss=10,burst=5", 30).mean_target(15, 30) > 2_000_000


@pytest.mark.parametrize(("spec", "capacity"), [("rate=500k", 500e3), ("rate=150k", 150e3), ("rate=1M,loss=20", 1e6)])
def test_a_narrow_link_is_filled_but_not_its_queue(spec: str, capacity: float) -> None:
    run = drive(f"delay=50,{spec}", 40)
    assert 0.7 * capacity < run.mean_target(15, 40) < 1.1 * capacity
    assert run.worst_queue(15, 40) < 0.5


def test_a_link_without_a_queue_is_recognised_by_its_loss() -> None:
    run = drive("delay=50,rate=500k,queue=3k", 40)
    assert 0.6 * 500e3 < run.mean_target(15, 40) < 1.2 * 500e3


def test_a_step_down_is_obeyed_and_a_step_up_used_again() -> None:
    run = drive("rate=2M,delay=50;@20 rate=300k;@40 rate=2M", 60)
    assert run.mean_target(22, 24) < 320_000
    assert run.worst_queue(26, 40) < 0.4
    assert run.reached(1_000_000, after=40) < 8.0


def test_jitter_is_not_congestion() -> None:
    assert drive("delay=50,jitter=10", 20).mean_target(10, 20) > 1_500_000


def test_silence_lowers_the_target_and_speech_restores_it() -> None:
    run = drive("delay=50;@10 down=on;@15 down=off", 25)
    assert run.mean_target(14, 15) < 200_000
    assert run.reached(1_000_000, after=15) < 8.0


def test_remb_alone_is_the_target_for_a_peer_without_transport_feedback() -> None:
    estimator = Estimator(transport_cc=False)
    estimator.remb(123_000)
    assert estimator.target_bps == 123_000


def test_an_estimate_of_nothing_is_none() -> None:
    estimator = Estimator(start_bps=300_000, transport_cc=False)
    estimator.remb(0)
    assert estimator.target_bps == 300_000


@pytest.mark.parametrize("bps", [0, -1, 2**63, 1e300])
def test_absurd_remb_is_bounded(bps: float) -> None:
    estimator = Estimator(transport_cc=False)
    estimator.remb(bps)
    assert MIN_BPS <= estimator.target_bps <= 1e9


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-10, 5000), st.none() | st.floats(-1e9, 1e9, allow_nan=False)), max_size=40),
        max_size=20,
    )
)
def test_lying_feedback_never_breaks_it(feedbacks: list[list[tuple[int, float | None]]]) -> None:
    estimator = Estimator()
    for sequence in range(200):
        estimator.sent(sequence, sequence * 0.01, 1000, sequence % 7)
    for index, feedback in enumerate(feedbacks):
        estimator.feedback(feedback, 2.0 + index * 0.05)
        assert MIN_BPS <= estimator.target_bps <= 5_000_000
        assert math.isfinite(estimator.target_bps)
