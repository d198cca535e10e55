"""Evidence of a verification call: stills, recording and events in a hash chain, signed, in one archive.

Each entry carries the hash of the one before it and of its own content, so that the order is fixed as they are added;
the signature covers the whole manifest. An archive is a zip that stores without compressing:

    manifest.json       canonical JSON (sorted names, no spaces): header, entries, head of the chain, report's hash, key
    signature           Ed25519 (RFC 8032) over a prefix and the manifest's bytes
    public-key.pem      for those who have no copy of their own; proves nothing by itself
    report.html         for people; made from the manifest
    files/…             what the entries name
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from media.recording.errors import FormatError, RecordingError
from media.recording.keys import KEY_BYTES, Chance, write_private

VERSION = 1
MANIFEST = "manifest.json"
SIGNATURE = "signature"
PUBLIC_KEY = "public-key.pem"
REPORT = "report.html"
FILES = "files/"
SIGNED_PREFIX = b"callserver evidence 1\n"
MOST_ENTRIES = 5_000

EntryKind = Literal["event", "still", "recording", "document"]


class Header(msgspec.Struct, frozen=True):
    """What the evidence is about; the root of the chain."""

    evidence_id: str
    call_id: str
    challenge: str
    """The code that the customer was shown and held before the camera."""
    began_at: float
    """Unix seconds."""
    site: str = ""
    subject: str = ""
    """What is verified, e.g. the order's number."""
    version: int = VERSION


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One link of the chain."""

    number: int
    kind: EntryKind
    wall_time: float
    """Unix seconds by the server's clock: when the picture reached the server, when the event happened."""
    text: str
    """For people: `front of the parcel`, `consent given` …"""
    file: str = ""
    """Its name under files/; empty for events."""
    media_type: str = ""
    size_bytes: int = 0
    sha256: str = ""
    before: str = ""
    """The hash of the entry before; of the header for the first."""
    hash: str = ""
    """Over everything above."""


class Manifest(msgspec.Struct, frozen=True):
    """All that is signed."""

    header: Header
    entries: tuple[Entry, ...]
    head: str
    """The last entry's hash."""
    report_sha256: str
    public_key: str
    """Raw, in hexadecimal."""
    exported_at: float


class Chain:
    """The chain while it grows. `entries` can be stored one by one, and a chain goes on from them."""

    def __init__(self, header: Header, entries: Iterable[Entry] = ()) -> None:
        """Raise FormatError if stored entries do not follow from the header."""
        self.header = header
        self.entries: list[Entry] = list(entries)
        fault = chain_fault(header, self.entries)
        if fault is not None:
            raise FormatError(fault)

    @property
    def head(self) -> str:
        return self.entries[-1].hash if self.entries else header_hash(self.header)

    def add_event(self, wall_time: float, text: str) -> Entry:
        """Something happened."""
        return self._add(Entry(len(self.entries), "event", wall_time, text))

    def add_file(
        self, kind: EntryKind, wall_time: float, text: str, name: str, media_type: str, content: Iterable[bytes]
    ) -> Entry:
        """A still or a recording, by its content; `name` must be new in the chain, letters, digits, `.`, `-`, `_`."""
        if not fit_name(name) or any(entry.file == name for entry in self.entries):
            raise FormatError(f"not a name for a file in evidence: {name!r}")
        digest, size = digest_of(content)
        return self._add(Entry(len(self.entries), kind, wall_time, text, name, media_type, size, digest))

    def _add(self, entry: Entry) -> Entry:
        if len(self.entries) >= MOST_ENTRIES:
            raise FormatError("evidence has no room for more entries")
        linked = link(entry, self.head)
        self.entries.append(linked)
        return linked


class Signer:
    """The server's signing key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_pem(self) -> bytes:
        """What others need to check signatures."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def public_hex(self) -> str:
        return raw_public(self._key.public_key()).hex()

    def sign(self, manifest: bytes) -> bytes:
        return self._key.sign(SIGNED_PREFIX + manifest)


def load_or_create_signer(path: Path, chance: Chance) -> Signer:
    """The key in `path` (PEM, for its owner only), made on first use; raise RecordingError."""
    if not path.exists():
        key = Ed25519PrivateKey.from_private_bytes(chance(KEY_BYTES))
        write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        loaded = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise RecordingError(f"the signing key cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path.name} is not a signing key") from error
    if not isinstance(loaded, Ed25519PrivateKey):
        raise FormatError(f"{path.name} is not an Ed25519 key")
    return Signer(loaded)


def canonical(value: msgspec.Struct) -> bytes:
    """JSON with sorted names and no spaces."""
    return msgspec.json.encode(value, order="sorted")


def header_hash(header: Header) -> str:
    """The root of a chain."""
    return sha256(canonical(header)).hexdigest()


def link(entry: Entry, before: str) -> Entry:
    """The entry with the hash of the one before it and its own."""
    open_entry = msgspec.structs.replace(entry, before=before, hash="")
    return msgspec.structs.replace(open_entry, hash=sha256(canonical(open_entry)).hexdigest())


def chain_fault(header: Header, entries: Iterable[Entry]) -> str | None:
    """Where the chain breaks, for a person; None if it holds."""
    before = header_hash(header)
    for number, entry in enumerate(entries):
        if entry.number != number or link(entry, before) != entry:
            return f"the chain breaks at entry {number}: it was changed, moved, or one before it is missing"
        before = entry.hash
    return None


def digest_of(content: Iterable[bytes]) -> tuple[str, int]:
    """SHA-256 in hexadecimal, and size."""
    digest, size = sha256(), 0
    for piece in content:
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def fit_name(name: str) -> bool:
    """A plain file name that means the same on every system."""
    return (
        0 < len(name) <= 100
        and name[0] != "."
        and all(sign.isascii() and (sign.isalnum() or sign in ".-_") for sign in name)
    )


def raw_public(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)
