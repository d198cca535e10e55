"""The file that a recorder writes: blocks in, clusters, descriptions, events and the index out."""

from collections.abc import Iterable
from operator import attrgetter

from media.recording.chunks import ChunkWriter, Kind
from media.recording.ebml import MOST_SPAN_MS, Block, block_bytes, cluster_head
from media.recording.layout import Description, Entry, Event, Index, encode
from media.recording.tracks import Track, TrackInfo

_BY_TIME = attrgetter("time_ms")
_MOST_EVENTS = 10_000
_MOST_TEXT = 2_000


class Container:
    """One file. Every method that writes raises OSError; then only `finish` makes sense."""

    def __init__(self, writer: ChunkWriter, description: Description) -> None:
        self._writer = writer
        self._description = description
        self._tracks: list[TrackInfo] = []
        self._events: list[Event] = []
        self._entries: list[Entry] = []
        self._blocks: list[Block] = []
        self._synced = 0
        self.waiting_bytes = 0
        """Of blocks that are not written yet, about."""
        writer.write(Kind.DESCRIPTION, encode(description))

    @property
    def size(self) -> int:
        return self._writer.size

    def add(self, blocks: Iterable[Block]) -> None:
        """Take blocks; they are written with the next cluster."""
        for block in blocks:
            self._blocks.append(block)
            self.waiting_bytes += len(block.payload) + 8

    def describe(self, track: Track) -> None:
        """Write a track's description, before its first block is."""
        info = track.info()
        self._writer.write(Kind.TRACK, encode(info))
        self._tracks.append(info)
        track.described = True

    def note(self, event: Event) -> None:
        """Write an event; beyond a great number they are not kept."""
        if len(self._events) < _MOST_EVENTS:
            event = Event(event.time_ms, event.wall_time, event.kind[:64], event.text[:_MOST_TEXT])
            self._writer.write(Kind.EVENT, encode(event))
            self._events.append(event)

    def write_cluster(self, before_ms: float) -> None:
        """Write the blocks before that time, in the order of time."""
        self._blocks.sort(key=_BY_TIME)
        due = [block for block in self._blocks if block.time_ms < before_ms]
        self._blocks = self._blocks[len(due) :]
        self.waiting_bytes = sum(len(block.payload) + 8 for block in self._blocks)
        at = 0
        while at < len(due):
            base = due[at].time_ms
            end = at
            while end < len(due) and due[end].time_ms - base <= MOST_SPAN_MS:
                end += 1
            self._write(base, due[at:end])
            at = end

    def _write(self, base_ms: int, blocks: list[Block]) -> None:
        track_bytes: dict[int, int] = {}
        key_ms: dict[int, int] = {}
        parts = [b""]
        for block in blocks:
            data = block_bytes(base_ms, block)
            track = block.track
            track_bytes[track] = track_bytes.get(track, 0) + len(data)
            if block.key:
                key_ms.setdefault(track, block.time_ms)
            parts.append(data)
        parts[0] = cluster_head(base_ms, sum(track_bytes.values()))
        place = self._writer.write(Kind.CLUSTER, b"".join(parts))
        self._entries.append(
            Entry(place.start, place.number, place.content_bytes, base_ms, blocks[-1].time_ms, track_bytes, key_ms)
        )

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        if self._synced != self._writer.size:
            self._synced = self._writer.size
            self._writer.sync()

    def finish(self, reason: str, recorded_seconds: float) -> None:
        """Write the index and close; the file is closed whatever happens."""
        index = Index(
            reason,
            self._description,
            tuple(self._tracks),
            tuple(self._events),
            tuple(self._entries),
            recorded_seconds,
        )
        try:
            self._writer.finish(self._writer.write(Kind.END, encode(index)))
            self._writer.sync()
        finally:
            self._writer.close()
