"""Reading a recording: what is known about it, and views that play."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from media.recording.chunks import Kind, Place
from media.recording.ebml import Block, blocks_of
from media.recording.errors import RecordingError, TamperedError
from media.recording.layout import Event
from media.recording.parts import Part, part_paths
from media.recording.tracks import MOST_TRACKS, TrackInfo
from media.recording.views import Placed, View


class RecordingInfo(msgspec.Struct, frozen=True):
    """What a page shows about a recording."""

    recording_id: str
    call_id: str
    wall_time: float
    """Unix seconds at its beginning."""
    seconds: float
    """From the beginning to the last block; pauses are in it, as silence and a picture that stands still."""
    recorded_seconds: float
    """Without pauses."""
    sides: tuple[str, ...]
    tracks: tuple[TrackInfo, ...]
    events: tuple[Event, ...]
    parts: int
    complete: bool
    """Proven whole: every part was closed."""
    problem: str | None
    """For a person, if something is missing or damaged; what is there plays."""


@dataclass(frozen=True)
class Check:
    """What reading every chunk of a recording showed."""

    chunks: int
    damaged: tuple[str, ...]
    complete: bool


class RecordingReader:
    """An open recording with all its parts. Reads block; use it in an executor, by one thread at a time."""

    def __init__(
        self, recording_id: str, placed: Sequence[Placed], tracks: Sequence[TrackInfo], problems: Sequence[str]
    ) -> None:
        """See `open`; `problems`: what is wrong with parts that cannot be read at all."""
        self._id = recording_id
        self._lacking = list(problems)
        self._parts = list(placed)
        self._tracks = tuple(tracks)
        self.info = self._described()

    @classmethod
    def open(cls, path: Path, data_key: bytes) -> Self:
        """Open `ID.rec` and its further parts; raise a RecordingError (MissingKey, WrongKey, Tampered, Format).

        A part that is damaged beyond opening is an error only if no other can be read.
        """
        parts: list[Part] = []
        try:
            problems = _open_parts(path, data_key, parts)
            if len({part.file.identity.recording_id for part in parts}) > 1:
                raise TamperedError("files of different recordings lie under one name")
            return cls(parts[0].file.identity.recording_id, *_placed(parts), problems)
        except BaseException:
            for part in parts:
                part.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def view(self, side: str | None = None, *, salvage: bool = False) -> View:
        """One side as a file of its own, or everything; raise RecordingError if nothing of that side was recorded."""
        tracks = [track for track in self._tracks if side is None or track.side == side]
        if not tracks:
            raise RecordingError("nothing was recorded" if side is None else f"nothing of side {side} was recorded")
        return View(self._parts, tracks, salvage=salvage)

    def blocks(self, *, salvage: bool = False) -> Iterator[Block]:
        """Every block of every track, nearly in the order of time; raise TamperedError."""
        for placed in self._parts:
            for entry in placed.part.index.clusters:
                try:
                    cluster = placed.part.cluster(entry)
                except TamperedError:
                    if not salvage:
                        raise
                    continue
                for time_ms, track, key, payload in blocks_of(cluster):
                    if track in placed.numbers:
                        yield Block(time_ms + placed.shift_ms, placed.numbers[track], key, payload)

    def check(self) -> Check:
        """Read every chunk and say what is wrong; raises nothing that the file can cause."""
        count = 0
        damaged: list[str] = []
        for placed in self._parts:
            chunks, faults = _check_part(placed.part)
            count += chunks
            damaged += [f"{placed.part.path.name}: {fault}" for fault in faults]
        return Check(count, tuple(damaged), self.info.complete)

    def close(self) -> None:
        for placed in self._parts:
            placed.part.close()

    def _described(self) -> RecordingInfo:
        first = self._parts[0].part.index.description
        ends = [entry.end_ms + placed.shift_ms for placed in self._parts for entry in placed.part.index.clusters[-1:]]
        problems = [*self._lacking, *(placed.part.problem for placed in self._parts[-1:])]
        problems += [
            "the recorder broke off and went on in another file"
            for placed in self._parts[:-1]
            if not placed.part.complete
        ]
        return RecordingInfo(
            recording_id=self._id,
            call_id=first.call_id,
            wall_time=first.wall_time,
            seconds=max(ends, default=0) / 1000,
            recorded_seconds=sum(placed.part.index.recorded_seconds for placed in self._parts),
            sides=tuple(dict.fromkeys(track.side for track in self._tracks)),
            tracks=self._tracks,
            events=tuple(
                msgspec.structs.replace(event, time_ms=event.time_ms + placed.shift_ms)
                for placed in self._parts
                for event in placed.part.index.events
            ),
            parts=len(self._parts),
            complete=not self._lacking and all(placed.part.complete for placed in self._parts),
            problem="; ".join(dict.fromkeys(text for text in problems if text)) or None,
        )


def _check_part(part: Part) -> tuple[int, list[str]]:
    """How many chunks were found, and what is wrong with them."""
    count = 0
    faults: list[str] = []
    found: Place | None = None
    expected = {entry.number: entry for entry in part.index.clusters}
    for found in part.file.places():
        count += 1
        entry = expected.pop(found.number, None)
        if entry is not None and (found.start, found.kind) != (entry.start, Kind.CLUSTER):
            faults.append(f"chunk {found.number} is not where the index says")
        try:
            part.file.read(found)
        except TamperedError as error:
            faults.append(str(error))
    if part.last is not None and found != part.last:
        faults.append(f"the head of chunk {part.file.next_number} was changed, or chunks are missing")
    return count, faults + [f"chunk {number} is missing" for number in expected]


def _open_parts(path: Path, data_key: bytes, parts: list[Part]) -> list[str]:
    """Fill `parts`; what is wrong with those that cannot be opened."""
    failure: RecordingError | None = None
    problems: list[str] = []
    for file in part_paths(path):
        try:
            parts.append(Part(file, data_key))
        except RecordingError as error:
            failure = failure or error
            problems.append(f"{file.name} cannot be read: {error}")
    if not parts:
        assert failure is not None
        raise failure
    parts.sort(key=lambda part: part.file.identity.part)
    there = {part.file.identity.part for part in parts}
    if not problems:
        problems = [f"part {number} is missing" for number in range(1, max(there) + 1) if number not in there]
    return problems


def _placed(parts: Sequence[Part]) -> tuple[list[Placed], list[TrackInfo]]:
    """Parts on one time line, and the tracks of the whole: one a side, kind and codec."""
    tracks: dict[tuple[str, str, str], TrackInfo] = {}
    placed: list[Placed] = []
    zero = parts[0].index.description
    for part in parts:
        numbers: dict[int, int] = {}
        for track in part.index.tracks:
            key = (track.side, track.kind, track.codec)
            if key not in tracks and len(tracks) < MOST_TRACKS:
                tracks[key] = msgspec.structs.replace(track, number=len(tracks) + 1)
            if key in tracks:
                numbers[track.number] = tracks[key].number
        shift = part.index.description.wall_time - zero.wall_time
        placed.append(Placed(part, max(0, round(shift * 1000)), numbers))
    return placed, list(tracks.values())
