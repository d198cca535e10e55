"""Sizes and frame rates by bit rate: never more than the source, calm, and down at once."""

from itertools import pairwise

from hypothesis import given, strategies as st

from media.codecs.ladder import RELIEF, STRAIN_WAIT, UP_WAIT, FrameRateLimit, Ladder, Step


def test_less_rate_is_fewer_pixels_and_frames() -> None:
    steps = [Ladder().choose(bps, 1280, 720, 0.0) for bps in (3_000_000, 700_000, 350_000, 200_000, 100_000, 30_000)]
    assert steps[0] == Step(1280, 720, 30)
    assert steps == sorted(steps, reverse=True)
    assert steps[-1].fps == 10
    assert len(set(steps)) == len(steps)


def test_down_at_once_up_after_a_while_and_with_a_margin() -> None:
    ladder = Ladder()
    assert ladder.choose(500_000, 640, 480, 0.0).height == 480
    assert ladder.choose(280_000, 640, 480, 1.0).height == 480, "nearly enough"
    assert ladder.choose(200_000, 640, 480, 1.1).height == 360
    assert ladder.choose(900_000, 640, 480, 1.1 + UP_WAIT / 2).height == 360
    assert ladder.choose(310_000, 640, 480, 1.1 + UP_WAIT).height == 360, "no margin"
    assert ladder.choose(400_000, 640, 480, 1.1 + UP_WAIT).height == 480


def test_a_rate_that_swings_by_a_tenth_changes_nothing() -> None:
    for start in (310_000, 180_000, 610_000):
        ladder = Ladder()
        steps = {ladder.choose(round(start * (0.95 + 0.05 * (n % 3))), 1280, 720, n * 1.0) for n in range(60)}
        assert len(steps) == 1


def test_a_busy_scene_gets_fewer_pixels_and_they_come_back() -> None:
    ladder = Ladder()
    assert ladder.choose(320_000, 640, 480, 0.0).height == 480
    assert ladder.choose(320_000, 640, 480, STRAIN_WAIT / 2, left_out=0.5).height == 480
    assert ladder.choose(320_000, 640, 480, STRAIN_WAIT, left_out=0.5).height == 360
    assert ladder.choose(400_000, 640, 480, 10.0).height == 360
    assert ladder.choose(400_000, 640, 480, STRAIN_WAIT + RELIEF).height == 480


@given(st.integers(0, 10_000_000), st.integers(64, 4000), st.integers(64, 4000), st.floats(0, 1))
def test_any_source_has_a_step_within_it(bps: int, width: int, height: int, left_out: float) -> None:
    ladder = Ladder()
    for now in (0.0, 3.0, 6.0, 50.0):
        step = ladder.choose(bps, width, height, now, left_out)
        assert 64 <= step.width <= max(width, 64)
        assert 64 <= step.height <= max(height, 64)
        assert 1 <= step.fps <= 30
        if step.width > 100 and step.height > 100:
            assert abs(step.width / step.height / (width / height) - 1) < 0.05


@given(st.sampled_from([10, 15, 20, 25, 30]), st.sampled_from([15, 24, 30, 60]))
def test_the_frame_rate_is_kept_evenly(wanted: int, source: int) -> None:
    limit = FrameRateLimit()
    taken = [n for n in range(source * 10) if limit.takes(n * 90_000 // source, wanted)]
    assert 0.8 * min(wanted, source) <= len(taken) / 10 <= 1.1 * min(wanted, source)
    gaps = {b - a for a, b in pairwise(taken)}
    assert max(gaps) - min(gaps) <= 1, "no bursts"


def test_a_jump_of_the_clock_does_not_stop_the_pictures() -> None:
    limit = FrameRateLimit()
    assert limit.takes(0, 10)
    assert not limit.takes(3000, 10)
    assert limit.takes(10_000_000, 10)
    assert limit.takes(5000, 10)
