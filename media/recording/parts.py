"""One file of a recording, opened for reading: its index if it was closed, else what a walk over its chunks finds."""

import glob
from pathlib import Path

from media.recording import layout
from media.recording.chunks import ChunkFile, ChunkWriter, FileSink, Kind, Place
from media.recording.ebml import block_places, blocks_of, cluster_time_ms
from media.recording.errors import FormatError, RecordingError, TamperedError
from media.recording.keys import Chance
from media.recording.layout import Description, Entry, Event, Index
from media.recording.tracks import TrackInfo

MOST_PARTS = 1000
_SALT_BYTES = 4
RECOVERED = "recovered"


class Part:
    """An open file and its index."""

    def __init__(self, path: Path, data_key: bytes) -> None:
        """Raise a RecordingError."""
        self.path = path
        self.file = ChunkFile(path, data_key)
        self.complete = True
        """Proven whole: the last chunk says that nothing comes behind it."""
        self.damaged: list[Place] = []
        """Chunks found unreadable on the way; only where there was no index."""
        try:
            self.last = self.file.end()
            """The last chunk, where the footer says it lies."""
            self.index = self._walk() if self.last is None else layout.decode(self.file.read(self.last), Index)
        except BaseException:
            self.file.close()
            raise

    @property
    def problem(self) -> str | None:
        """What is wrong with the file, for a person."""
        if self.damaged:
            return f"{len(self.damaged)} parts of the file are damaged and left out, and its end is missing"
        return None if self.complete else "the recording is still running or was cut off: its end is missing"

    def cluster(self, entry: Entry) -> bytes:
        """A cluster's bytes; raise TamperedError."""
        return self.file.read(Place(Kind.CLUSTER, entry.number, entry.start, entry.content_bytes))

    def close(self) -> None:
        self.file.close()

    def _walk(self) -> Index:
        """The index of a file that was not closed, made from all its chunks."""
        description: Description | None = None
        tracks: list[TrackInfo] = []
        events: list[Event] = []
        entries: list[Entry] = []
        self.complete = False
        for place in self.file.places():
            try:
                content = self.file.read(place)
            except TamperedError:
                self.damaged.append(place)
                continue
            match place.kind:
                case Kind.DESCRIPTION:
                    description = layout.decode(content, Description)
                case Kind.TRACK:
                    tracks.append(layout.decode(content, TrackInfo))
                case Kind.EVENT:
                    events.append(layout.decode(content, Event))
                case Kind.CLUSTER:
                    entries.append(entry_of(place, content))
                case _:
                    self.last = place
                    self.complete = not self.damaged  # closed, and only the footer is missing
                    return layout.decode(content, Index)
        if self.damaged and self.damaged[-1].end >= self.file.intact_bytes:
            self._forget_torn_end()
        if description is None:
            raise FormatError("the recording was cut off before anything was written")
        seconds = _recorded_seconds(entries, events)
        return Index("", description, tuple(tracks), tuple(events), tuple(entries), seconds)

    def _forget_torn_end(self) -> None:
        """A power cut may leave chunks at the end that were never written in full: no damage, only the end."""
        while self.damaged and self.damaged[-1].end == self.file.intact_bytes:
            torn = self.damaged.pop()
            self.file.intact_bytes, self.file.next_number = torn.start, torn.number


def entry_of(place: Place, cluster: bytes) -> Entry:
    """The index entry of a cluster that was found by walking."""
    track_bytes: dict[int, int] = {}
    key_ms: dict[int, int] = {}
    for start, _, end, track in block_places(cluster):
        track_bytes[track] = track_bytes.get(track, 0) + end - start
    end_ms = time_ms = cluster_time_ms(cluster)
    for block in blocks_of(cluster):
        end_ms = block.time_ms
        if block.key:
            key_ms.setdefault(block.track, block.time_ms)
    return Entry(place.start, place.number, place.content_bytes, time_ms, end_ms, track_bytes, key_ms)


def part_paths(path: Path) -> list[Path]:
    """`ID.rec`, `ID.2.rec` … as far as they are there; raise RecordingError if there is none."""
    found = {1: path} if path.exists() else {}
    for other in path.parent.glob(f"{glob.escape(path.stem)}.*{path.suffix}"):
        number = other.name[len(path.stem) + 1 : -len(path.suffix)]
        if number.isascii() and number.isdigit() and 2 <= int(number) <= MOST_PARTS:
            found[int(number)] = other
    if not found:
        raise RecordingError(f"there is no recording {path.stem}")
    return [found[number] for number in sorted(found)]


def close_cut_off(path: Path, data_key: bytes, chance: Chance) -> bool:
    """Give a file whose recorder died the index it lacks; False if nobody needs to. Not while it is being recorded.

    Raise TamperedError if chunks before its end are damaged: then it is left as it is, and plays without them.
    """
    part = Part(path, data_key)
    try:
        if part.complete:
            return False
        if part.damaged:
            raise TamperedError(f"{path.name}: {part.problem}")
        sink = FileSink(path, append=True)
        try:
            writer = ChunkWriter.behind(part.file, sink, chance(_SALT_BYTES))
            index = part.index
            content = layout.encode(
                Index(RECOVERED, index.description, index.tracks, index.events, index.clusters, index.recorded_seconds)
            )
            writer.finish(writer.write(Kind.END, content))
            writer.sync()
        finally:
            sink.close()
    finally:
        part.close()
    return True


def _recorded_seconds(entries: list[Entry], events: list[Event]) -> float:
    """How much was recorded, pauses left out."""
    end = max((entry.end_ms for entry in entries), default=0)
    paused, since = 0, None
    for event in events:
        if event.kind == "paused" and since is None:
            since = event.time_ms
        elif event.kind == "resumed" and since is not None:
            paused += event.time_ms - since
            since = None
    if since is not None:
        paused += max(0, end - since)
    return max(0, end - paused) / 1000
