"""What the chunks of a recording hold besides clusters, as JSON: description, events, index."""

from typing import TypeVar

import msgspec

from media.recording.errors import FormatError
from media.recording.tracks import TrackInfo

_T = TypeVar("_T")


class Description(msgspec.Struct, frozen=True):
    """What is recorded; the first chunk of every part."""

    call_id: str
    wall_time: float
    """Unix seconds at call time zero."""
    began: float
    """The recorder's monotonic clock at call time zero; parts made on one machine share the clock."""
    audio_only: bool = False


class Event(msgspec.Struct, frozen=True):
    """Something that happened while it was recorded."""

    time_ms: int
    """Call time."""
    wall_time: float
    kind: str
    """`paused`, `resumed`, `stopped`, or what the caller names: `consent`, `mark` …"""
    text: str = ""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One cluster in the index."""

    start: int
    """Where its chunk lies in the file."""
    number: int
    content_bytes: int
    time_ms: int
    end_ms: int
    """The time of its last block."""
    track_bytes: dict[int, int]
    """track -> bytes of its blocks."""
    key_ms: dict[int, int]
    """picture track -> time of its first key picture in here."""


class Index(msgspec.Struct, frozen=True):
    """The last chunk: everything but the media, so that reading needs no search."""

    reason: str
    """Why it ended: `stopped`, `disk full` …; `recovered` if it was closed later, after a crash."""
    description: Description
    tracks: tuple[TrackInfo, ...]
    events: tuple[Event, ...]
    clusters: tuple[Entry, ...]
    recorded_seconds: float
    """Without pauses."""


def encode(value: msgspec.Struct) -> bytes:
    """A chunk's content."""
    return msgspec.json.encode(value)


def decode(content: bytes, kind: type[_T]) -> _T:
    """A chunk's content back; raise FormatError."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"a chunk does not hold what it should: {error}") from error
