"""The file of a recording: chunks under AES-256-GCM, appended one by one, so that what was written stays readable.

    header   "CSREC\\0\\1\\n", fingerprint of the file's key (8), salt of the file (16), length (2), identity as JSON
    chunk    kind (1), last (1), salt (4), length of the content (4), number (8) | content encrypted | tag (16)
    footer   "CSEND\\0\\1\\n", place of the last chunk (8); only when closed

The file's key is derived from the recording's data key and the file's salt (HKDF, RFC 5869), so that parts of one
recording share the data key and no nonce. A chunk's nonce is its salt and number: a number never repeats under one
salt; whoever closes a file after a crash takes a new salt, because the torn chunk at its end may have been seen.
Bound to each chunk (AAD): the file's header and the chunk's own head, so that no chunk can be changed, moved, left out,
repeated or taken from another file. Only the chunk marked last proves that nothing is missing behind it.
"""

import errno
import os
import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from media.recording.errors import FormatError, RecordingError, TamperedError, WrongKeyError
from media.recording.keys import KEY_BYTES, fingerprint, sync_folder

MAGIC = b"CSREC\x00\x01\n"
_END = b"CSEND\x00\x01\n"
_HEADER = struct.Struct(">8s8s16sH")
FILE_SALT_BYTES = 16
_CHUNK = struct.Struct(">BB4sIQ")
_FOOTER = struct.Struct(">8sQ")
_TAG_BYTES = 16
MOST_CONTENT_BYTES = 64 << 20
"""An index of a day is 20 MB; a longer chunk is not ours."""


class Kind(IntEnum):
    """What a chunk holds."""

    DESCRIPTION = 1
    """What is recorded; the first chunk, and again when a recorder went on after a crash."""
    TRACK = 2
    CLUSTER = 3
    EVENT = 4
    END = 5
    """The index; always marked last."""


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands readable at the head of a file."""

    recording_id: str
    part: int = 1
    """A recording whose recorder died goes on in another file."""


class Place(NamedTuple):
    """Where a chunk lies."""

    kind: int
    number: int
    start: int
    content_bytes: int

    @property
    def end(self) -> int:
        return self.start + _CHUNK.size + self.content_bytes + _TAG_BYTES


class Sink(Protocol):
    """Where chunks go. All raise OSError."""

    def write(self, data: bytes) -> None:
        """Append all of it."""

    def truncate(self, size: int) -> None:
        """Take back what was written beyond `size` bytes."""

    def sync(self) -> None:
        """Make what was written survive a power cut."""

    def close(self) -> None:
        """No more writes."""


class FileSink:
    """A file of the owner's. `sync` gets its descriptor: pass one that hands it to a thread where waiting is bad."""

    def __init__(self, path: Path, *, append: bool = False, sync: Callable[[int], object] = os.fdatasync) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | (0 if append else os.O_CREAT | os.O_EXCL)
        self._descriptor = os.open(path, flags, 0o600)
        self._sync = sync
        if not append:
            sync_folder(path.parent)

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            count = os.write(self._descriptor, left)
            if not count:
                raise OSError(errno.ENOSPC, "nothing was written")
            left = left[count:]

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        self._sync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class ChunkWriter:
    """Appends chunks to a sink. After an OSError the sink ends with the last whole chunk."""

    def __init__(self, sink: Sink, data_key: bytes, identity: Identity, file_salt: bytes) -> None:
        """Begin a file; `file_salt`: 16 random bytes. Raises OSError."""
        key = _file_key(data_key, file_salt)
        header = build_header(identity, key, file_salt)
        self._sink = sink
        self._cipher = AESGCM(key)
        self._header_hash = sha256(header).digest()
        self._salt = bytes(4)
        self.number = 0
        self.size = 0
        self._append(header)

    @classmethod
    def behind(cls, file: "ChunkFile", sink: Sink, salt: bytes) -> "ChunkWriter":
        """Go on behind the intact chunks of a file that was cut off; `salt`: 4 random bytes. Raises OSError."""
        writer = cls.__new__(cls)
        writer._sink, writer._cipher, writer._header_hash = sink, file.cipher, file.header_hash
        writer._salt, writer.number, writer.size = salt, file.next_number, file.intact_bytes
        sink.truncate(writer.size)
        return writer

    def write(self, kind: Kind, content: bytes) -> Place:
        """Append one chunk; raise OSError."""
        place = Place(kind, self.number, self.size, len(content))
        salt = self._salt
        # Should this chunk tear, part of it may have been seen: the next try at its number needs another nonce.
        self._salt = ((int.from_bytes(salt) + 1) & 0xFFFFFFFF).to_bytes(4)
        head = _CHUNK.pack(kind, kind == Kind.END, salt, len(content), self.number)
        self._append(head + self._cipher.encrypt(salt + self.number.to_bytes(8), content, self._header_hash + head))
        self._salt = salt
        self.number += 1
        return place

    def finish(self, end: Place) -> None:
        """Append the footer behind the last chunk; raise OSError."""
        self._append(_FOOTER.pack(_END, end.start))

    def sync(self) -> None:
        self._sink.sync()

    def close(self) -> None:
        self._sink.close()

    def _append(self, data: bytes) -> None:
        try:
            self._sink.write(data)
        except OSError:
            self._sink.truncate(self.size)
            raise
        self.size += len(data)


