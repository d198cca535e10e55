"""What the control process and the process that does a job say to each other (one line of JSON each), and where."""

from pathlib import Path

import msgspec

from media.recording.evidence import EntryKind, Header


class Film(msgspec.Struct, frozen=True):
    """A recording that the job may read."""

    path: str
    """Its first file."""
    key: bytes
    began_at: float = 0.0


class ExportOrder(msgspec.Struct, frozen=True, tag="export"):
    """Make an MP4 of a recording."""

    film: Film
    out: str
    clean_voice: bool = False
    """Less noise and an even level; needs the extra `voice`."""


class Item(msgspec.Struct, frozen=True):
    """Something for the chain: an event, or a still that lies in a file."""

    kind: EntryKind
    wall_time: float
    text: str
    name: str = ""
    """Of the file in the archive; empty: an event."""
    path: str = ""


class EvidenceOrder(msgspec.Struct, frozen=True, tag="evidence"):
    """Make the signed archive of a verification."""

    header: Header
    items: list[Item]
    """In the order of time."""
    films: list[Film]
    signer: str
    """File of the signing key, made if it is missing."""
    folder: str
    """Where the stills lie; removed when the job ends."""
    out: str
    exported_at: float


Order = ExportOrder | EvidenceOrder


class Report(msgspec.Struct, frozen=True):
    progress: float = 0.0
    reason: str = ""
    """Why it failed."""


def private_directory(path: Path) -> None:
    """Have a directory that nobody but its owner can look into. Raise OSError."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)  # it may have been there, or be made as a parent with what the umask allows
