"""How much better speech in noise is after `CleanVoice`, and what that costs."""

import time

import msgspec
import numpy as np
from numpy.typing import NDArray

from media.codecs.clean_voice import CleanVoice
from media.codecs.opus import FRAME_SAMPLES, Pcm
from media.codecs.resample import Resampler
from media.errors import CodecError

SNRS_DB = (15, 5)
_PESQ_RATE = 16_000
Signal = NDArray[np.float64]


class CleanFigures(msgspec.Struct, frozen=True):
    """Noise suppression: CPU for 20 ms, and PESQ (ITU-T P.862.2, wide band) of noisy speech before and after."""

    us: float
    pesq_before: dict[str, float] | None
    """By noise and its distance from the speech in dB; null without the extra [bench]."""
    pesq_after: dict[str, float] | None


def measure_clean_voice(speech: Pcm) -> CleanFigures | None:
    """Figures for speech at 48 kHz; None without the extra [voice]."""
    try:
        CleanVoice()
    except CodecError:
        return None
    score = _scorer(speech)
    before: dict[str, float] = {}
    after: dict[str, float] = {}
    spent, pieces = 0.0, 0
    for name, noise in _noises(len(speech)).items():
        for snr in SNRS_DB:
            noisy = _mixed(speech, noise, snr)
            stage = CleanVoice()
            start = time.thread_time()
            cleaned = [stage.push(noisy[at : at + FRAME_SAMPLES]) for at in range(0, len(noisy), FRAME_SAMPLES)]
            spent, pieces = spent + time.thread_time() - start, pieces + len(cleaned)
            if score is not None:
                before[f"{name} {snr} dB"] = score(noisy, 0)
                after[f"{name} {snr} dB"] = score(np.concatenate(cleaned), stage.delay_samples)
    if score is None:
        return CleanFigures(round(spent / pieces * 1e6, 1), None, None)
    before["mean"], after["mean"] = (round(float(np.mean(list(scores.values()))), 2) for scores in (before, after))
    return CleanFigures(round(spent / pieces * 1e6, 1), before, after)


class _Scorer:
    """PESQ against clean speech."""

    def __init__(self, speech: Pcm) -> None:
        import pesq  # noqa: F401 - told now, not at the first score, where the extra is missing

        from callserver.drill.measure import pesq_score

        self._pesq = pesq_score
        self._reference = _narrowed(speech)

    def __call__(self, heard: Pcm, delay: int) -> float:
        """The score of what was heard `delay` samples late."""
        test = _narrowed(heard[delay:])
        length = min(len(test), len(self._reference))
        return round(self._pesq(self._reference[:length], test[:length]), 2)


def _scorer(speech: Pcm) -> _Scorer | None:
    try:
        return _Scorer(speech)
    except ImportError:
        return None


def _narrowed(pcm: Pcm) -> Pcm:
    resampler = Resampler(48_000, _PESQ_RATE)
    return np.concatenate((resampler.push(pcm), resampler.end()))


def _noises(samples: int) -> dict[str, Signal]:
    """White, pink (a street), and a fan: brown noise with the hum of the mains. The same every time."""
    dice = np.random.default_rng(1)
    white: Signal = dice.normal(size=samples)
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / 48_000), 20.0)
    spectrum = np.fft.rfft(white)
    spectrum[frequencies > 8_000] = 0
    flat, pink, brown = (np.fft.irfft(spectrum / frequencies**power, samples) for power in (0.0, 0.5, 1.0))
    seconds = np.arange(samples) / 48_000
    hum = sum(np.sin(2 * np.pi * 50 * n * seconds + n) / n for n in range(1, 8))
    street = pink / pink.std() * (1 + 0.6 * np.sin(2 * np.pi * 0.3 * seconds))
    return {"white": flat / flat.std(), "street": street, "fan": brown / brown.std() + 0.5 * hum}


def _mixed(speech: Pcm, noise: Signal, snr_db: float) -> Pcm:
    power = float(np.mean(speech.astype(np.float64) ** 2))
    gain = np.sqrt(power / float(np.mean(noise**2)) / 10 ** (snr_db / 10))
    return np.asarray(np.clip(np.rint(speech + gain * noise), -32768, 32767), np.int16)
