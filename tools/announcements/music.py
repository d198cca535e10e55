"""Our own waiting music and ring-back, made of sines: nobody else has rights in them."""

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

RATE = 48_000
_BEAT = 0.8
"""Seconds; a bar is a whole number of packets of 20 ms."""
_BAR = 4 * _BEAT
_CHORDS = (
    ("C3", ("E4", "G4", "B4", "D5")),
    ("A2", ("C4", "E4", "G4", "B4")),
    ("F2", ("A3", "C4", "E4", "G4")),
    ("G2", ("B3", "D4", "E4", "A4")),
    ("C3", ("G3", "D4", "E4", "B4")),
    ("E3", ("G3", "B3", "D4", "F#4")),
    ("F2", ("A3", "C4", "G4", "C5")),
    ("G2", ("C4", "D4", "G4", "B4")),
)
"""One a bar: bass and the four voices of pad and arpeggio."""
_ARPEGGIO = (0, 2, 1, 3, 2, 1, 3, 2)
_MELODY = (
    *((0, 2.0, "G5"), (0, 3.5, "E5"), (1, 2.0, "D5"), (2, 1.0, "E5"), (2, 2.5, "C5"), (3, 1.5, "D5")),
    *((4, 2.0, "E5"), (5, 1.0, "B4"), (6, 2.0, "C5"), (7, 0.5, "D5"), (7, 2.0, "B4")),
)
"""Bar, beat and note of the second time through."""
_ROUNDS = 2
_NOTES = {name: index for index, name in enumerate(("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"))}


def waiting() -> Sound:
    """A loop of about 50 s without a seam: what sounds beyond its end sounds at its beginning."""
    loop = np.zeros(round(_ROUNDS * len(_CHORDS) * _BAR * RATE))
    for turn in range(_ROUNDS):
        for bar, (bass, voices) in enumerate(_CHORDS):
            start = (turn * len(_CHORDS) + bar) * _BAR
            _add(loop, start, 0.30 * _pad(_hertz(bass) * 1.0, 1.15 * _BAR))
            for voice in voices:
                _add(loop, start, 0.07 * _pad(_hertz(voice), 1.2 * _BAR))
            for step, index in enumerate(_ARPEGGIO):
                strength = 0.16 if step % 2 == 0 else 0.11
                _add(loop, start + step * _BEAT / 2, strength * _bell(_hertz(voices[index]), 1.6))
    for bar, beat, note in _MELODY:
        _add(loop, (len(_CHORDS) + bar) * _BAR + beat * _BEAT, 0.22 * _bell(_hertz(note), 2.8))
    return _in_a_room(loop)


def ring_back() -> Sound:
    """The European ringing tone (ITU-T E.180): 425 Hz, one second in five; soft edges, and silence to begin with."""
    sound = np.zeros(5 * RATE)
    time = np.arange(RATE) / RATE
    edges = np.minimum(1.0, np.minimum(time, 1.0 - time) / 0.03)
    sound[RATE // 5 : RATE // 5 + RATE] = (
        0.2 * edges * (np.sin(2 * np.pi * 425 * time) + 0.12 * np.sin(2 * np.pi * 850 * time))
    )
    return sound


def _hertz(note: str) -> float:
    return 440.0 * 2 ** ((_NOTES[note[:-1]] + 12 * int(note[-1]) - 57) / 12)


def _pad(hertz: float, seconds: float) -> Sound:
    """A slow, warm tone: a few harmonics, two of each a little apart."""
    time = np.arange(round(seconds * RATE)) / RATE
    rise, fall = np.minimum(1.0, time / 0.5), np.minimum(1.0, (seconds - time) / 0.6)
    tone = sum(
        np.sin(2 * np.pi * hertz * harmonic * (1 + detune) * time + harmonic) / harmonic**2
        for harmonic in (1, 2, 3, 4)
        for detune in (-0.0012, 0.0012)
    )
    return 0.5 * np.sin(np.pi / 2 * rise) * np.sin(np.pi / 2 * fall) * tone


def _bell(hertz: float, seconds: float) -> Sound:
    """A struck tine: a sine whose phase another one moves at first."""
    time = np.arange(round(seconds * RATE)) / RATE
    envelope = np.minimum(1.0, time / 0.006) * np.exp(-2.6 * time) * np.minimum(1.0, (seconds - time) / 0.2)
    return envelope * np.sin(2 * np.pi * hertz * time + 0.9 * np.exp(-6 * time) * np.sin(2 * np.pi * 2 * hertz * time))


def _add(loop: Sound, start: float, sound: Sound) -> None:
    places = (round(start * RATE) + np.arange(len(sound))) % len(loop)
    np.add.at(loop, places, sound)


def _in_a_room(loop: Sound) -> Sound:
    """A soft tail of 1.5 s, added around the loop."""
    chance = np.random.default_rng(2026)
    time = np.arange(round(1.5 * RATE)) / RATE
    tail = chance.standard_normal(len(time)) * np.exp(-4.5 * time) * np.minimum(1.0, time / 0.02)
    tail = np.convolve(tail, np.ones(24) / 24, mode="same")  # walls take the treble
    spectrum = np.fft.rfft(loop) * np.fft.rfft(tail / np.sqrt(np.sum(tail**2)), len(loop))
    return loop + 0.22 * np.fft.irfft(spectrum, len(loop))
