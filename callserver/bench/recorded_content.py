"""Looking at what was recorded: numbers in pictures and beginnings of tones, decoded from a file as a player would."""

import io
from collections.abc import Iterator

import av
import numpy as np

from callserver.bench.recorded_call import AUDIO_HZ, TONE_HZ, TONE_SECONDS, number_in

Samples = np.ndarray[tuple[int], np.dtype[np.float32]]

_LOUD = 0.05
_WINDOW = AUDIO_HZ // 100
_STEP = AUDIO_HZ // 1000
_APART_SECONDS = 0.4
_BLUR_SECONDS = 0.012
_PIECE_SECONDS = 60


def pictures(data: bytes) -> list[tuple[float, int, int, int]]:
    """(time, number shown, width, height) of every picture that decodes."""
    shown = []
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            luma = np.asarray(frame.reformat(format="gray").to_ndarray(), np.uint8)
            shown.append((frame.time or 0.0, number_in(luma), frame.width, frame.height))
    return shown


def sound(data: bytes) -> Iterator[Samples]:
    """The samples from time zero, following each other as a player lets them; one channel, -1 to 1."""
    with av.open(io.BytesIO(data), "r") as container:
        for number, frame in enumerate(container.decode(audio=0)):
            samples = frame.to_ndarray()
            if not number and frame.time:
                yield np.zeros(round(frame.time * AUDIO_HZ), np.float32)
            if not frame.format.is_planar:
                samples = samples.reshape(-1, len(frame.layout.channels)).T
            scale = 1 if samples.dtype.kind == "f" else 32_768
            yield (samples[0] / scale).astype(np.float32)


def loudness(data: bytes, hz: int = TONE_HZ) -> Samples:
    """How strong a tone is, every ms, over the 5 ms before and after."""
    out: list[Samples] = [np.zeros(5, np.float32)]
    waiting: list[Samples] = []
    kept = np.zeros(0, np.float32)
    for samples in sound(data):
        waiting.append(samples)
        if sum(map(len, waiting)) >= _PIECE_SECONDS * AUDIO_HZ:
            kept = _measure(np.concatenate([kept, *waiting]), hz, out)
            waiting = []
    _measure(np.concatenate([kept, *waiting]), hz, out)
    return np.concatenate(out)


def _measure(samples: Samples, hz: int, out: list[Samples]) -> Samples:
    """Append what is known; the samples that the next piece needs again. A whole number of steps is used up."""
    steps = max(0, (len(samples) - _WINDOW) // _STEP)
    if not steps:
        return samples
    total = np.concatenate([[0], np.cumsum(samples * np.exp(-2j * np.pi * hz * np.arange(len(samples)) / AUDIO_HZ))])
    starts = np.arange(steps) * _STEP
    out.append((np.abs(total[starts + _WINDOW] - total[starts]) / _WINDOW).astype(np.float32))
    return samples[steps * _STEP :]


def tones(data: bytes, hz: int = TONE_HZ) -> list[tuple[float, float]]:
    """(beginning, end) of every tone, in seconds; a tone with a hole in it is one."""
    strong = np.concatenate([[False], loudness(data, hz) > _LOUD, [False]])
    begins = np.flatnonzero(strong[1:] & ~strong[:-1]) / 1000
    ends = np.flatnonzero(~strong[1:] & strong[:-1]) / 1000
    found: list[tuple[float, float]] = []
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        if found and begin - found[-1][0] < _APART_SECONDS:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def beginnings(data: bytes, hz: int = TONE_HZ) -> list[float]:
    """When tones begin, in seconds."""
    return [begin for begin, _ in tones(data, hz)]


def shown_offsets(data: bytes, fps: int = 10) -> dict[int, float]:
    """second of capture -> by how many ms its pictures come later in the file."""
    offsets: dict[int, list[float]] = {}
    for time, number, _, _ in pictures(data):
        offsets.setdefault(number // fps, []).append((time - number / fps) * 1000)
    return {second: sum(values) / len(values) for second, values in offsets.items()}


def heard_offsets(data: bytes, hz: int = TONE_HZ) -> dict[int, float]:
    """second of capture -> by how many ms its tone comes later in the file; less than half a second.

    Tones whose edges fell to a lost packet are left out: those tell of concealment, not of time.
    """
    return {
        round(begin - 0.06): (begin - round(begin - 0.06)) * 1000
        for begin, end in tones(data, hz)
        if abs(end - begin - TONE_SECONDS) < _BLUR_SECONDS
    }
