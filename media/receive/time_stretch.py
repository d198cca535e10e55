"""Playing 48 kHz voice a little faster or slower at the same pitch: whole pitch periods are left out or repeated.

WSOLA (Verhelst and Roelands, ICASSP 1993) on one block: the shift at which the signal is most like its own beginning is
found by normalised cross-correlation, and the two places are joined by a cross-fade there. NetEQ's Accelerate and
PreemptiveExpand do the same; as there, a weak correlation is accepted only in near silence, where nobody hears it.
"""

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]

MIN_SHIFT = 120
"""2.5 ms: voices of up to 400 Hz; a higher one is shifted by several periods."""
MAX_SHIFT = 720
"""15 ms: down to 67 Hz."""
OVERLAP = 240
"""5 ms of cross-fade."""
MIN_SAMPLES = MAX_SHIFT + OVERLAP
"""20 ms: the shortest block that is stretched."""
MIN_LIKENESS = 0.8
SILENCE_RMS = 60.0
"""-55 dBFS: under this everything may be joined."""

_DECIMATION = 4
"""Searched at 12 kHz, then refined at 48."""
_RISE = np.linspace(0.0, 1.0, OVERLAP, endpoint=False)


def accelerate(pcm: Pcm, force: bool = False) -> Pcm:
    """The block without one pitch period, or as it is when it would be heard (`force`: nevertheless)."""
    shift = _best_shift(pcm, force)
    if not shift:
        return pcm
    joined = _cross_fade(pcm[:OVERLAP], pcm[shift : shift + OVERLAP])
    return np.concatenate((joined, pcm[shift + OVERLAP :]))


def expand(pcm: Pcm) -> Pcm:
    """The block with one pitch period twice, or as it is when it would be heard."""
    shift = _best_shift(pcm, force=False)
    if not shift:
        return pcm
    joined = _cross_fade(pcm[shift : shift + OVERLAP], pcm[:OVERLAP])
    return np.concatenate((pcm[:shift], joined, pcm[OVERLAP:]))


def _cross_fade(leaving: Pcm, coming: Pcm) -> Pcm:
    return np.rint(leaving * (1.0 - _RISE) + coming * _RISE).astype(np.int16)


def _best_shift(pcm: Pcm, force: bool) -> int:
    """The shift in samples under which the block's beginning recurs best; 0 when it recurs nowhere well enough."""
    if len(pcm) < MIN_SAMPLES:
        return 0
    signal = pcm[:MIN_SAMPLES].astype(np.float64)
    if float(np.sqrt(np.mean(signal**2))) < SILENCE_RMS:
        return MAX_SHIFT
    coarse = signal.reshape(-1, _DECIMATION).mean(axis=1)
    first, last = MIN_SHIFT // _DECIMATION, MAX_SHIFT // _DECIMATION
    likeness = _likeness(coarse, OVERLAP // _DECIMATION, first, last)
    near = (first + int(np.argmax(likeness))) * _DECIMATION
    low, high = max(MIN_SHIFT, near - _DECIMATION), min(MAX_SHIFT, near + _DECIMATION)
    fine = _likeness(signal, OVERLAP, low, high)
    best = int(np.argmax(fine))
    return low + best if force or fine[best] >= MIN_LIKENESS else 0


def _likeness(signal: NDArray[np.float64], length: int, first: int, last: int) -> NDArray[np.float64]:
    """Normalised cross-correlation of the first `length` samples with those at shifts `first` … `last`."""
    template = signal[:length]
    segment = signal[first : last + length]
    products = np.correlate(segment, template, mode="valid")
    energy = np.concatenate(([0.0], np.cumsum(segment**2)))
    energies = energy[length:] - energy[:-length]
    scale = np.sqrt(np.maximum(energies * float(template @ template), 1.0))
    return np.asarray(products / scale)
