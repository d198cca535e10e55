"""Recordings, stills and evidence as the endpoints use them; callserver/recordings is the real library."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from signaling.records import Recording, Still

JobKind = Literal["export", "evidence"]


class LibraryError(Exception):
    """It cannot be had: no such thing, no key, damaged, not now. `status` is HTTP's."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class TrackNote(msgspec.Struct, frozen=True):
    side: str
    kind: Literal["audio", "video"]
    codec: str


class RecordedEvent(msgspec.Struct, frozen=True):
    """Something in the recording's own timeline; `at` is seconds from its beginning."""

    at: float
    kind: str
    text: str = ""


class Contents(msgspec.Struct, frozen=True):
    """What is in a recording's files."""

    began_at: float
    """Wall clock."""
    duration: float
    """Seconds from beginning to end, pauses included."""
    recorded: float
    """Seconds without pauses."""
    parts: int
    complete: bool
    problem: str
    """What is missing or damaged, for a person; empty: nothing."""
    sides: list[str]
    """Each plays as a file of its own."""
    tracks: list[TrackNote]
    events: list[RecordedEvent]


class CheckedFiles(msgspec.Struct, frozen=True):
    """What reading every byte of a recording showed."""

    chunks: int
    damaged: list[str]
    """What was changed or is missing, one line each; those stretches are left out where the recording plays."""


class Job(msgspec.Struct, frozen=True):
    """Work that takes a while, in a process of its own; one at a time."""

    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    progress: float = 0.0
    """0 to 1."""
    size_bytes: int = 0
    reason: str = ""


class Playback(Protocol):
    """One side of a recording as one file."""

    @property
    def size(self) -> int: ...

    @property
    def content_type(self) -> str: ...

    async def read(self, offset: int, length: int) -> bytes:
        """Fewer bytes only at the end; raise LibraryError."""


class Library(Protocol):
    """Every method may raise LibraryError."""

    async def recordings(self, call_id: str) -> Sequence[Recording]:
        """Oldest first, those that were deleted, too."""

    async def recording(self, recording_id: str) -> Recording | None: ...

    async def contents(self, recording_id: str) -> Contents:
        """Look into the files."""

    async def check(self, recording_id: str) -> CheckedFiles:
        """Read every byte; a second or more for an hour."""

    async def play(self, recording_id: str, side: str) -> Playback:
        """`side` empty: everything in one file, for programs."""

    async def delete(self, recording_id: str, by: str) -> None:
        """Destroy key and files; the row says who and when."""

    async def stills(self, call_id: str) -> Sequence[Still]:
        """In the order they were asked for."""

    def job(self, kind: JobKind, subject: str) -> Job | None:
        """The newest of this kind about a recording (export) or a call (evidence)."""

    async def start(self, kind: JobKind, subject: str) -> Job:
        """Begin, or say how far it is; done ones begin anew only if their file is gone."""

    async def cancel(self, kind: JobKind, subject: str) -> None:
        """End it, and remove what it made."""

    def file(self, kind: JobKind, subject: str) -> Path:
        """What a finished job made."""

    async def evidence_key(self) -> bytes:
        """PEM of the key that checks our evidence."""


class NoLibrary:
    """A server without recordings."""

    async def recordings(self, call_id: str) -> Sequence[Recording]:
        return ()

    async def recording(self, recording_id: str) -> Recording | None:
        return None

    async def contents(self, recording_id: str) -> Contents:
        raise LibraryError(404, "not_found", "no such recording")

    async def check(self, recording_id: str) -> CheckedFiles:
        raise LibraryError(404, "not_found", "no such recording")

    async def play(self, recording_id: str, side: str) -> Playback:
        raise LibraryError(404, "not_found", "no such recording")

    async def delete(self, recording_id: str, by: str) -> None:
        raise LibraryError(404, "not_found", "no such recording")

    async def stills(self, call_id: str) -> Sequence[Still]:
        return ()

    def job(self, kind: JobKind, subject: str) -> Job | None:
        return None

    async def start(self, kind: JobKind, subject: str) -> Job:
        raise LibraryError(404, "not_found", "nothing to make it of")

    async def cancel(self, kind: JobKind, subject: str) -> None:
        """There is none."""

    def file(self, kind: JobKind, subject: str) -> Path:
        raise LibraryError(404, "not_found", "it was not made")

    async def evidence_key(self) -> bytes:
        raise LibraryError(404, "not_found", "this server makes no evidence")
