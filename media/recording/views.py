"""A recording as a file that browsers play and seek in, made on the fly for any range of bytes.

A browser plays one picture and one voice of a file. So each side is a file of its own, cut out of the same clusters and
beginning at the same zero; a page shows both beside each other. Nothing is stored twice and nothing is decoded: sizes
come from the index, so any range costs the decryption of the clusters it touches.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from media.errors import MediaError
from media.recording.ebml import (
    BLOCK_HEAD_BYTES,
    CLUSTER_HEAD_BYTES,
    Block,
    block_places,
    blocks_of,
    cluster_bytes,
    cluster_head,
    void,
)
from media.recording.errors import TamperedError
from media.recording.layout import Entry
from media.recording.matroska_head import Cue, build_head, media_type
from media.recording.parts import Part
from media.recording.tracks import AUDIO, VIDEO, TrackInfo
from media.recording.voice import SHORTEST_SILENCE_MS, silence
from media.wire.opus import packet_ms

_MOST_HUSH_MS = 24_000
_VOICE_CUE_MS = 5_000


class Placed(NamedTuple):
    """A part on the recording's time line, with its tracks' numbers in the whole recording."""

    part: Part
    shift_ms: int
    numbers: dict[int, int]


class Hush(NamedTuple):
    """A cluster of silence where a voice has not begun, or between two parts."""

    time_ms: int
    until_ms: int
    track: int

    @property
    def size(self) -> int:
        return CLUSTER_HEAD_BYTES + sum(BLOCK_HEAD_BYTES + len(packet) for _, packet in self._sound())

    def read(self) -> bytes:
        return cluster_bytes(
            self.time_ms, [Block(time_ms, self.track, True, packet) for time_ms, packet in self._sound()]
        )

    def _sound(self) -> list[tuple[int, bytes]]:
        return silence(self.time_ms, self.until_ms)


class Cut(NamedTuple):
    """A stored cluster without the blocks of other tracks."""

    placed: Placed
    entry: Entry
    size: int

    @property
    def time_ms(self) -> int:
        return self.entry.time_ms + self.placed.shift_ms


Piece = Hush | Cut


class View:
    """One side (or everything) of a recording as one file. Reads are blocking; not for several threads at once."""

    def __init__(self, parts: Sequence[Placed], tracks: Sequence[TrackInfo], *, salvage: bool = False) -> None:
        """`salvage`: damaged clusters become empty space (counted in `damaged`) instead of a TamperedError."""
        self._tracks = frozenset(track.number for track in tracks)
        self._salvage = salvage
        self.damaged = 0
        self.duration_ms = 0
        self.content_type = media_type(tracks)
        self._pieces = list(self._cut(parts, tracks))
        self._offsets: list[int] = []
        at = 0
        for piece in self._pieces:
            self._offsets.append(at)
            at += piece.size
        self._head = build_head(tracks, self.duration_ms, self._cues(tracks), at)
        self.size = len(self._head) + at
        self._kept: tuple[int, bytes] = (-1, b"")

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; fewer only at the end. Raise TamperedError or RecordingError."""
        end = min(self.size, offset + length)
        if offset < 0 or offset >= end:
            return b""
        head = len(self._head)
        out = [self._head[offset:end]] if offset < head else []
        at = max(offset, head)
        index = bisect_right(self._offsets, at - head) - 1
        while at < end:
            data = self._piece(index)
            start = at - head - self._offsets[index]
            out.append(data[start : start + end - at])
            at += len(out[-1])
            index += 1
        return b"".join(out)

    def stream(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The same in pieces of at most 256 KB."""
        end = self.size if length is None else min(self.size, offset + length)
        while offset < end:
            data = self.read(offset, min(256 << 10, end - offset))
            yield data
            offset += len(data)

    def _piece(self, index: int) -> bytes:
        if self._kept[0] != index:
            self._kept = (index, self._made(self._pieces[index]))
        return self._kept[1]

    def _made(self, piece: Piece) -> bytes:
        if isinstance(piece, Hush):
            return piece.read()
        placed, entry, size = piece
        try:
            cluster = cut_cluster(placed.part.cluster(entry), placed, self._tracks)
            if len(cluster) != size:
                raise TamperedError(f"cluster {entry.number} is not what the index says")
        except TamperedError:
            if not self._salvage:
                raise
            self.damaged += 1
            return void(size)
        return cluster

    def _cut(self, parts: Sequence[Placed], tracks: Sequence[TrackInfo]) -> Iterator[Piece]:
        """All pieces, silence in between where a view's one voice would be missing."""
        voices = {track.number: 0 for track in tracks if track.kind == AUDIO}
        if len(voices) > 1:
            voices = {}  # for programs, which go by times; silence from before would lie out of order
        for placed in parts:
            heard: dict[int, Entry] = {}
            for entry in placed.part.index.clusters:
                mine = {
                    number: entry.track_bytes[own]
                    for own, number in placed.numbers.items()
                    if number in self._tracks and own in entry.track_bytes
                }
                if not mine:
                    continue
                for own, number in placed.numbers.items():
                    if number in mine and number in voices and number not in heard:
                        yield from _hushes(number, voices[number], entry.key_ms[own] + placed.shift_ms)
                heard |= dict.fromkeys(mine.keys() & voices.keys(), entry)
                self.duration_ms = max(self.duration_ms, entry.end_ms + placed.shift_ms + 20)
                yield Cut(placed, entry, CLUSTER_HEAD_BYTES + sum(mine.values()))
            if placed is not parts[-1]:
                voices |= {number: _voice_end_ms(placed, entry, number) for number, entry in heard.items()}

    def _cues(self, tracks: Sequence[TrackInfo]) -> list[Cue]:
        pictures = {track.number for track in tracks if track.kind == VIDEO}
        cues: list[Cue] = []
        for piece, offset in zip(self._pieces, self._offsets, strict=True):
            if isinstance(piece, Hush):
                if not pictures:
                    cues.append((piece.time_ms, piece.track, offset))
                continue
            for track, key_ms in piece.entry.key_ms.items():
                number = piece.placed.numbers.get(track, 0)
                time_ms = key_ms + piece.placed.shift_ms
                if number not in self._tracks:
                    continue
                if number in pictures or (not pictures and (not cues or time_ms - cues[-1][0] >= _VOICE_CUE_MS)):
                    cues.append((time_ms, number, offset))
        return cues


def cut_cluster(cluster: bytes, placed: Placed, tracks: frozenset[int]) -> bytes:
    """A stored cluster as it stands in a view: its own blocks, moved and renumbered with its part."""
    numbers = placed.numbers
    time_ms = int.from_bytes(cluster[14:CLUSTER_HEAD_BYTES]) + placed.shift_ms
    same = all(own == whole for own, whole in numbers.items())
    out = []
    for start, payload, end, track in block_places(cluster):
        number = numbers.get(track, 0)
        if number in tracks:
            if same:
                out.append(cluster[start:end])
            else:
                out += (cluster[start : payload - 4], bytes((0x80 | number,)), cluster[payload - 3 : end])
    content = b"".join(out)
    return cluster_head(time_ms, len(content)) + content


def _hushes(track: int, from_ms: int, until_ms: int) -> Iterator[Hush]:
    while until_ms - from_ms >= SHORTEST_SILENCE_MS:
        end = min(until_ms, from_ms + _MOST_HUSH_MS)
        yield Hush(from_ms, end, track)
        from_ms = end


def _voice_end_ms(placed: Placed, entry: Entry, number: int) -> int:
    """Where a voice ends in the last cluster that has it."""
    try:
        last = [block for block in blocks_of(placed.part.cluster(entry)) if placed.numbers.get(block.track) == number][
            -1
        ]
        return last.time_ms + placed.shift_ms + round(packet_ms(last.payload))
    except (MediaError, IndexError):
        return entry.end_ms + placed.shift_ms
