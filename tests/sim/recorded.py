"""Recording synthetic calls in virtual time, and looking at what was recorded."""

import io
from collections.abc import Callable, Iterable
from heapq import merge
from pathlib import Path

import av
import numpy as np

from callserver.bench.recorded_call import Page, Tapped, number_in
from media.recording.reader import RecordingReader
from media.recording.recorder import Recorder, RecorderSpec, Summary

KEY = bytes(range(32))
SALT = bytes(16)
WALL = 1_700_000_000.0
RATE = 48_000


def spec(path: Path, **changes: object) -> RecorderSpec:
    """A specification with the customer on leg `c` and the agent on leg `a`."""
    values: dict[str, object] = {
        "recording_id": path.stem.partition(".")[0],
        "call_id": "call",
        "path": path,
        "data_key": KEY,
        "file_salt": SALT,
        "wall_time": WALL,
        "sides": {"c": "customer", "a": "agent"},
    }
    return RecorderSpec(**(values | changes))  # type: ignore[arg-type]


def play_into(
    recorder: Recorder, pages: Iterable[Page], *, at: dict[float, Callable[[float], object]] | None = None
) -> float:
    """Let the pages' packets reach the recorder; call each of `at` at its time. The last arrival's time."""
    todo = sorted((at or {}).items())
    now = polled = 0.0
    by_leg = {page.leg_id: page for page in pages}
    for item in merge(*(page.traffic() for page in by_leg.values()), key=lambda item: item.arrival):
        now = item.arrival
        while todo and todo[0][0] <= now:
            moment, do = todo.pop(0)
            do(moment)
        if isinstance(item, Tapped):
            recorder.packet(*item)
        else:
            recorder.sender_report(*item)
        while polled + 0.1 <= now:
            polled += 0.1
            recorder.poll(polled)
            for leg_id in recorder.take_key_frame_wishes(polled):
                by_leg[leg_id].key_wanted = True
    return now


def record(path: Path, *pages: Page, **changes: object) -> Summary:
    """Record the pages from their first packet to their last."""
    recorder = Recorder(spec(path, **changes), 0.0)
    return recorder.close(play_into(recorder, pages) + 0.01)


def side_of(path: Path, side: str | None, key: bytes = KEY) -> bytes:
    """A side's file as a browser would get it."""
    with RecordingReader.open(path, key) as reader:
        view = reader.view(side)
        data = b"".join(view.stream())
        assert len(data) == view.size
        return data


def pictures(data: bytes) -> list[tuple[float, int, int, int]]:
    """(time, number shown, width, height) of every picture that decodes."""
    shown = []
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(video=0):
            luma = frame.reformat(format="gray").to_ndarray()
            assert frame.time is not None
            shown.append((frame.time, number_in(luma), frame.width, frame.height))
    return shown


def sound(data: bytes) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """The samples as a player would let them follow each other, from time zero, mono, -1 to 1."""
    parts: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float32)
            if not parts and frame.time:
                parts.append(np.zeros(round(frame.time * RATE), np.float32))
            parts.append(
                samples[0] if frame.format.is_planar else samples.reshape(-1, len(frame.layout.channels))[:, 0]
            )
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def loudness(
    samples: "np.ndarray[tuple[int], np.dtype[np.float32]]", hz: int
) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    """How strong a tone is, every ms, over the 5 ms before and after."""
    phase = np.exp(-2j * np.pi * hz * np.arange(len(samples)) / RATE)
    total = np.concatenate([np.zeros(240), np.cumsum(samples * phase), np.zeros(240)])
    total[-240:] = total[-241] if len(samples) else 0
    return np.abs(total[480:] - total[:-480])[::48].astype(np.float32) / 480


def beginnings(data: bytes, hz: int = 1_000) -> list[float]:
    """When tones begin, in seconds, by a player that follows the samples."""
    strong = loudness(sound(data), hz) > 0.05
    edges = np.flatnonzero(strong[1:] & ~strong[:-1]) / 1000
    kept: list[float] = []
    for edge in edges:
        if not kept or edge - kept[-1] > 0.4:
            kept.append(float(edge))
    return kept


def offsets(data: bytes, hz: int = 1_000, fps: int = 10) -> tuple[list[float], list[float]]:
    """By how many ms pictures, and tones, come later in the file than they were captured."""
    shown = [(time - number / fps) * 1000 for time, number, _, _ in pictures(data)]
    heard = [((begin - 0.06) - round(begin - 0.06)) * 1000 + 60 for begin in beginnings(data, hz)]
    return shown, heard