class ChunkFile:
    """Reads chunks by their place. One reader, no threads."""

    def __init__(self, path: Path, data_key: bytes) -> None:
        """Raise FormatError, WrongKeyError, or RecordingError if the file cannot be read."""
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise RecordingError(f"the recording cannot be opened: {error.strerror}") from error
        try:
            self.identity, self._body, self.header_hash, self.cipher = self._read_header(data_key)
        except BaseException:
            self._file.close()
            raise
        self.intact_bytes = self._body
        self.next_number = 0

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        self._file.close()

    def read(self, place: Place) -> bytes:
        """The content of a chunk; raise TamperedError if it is not what was written there."""
        data = self._pread(place.end - place.start, place.start)
        if len(data) < place.end - place.start:
            raise TamperedError(f"chunk {place.number} is cut off")
        kind, _, salt, content_bytes, number = _CHUNK.unpack_from(data)
        if (kind, number, content_bytes) != (place.kind, place.number, place.content_bytes):
            raise TamperedError(f"another chunk stands where chunk {place.number} should be")
        head = data[: _CHUNK.size]
        try:
            return self.cipher.decrypt(salt + number.to_bytes(8), data[_CHUNK.size :], self.header_hash + head)
        except InvalidTag as error:
            raise TamperedError(f"chunk {number} was changed") from error

    def places(self) -> Iterator[Place]:
        """Chunks as their heads stand one after the other, unchecked; ends where the next is not whole or not ours.

        `intact_bytes` and `next_number` follow: what lies before was given out.
        """
        at, number, size = self._body, 0, self.size
        while True:
            self.intact_bytes, self.next_number = at, number
            head = self._pread(_CHUNK.size, at)
            if len(head) < _CHUNK.size:
                return
            kind, last, _, content_bytes, found = _CHUNK.unpack(head)
            place = Place(kind, number, at, content_bytes)
            if kind not in _KINDS or last != (kind == Kind.END) or found != number or place.end > size:
                return
            yield place
            at, number = place.end, number + 1

    def end(self) -> Place | None:
        """The last chunk of a file that was closed, by its footer; None if there is no footer."""
        size = self.size
        footer = self._pread(_FOOTER.size, max(0, size - _FOOTER.size))
        if len(footer) < _FOOTER.size or footer[:8] != _END:
            return None
        start = _FOOTER.unpack(footer)[1]
        head = self._pread(_CHUNK.size, start) if start < size else b""
        if len(head) < _CHUNK.size:
            raise TamperedError("the footer points beside the file")
        kind, last, _, content_bytes, number = _CHUNK.unpack(head)
        place = Place(kind, number, start, content_bytes)
        if kind != Kind.END or not last or place.end + _FOOTER.size != size:
            raise TamperedError("the footer does not point at the last chunk")
        return place

    def _read_header(self, data_key: bytes) -> tuple[Identity, int, bytes, AESGCM]:
        start = self._pread(_HEADER.size, 0)
        if len(start) < _HEADER.size or start[:8] != MAGIC:
            raise FormatError("this is not a recording, or of another version")
        _, mark, salt, length = _HEADER.unpack(start)
        header = start + self._pread(length, _HEADER.size)
        try:
            identity = msgspec.json.decode(header[_HEADER.size :], type=Identity)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise FormatError("the head of the recording is damaged") from error
        key = _file_key(data_key, salt)
        if mark != fingerprint(key):
            raise WrongKeyError(
                f"this key is not the one of recording {identity.recording_id}, or the file's head was changed"
            )
        return identity, len(header), sha256(header).digest(), AESGCM(key)

    def _pread(self, count: int, offset: int) -> bytes:
        try:
            return os.pread(self._file.fileno(), count, offset) if count <= MOST_CONTENT_BYTES else b""
        except OSError as error:
            raise RecordingError(f"the recording cannot be read: {error.strerror}") from error


_KINDS = frozenset(int(kind) for kind in Kind)


def build_header(identity: Identity, key: bytes, salt: bytes) -> bytes:
    """The head of a file whose key is `key`."""
    content = msgspec.json.encode(identity)
    return _HEADER.pack(MAGIC, fingerprint(key), salt, len(content)) + content


def read_identity(path: Path) -> Identity:
    """Which recording a file belongs to, without a key and unproven; raise FormatError or RecordingError."""
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
            length = _HEADER.unpack(start)[3] if len(start) == _HEADER.size and start[:8] == MAGIC else 0
            return msgspec.json.decode(file.read(length), type=Identity)
    except OSError as error:
        raise RecordingError(f"the recording cannot be opened: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError("this is not a recording, or its head is damaged") from error


def _file_key(data_key: bytes, salt: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt, b"callserver recording file").derive(data_key)
