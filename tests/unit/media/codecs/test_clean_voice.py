"""Voice in noise comes out cleaner, on time, and at one level."""

import builtins
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from media.codecs.clean_voice import CleanVoice
from media.errors import CodecError
from tests.unit.media.codecs.signals import Pcm, frames, lag, noise, rms, speech


def cleaned(pcm: Pcm, stage: CleanVoice) -> Pcm:
    return np.concatenate([stage.push(frame) for frame in frames(pcm)])


def test_noise_between_words_sinks_and_speech_stays() -> None:
    voice = speech()
    loud = noise(len(voice), 400.0)
    both = np.clip(voice.astype(int) + loud, -32768, 32767).astype(np.int16)
    stage = CleanVoice()
    heard = cleaned(both, stage)[stage.delay_samples :]
    reference = voice[: len(heard)]
    windows = np.array([rms(frame) for frame in frames(reference)])
    out = np.array([rms(frame) for frame in frames(heard)])
    before = np.array([rms(frame) for frame in frames(both[: len(heard)])])
    later = np.arange(len(windows)) > 100
    quiet, spoken = later & (windows < 20), later & (windows > 1500)
    assert 20 * np.log10(before[quiet].mean() / out[quiet].mean()) > 10
    assert abs(20 * np.log10(before[spoken].mean() / out[spoken].mean())) < 2


@pytest.mark.parametrize(("noise_", "level"), [(True, False), (False, True), (True, True), (False, False)])
def test_it_gives_as_much_as_it_takes_and_says_how_late(noise_: bool, level: bool) -> None:
    voice = speech()
    stage = CleanVoice(noise=noise_, level=level)
    heard = cleaned(voice, stage)
    assert len(heard) == len(voice) // 960 * 960
    assert abs(lag(voice, heard, 48_000) - stage.delay_samples) <= 24


def test_quiet_and_loud_speakers_come_to_one_level() -> None:
    levels = []
    for gain in (0.05, 0.3, 1.5):
        voice = np.clip(speech() * gain, -32768, 32767).astype(np.int16)
        stage = CleanVoice(noise=False, level=True)
        windows = np.array([rms(frame) for frame in frames(cleaned(voice, stage)[48_000:])])
        levels.append(20 * np.log10(np.sqrt(np.mean(windows[windows > np.median(windows)] ** 2)) / 32768))
    assert max(levels) - min(levels) < 5, "of 29.5 dB"
    assert all(-26 < level < -15 for level in levels)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 6000), max_size=12))
def test_pieces_of_any_size(sizes: list[int]) -> None:
    stage = CleanVoice()
    for size in sizes:
        assert len(stage.push(np.ones(size, np.int16))) == size


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "webrtc_noise_gain":
            raise ImportError(name)
        return real(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(CodecError, match="voice"):
        CleanVoice()
    CleanVoice(noise=False)
