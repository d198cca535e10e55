"""Programme loudness (ITU-R BS.1770-4, as EBU R 128 uses it) of mono sound at 48 kHz."""

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 48_000
_SHELF = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
_HIGH_PASS = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
"""The two stages of K weighting (annex 1, tables 1 and 2)."""
_BLOCK, _STEP = int(0.4 * RATE), int(0.1 * RATE)
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0


def loudness(sound: Sound) -> float:
    """LUFS of samples in -1 … 1; minus infinity for silence. Sound shorter than 0.4 s is one block."""
    weighted = _weighted(sound)
    last = max(1, len(sound) - _BLOCK + 1)
    powers = np.array([np.mean(weighted[at : at + _BLOCK] ** 2) for at in range(0, last, _STEP)])
    heard = powers[_level(powers) > _ABSOLUTE_GATE]
    if not len(heard):
        return float("-inf")
    gate = _level(np.mean(heard)) + _RELATIVE_GATE
    return float(_level(np.mean(heard[_level(heard) > gate])))


def normalised(sound: Sound, target: float) -> Sound:
    """The sound at `target` LUFS; ValueError if its peaks would clip."""
    louder = sound * 10 ** ((target - loudness(sound)) / 20)
    if np.max(np.abs(louder)) > 0.99:
        raise ValueError("too loud: peaks would clip")
    return louder


def _weighted(sound: Sound) -> Sound:
    """The sound behind both stages, by their frequency response."""
    size = len(sound) + RATE  # the stages' tail must not come round to the beginning
    turn = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones(len(turn), complex)
    for over, under in (_SHELF, _HIGH_PASS):
        response *= np.polyval(over[::-1], turn) / np.polyval(under[::-1], turn)
    return np.fft.irfft(np.fft.rfft(sound, size) * response, size)[: len(sound)]


def _level(power: Sound | np.float64) -> Sound:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-15))
