"""Sounds and pictures that tests encode, and how close to them is what comes out."""

import wave
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from callserver.drill.picture import Picture as Scene, psnr
from media.codecs.pictures import Picture

Pcm = NDArray[np.int16]
RATE = 48_000
SPEECH = Path(__file__).parents[4] / "callserver/drill/speech.wav"


def tone(hertz: float, seconds: float, amplitude: float = 8000.0) -> Pcm:
    return (amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


@cache
def speech(seconds: float = 8.0) -> Pcm:
    """Speech at 48 kHz, band limited to 8 kHz as it was recorded."""
    with wave.open(str(SPEECH)) as file:
        pcm = np.frombuffer(file.readframes(round(seconds * 16_000)), np.int16).astype(np.float64)
    spectrum = np.fft.rfft(pcm)
    wide = np.fft.irfft(np.concatenate((spectrum, np.zeros(len(pcm)))), 3 * len(pcm)) * 3
    return np.clip(np.rint(wide), -32768, 32767).astype(np.int16)


def noise(samples: int, rms: float) -> Pcm:
    """Pink noise below 8 kHz: a fan, a street."""
    dice = np.random.default_rng(1)
    spectrum = np.fft.rfft(dice.normal(size=samples))
    frequencies = np.maximum(np.fft.rfftfreq(samples, 1 / 48_000), 20)
    sound = np.fft.irfft(np.where(frequencies < 8000, spectrum / np.sqrt(frequencies), 0), samples)
    return np.asarray(sound * rms / sound.std(), np.int16)


def rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)))


def frames(pcm: Pcm, size: int = 960) -> list[Pcm]:
    return [pcm[start : start + size] for start in range(0, len(pcm) - size + 1, size)]


def snr_db(reference: NDArray[np.generic], heard: NDArray[np.generic]) -> float:
    wanted, got = reference.astype(np.float64), heard.astype(np.float64)
    return float(10 * np.log10(np.sum(wanted**2) / max(1e-9, float(np.sum((got - wanted) ** 2)))))


def lag(reference: Pcm, heard: Pcm, most: int = 2000) -> int:
    """By how many samples `heard` is behind."""
    size = len(reference) + most
    product = np.fft.irfft(np.fft.rfft(heard, 2 * size) * np.conj(np.fft.rfft(reference, 2 * size)))
    return int(np.argmax(product[:most]))


@cache
def _scene(seed: int) -> Scene:
    return Scene(seed)


def picture(number: int, width: int = 640, height: int = 480, seed: int = 1) -> Picture:
    """Frame `number` of a moving scene that carries its number."""
    packed = np.frombuffer(_scene(seed).i420(number), np.uint8).reshape(720, 640)
    frame = av.VideoFrame.from_ndarray(packed, "yuv420p")
    return frame if (width, height) == (640, 480) else frame.reformat(width=width, height=height)


def luma(shown: Picture) -> NDArray[np.uint8]:
    return np.asarray(shown.to_ndarray()[: shown.height], np.uint8)


def likeness_db(number: int, shown: Picture, seed: int = 1) -> float:
    """PSNR of a shown picture against frame `number`."""
    return float(psnr(_scene(seed).luma(number), luma(shown)))
