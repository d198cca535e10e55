"""From counters to seconds, pictures over time, estimates of what repair leaves."""

import random

import pytest
from hypothesis import given, strategies as st

from media.quality.frames import FrameClock
from media.quality.monitor import MAX_KEPT, LegMonitor
from media.quality.pictures import picture_score
from media.quality.reading import Reading
from media.quality.residual import lost_again, picture_residual, voice_residual


def test_a_second_is_what_grew() -> None:
    monitor = LegMonitor(Reading(up_packets=100, down_audio_bytes=1000), 10.0)
    second = monitor.take(
        Reading(rtt=0.08, level=30, up_packets=400, up_lost=12, up_runs=9, down_audio_bytes=5000, down_frozen=0.3),
        11.0,
        1_800_000_000.0,
    )
    assert second is not None
    assert (second.rtt_ms, second.level, second.up_packets, second.up_lost, second.up_runs) == (80, 30, 300, 12, 9)
    assert second.down_audio_bps == 32_000
    assert second.down_freeze_ms == 300
    assert monitor.drain() == (second,)
    assert monitor.drain() == ()


def test_what_comes_late_is_not_missing() -> None:
    monitor = LegMonitor(Reading(), 0.0)
    missing = [5, 0, 3, 3, 3, 3]  # five were late; three stay away
    for number, count in enumerate(missing, 1):
        monitor.take(Reading(up_audio_expected=50 * number, up_audio_missing=count), float(number), float(number))
    assert [second.up_audio_missing for second in monitor.drain()] == [0, 0, 0, 3, 0, 0]


FLOWS = {"up_packets": 300, "down_packets": 300, "up_audio_bytes": 8000}


@pytest.mark.parametrize(
    ("changes", "alarming"),
    [
        ({}, False),
        ({"up_lost": 5}, False),
        ({"up_lost": 30}, True),
        ({"down_lost": 30}, True),
        ({"up_jitter": 0.07}, True),
        ({"link_queue": 0.2}, True),
        ({"up_audio_bytes": 0}, True),
    ],
)
def test_a_bad_second_does_not_wait_for_its_reader(changes: dict[str, int], alarming: bool) -> None:
    monitor = LegMonitor(Reading(), 0.0)
    monitor.take(Reading(**FLOWS | changes), 1.0, 1.0)  # type: ignore[arg-type]
    assert (monitor.alarming, monitor.waiting) == (alarming, True)
    monitor.drain()
    assert not monitor.waiting


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(-50, 999), st.floats()), max_size=40))
def test_no_counter_makes_a_negative_figure_or_an_endless_list(counts: list[tuple[int, int, float]]) -> None:
    monitor = LegMonitor(Reading(), 0.0)
    for number, (packets, missing, any_float) in enumerate(counts, 1):
        reading = Reading(up_packets=packets, up_audio_missing=missing, link_queue=any_float, rtt=any_float)
        second = monitor.take(reading, float(number), float(number))
        assert second is not None
        assert second.up_packets >= 0
        assert second.up_audio_missing >= 0
    assert len(monitor.drain()) <= MAX_KEPT


def test_a_freeze_is_a_gap_longer_than_three_pictures_and_150_ms() -> None:
    clock, now = FrameClock(), 0.0
    for number in range(60):
        clock.picture(3000 * number, now)
        now += 1 / 30
    assert (clock.pictures, clock.frozen_seconds) == (60, 0.0)
    clock.picture(3000 * 70, now + 0.5)
    assert clock.frozen_seconds == pytest.approx(0.53, abs=0.01)
    clock.picture(3000 * 69, now + 0.52)  # an older picture's packet, sent again
    assert clock.pictures == 61
    assert clock.frozen(now + 1.5) == pytest.approx(1.53, abs=0.02)
    clock.pause()
    assert clock.frozen(now + 9.0) == pytest.approx(0.53, abs=0.01)


@pytest.mark.parametrize("distances", [(), (1,), (1, 2), (2, 7)])
@pytest.mark.parametrize(("loss", "burst"), [(0.1, 1.0 / 0.9), (0.3, 1.0 / 0.7), (0.1, 5.0), (0.2, 3.0)])
def test_the_estimate_of_residual_loss_is_what_a_lossy_chain_leaves(
    loss: float, burst: float, distances: tuple[int, ...]
) -> None:
    rng, lost, state = random.Random(5), list[bool](), False
    leave, enter = 1 / burst, loss / (burst * (1 - loss))
    for _ in range(60_000):
        state = rng.random() >= leave if state else rng.random() < enter
        lost.append(state)
    reach = max(distances, default=0)
    both = [lost[i] and all(lost[i + d] for d in distances) for i in range(len(lost) - reach)]
    assert voice_residual(loss, burst, distances) == pytest.approx(sum(both) / len(both), rel=0.25, abs=0.003)


@given(st.floats(0, 1), st.floats(1, 40), st.integers(1, 12))
def test_probabilities_stay_probabilities(loss: float, burst: float, distance: int) -> None:
    assert 0.0 <= lost_again(loss, burst, distance) <= 1.0
    assert 0.0 <= voice_residual(loss, burst, (distance,)) <= loss + 1e-9
    assert 0.0 <= picture_residual(loss, 0.1, 1, 0.0) <= loss


def test_pictures_score_by_rate_motion_size_and_stillness() -> None:
    good = picture_score(1_500_000, 30, height=720)
    assert good > 4.3
    assert picture_score(1_500_000, 8, height=720) < good - 0.8
    assert picture_score(120_000, 30, height=720) < 3.0
    assert picture_score(300_000, 30, height=180) < picture_score(300_000, 30, height=360)
    assert picture_score(1_500_000, 30, 0.3, 720) < 2.0
    assert picture_score(0, 0) == 1.0


@given(st.floats(0, 1e8), st.floats(0, 120), st.floats(0, 2), st.one_of(st.none(), st.floats(90, 4000)))
def test_a_picture_s_score_is_a_score(bps: float, fps: float, frozen: float, height: float | None) -> None:
    assert 1.0 <= picture_score(bps, fps, frozen, height) <= 5.0


def told_of_a_gap(reported: list[int], lost: list[int]) -> list[float]:
    """Residual loss of voice by second, where receiver reports and transport-wide feedback count so many in all."""
    monitor = LegMonitor(Reading(), 0.0)
    for number, (report, seen) in enumerate(zip(reported, lost, strict=True), 1):
        sent = 50 * number
        reading = Reading(
            down_audio_sent=sent, down_packets=sent, down_lost=seen, down_runs=1, down_audio_reported=report
        )
        monitor.take(reading, float(number), float(number))
    return [second.down_audio_residual for second in monitor.drain()]


def test_a_gap_that_feedback_leaves_out_is_known_from_receiver_reports() -> None:
    """A second and a half of voice is gone; the report that says so comes two seconds later."""
    assert told_of_a_gap([0, 0, 0, 75, 75, 75], [0, 0, 0, 0, 0, 0]) == [0.0, 0.0, 0.0, 1.0, 0.5, 0.0]


def test_what_feedback_told_is_no_gap_and_neither_is_a_handful() -> None:
    assert told_of_a_gap([0, 0, 50], [0, 50, 50]) == [0.0, 1.0, 0.0]
    assert told_of_a_gap([0, 0, 20], [0, 0, 0]) == [0.0, 0.0, 0.0]
    assert told_of_a_gap([900, 0, 0], [0, 0, 0])[-1] == 0.0  # no more than was sent
