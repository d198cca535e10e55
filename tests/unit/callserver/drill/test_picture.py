"""Numbered pictures can be read back after what a codec does to them."""

import numpy as np
import pytest

from callserver.drill.picture import HEIGHT, WIDTH, Picture, psnr, read_number


@pytest.fixture(scope="module")
def picture() -> Picture:
    return Picture(seed=3)


@pytest.mark.parametrize("number", [0, 1, 255, 4096, 65535])
def test_the_number_is_read_back(picture: Picture, number: int) -> None:
    assert read_number(picture.luma(number)) == number


def test_the_number_survives_shrinking_and_noise(picture: Picture) -> None:
    small = picture.luma(12345)[::4, ::4].astype(np.int16)
    noisy = np.clip(small + np.random.default_rng(1).normal(0, 25, small.shape), 0, 255).astype(np.uint8)
    assert read_number(noisy) == 12345


def test_a_broken_strip_is_not_a_number(picture: Picture) -> None:
    frame = picture.luma(77)
    frame[:40, :64] = 220 - frame[:40, :64]
    assert read_number(frame) in (None, 77)
    assert read_number(np.zeros((60, 40), np.uint8)) is None


def test_psnr_is_high_for_the_same_and_falls_with_size(picture: Picture) -> None:
    frame = picture.luma(10)
    assert psnr(frame, frame) == 60.0
    half, quarter = frame[::2, ::2], frame[::4, ::4]
    assert psnr(frame, half) > psnr(frame, quarter) > 15


def test_a_frame_is_packed_i420(picture: Picture) -> None:
    assert len(picture.i420(5)) == WIDTH * HEIGHT * 3 // 2
