"""Faster and slower at the same pitch, without clicks."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from media.receive.time_stretch import MAX_SHIFT, MIN_SAMPLES, MIN_SHIFT, accelerate, expand

RATE = 48_000
Pcm = NDArray[np.int16]


def voice(pitch: float, samples: int = 960, at: int = 0) -> Pcm:
    """A voiced sound: harmonics of a pitch, falling off by 6 dB an octave."""
    time = (np.arange(samples) + at) / RATE
    total = sum(np.sin(2 * np.pi * pitch * n * time + n) / n for n in range(1, 12))
    return (6000 * total).astype(np.int16)


@pytest.mark.parametrize("pitch", [70, 90, 120, 180, 250, 400])
def test_one_period_is_left_out_or_repeated(pitch: float) -> None:
    sound = voice(pitch)
    shorter, longer = accelerate(sound), expand(sound)
    for changed in (960 - len(shorter), len(longer) - 960):
        assert MIN_SHIFT <= changed <= MAX_SHIFT
        periods = changed * pitch / RATE
        assert abs(periods - round(periods)) < 0.08, "whole periods"


@pytest.mark.parametrize("pitch", [90, 150, 300])
def test_neighbours_still_fit_without_a_click(pitch: float) -> None:
    """The largest step between samples stays what it is in the sound itself, also where blocks meet."""
    blocks = [voice(pitch, at=n * 960) for n in range(4)]
    usual = max(int(np.abs(np.diff(block.astype(int))).max()) for block in blocks)
    for change in (accelerate, expand):
        joined = np.concatenate((blocks[0], change(blocks[1]), blocks[2])).astype(int)
        assert np.abs(np.diff(joined)).max() <= 1.3 * usual + 50


def test_a_tone_stays_that_tone() -> None:
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(960 * 50) / RATE)).astype(np.int16)
    stretched = np.concatenate([expand(tone[n : n + 960]) for n in range(0, len(tone), 960)])
    assert len(stretched) > 1.2 * len(tone)
    spectrum = np.abs(np.fft.rfft(stretched * np.hanning(len(stretched))))
    assert abs(np.argmax(spectrum) * RATE / len(stretched) - 440) < 3
    power = spectrum**2
    near = np.abs(np.arange(len(power)) * RATE / len(stretched) - 440) < 15
    assert 10 * np.log10(power[near].sum() / power[~near].sum()) > 25


def test_noise_is_left_alone_unless_it_must() -> None:
    noise = (3000 * np.random.default_rng(1).normal(size=960)).clip(-32768, 32767).astype(np.int16)
    assert len(accelerate(noise)) == len(expand(noise)) == 960
    assert len(accelerate(noise, force=True)) < 960


def test_silence_shrinks_and_grows_freely() -> None:
    silence = np.zeros(960, np.int16)
    assert len(accelerate(silence)) == 960 - MAX_SHIFT
    assert len(expand(silence)) == 960 + MAX_SHIFT


def test_a_short_block_stays() -> None:
    sound = voice(200, MIN_SAMPLES - 1)
    assert accelerate(sound, force=True) is sound
    assert expand(sound) is sound


@given(arrays(np.int16, st.integers(0, 3000)), st.booleans())
def test_any_sound_comes_back_in_bounds(sound: Pcm, force: bool) -> None:
    shorter, longer = accelerate(sound, force), expand(sound)
    assert shorter.dtype == longer.dtype == np.int16
    assert 0 <= len(sound) - len(shorter) <= MAX_SHIFT
    assert 0 <= len(longer) - len(sound) <= MAX_SHIFT
