"""Keys of recordings: each recording has a data key of its own, wrapped by a master key of the key ring.

The data key lies wrapped in a small file beside the recording (`ID.key`). Whoever destroys that file has destroyed the
recording, wherever copies of it are. Only the control process holds the ring; the process that records gets a data key.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from media.recording.errors import FormatError, MissingKeyError, RecordingError, WrongKeyError

KEY_BYTES = 32
"""AES-256."""
_NONCE_BYTES = 12
_VERSION = 1
_MOST_BYTES = 65_536
"""A key file or ring longer than this is none of ours."""

_T = TypeVar("_T")

Chance = Callable[[int], bytes]
"""So many random bytes, e.g. `os.urandom`."""


class WrappedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data key under a master key: AES-256-GCM over the key, bound to recording and master key."""

    recording_id: str
    master_key_id: str
    nonce: bytes
    wrapped: bytes
    version: int = _VERSION


class _RingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current: str
    keys: dict[str, bytes]


class KeyRing:
    """Master keys by id. New recordings take the current one; older ones stay as long as recordings need them."""

    def __init__(self, keys: dict[str, bytes], current: str) -> None:
        if current not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise FormatError(f"a key ring needs its current key, and {KEY_BYTES} bytes for each")
        self._keys = dict(keys)
        self.current = current

    @property
    def key_ids(self) -> tuple[str, ...]:
        return tuple(self._keys)

    def wrap(self, recording_id: str, data_key: bytes, chance: Chance) -> WrappedKey:
        """`data_key` under the current master key."""
        nonce = chance(_NONCE_BYTES)
        bound = _bound_to(recording_id, self.current)
        wrapped = AESGCM(self._keys[self.current]).encrypt(nonce, data_key, bound)
        return WrappedKey(recording_id, self.current, nonce, wrapped)

    def unwrap(self, key: WrappedKey) -> bytes:
        """The data key; raise MissingKeyError or WrongKeyError."""
        master = self._keys.get(key.master_key_id)
        if master is None:
            raise MissingKeyError(f"master key {key.master_key_id!r} is not in the key ring")
        try:
            return AESGCM(master).decrypt(key.nonce, key.wrapped, _bound_to(key.recording_id, key.master_key_id))
        except (InvalidTag, ValueError) as error:
            raise WrongKeyError(f"master key {key.master_key_id!r} does not open this recording's key") from error

    def rotated(self, key_id: str, chance: Chance) -> "KeyRing":
        """A ring with one more master key, which becomes the current one."""
        if key_id in self._keys:
            raise FormatError(f"master key {key_id!r} is already in the key ring")
        return KeyRing({**self._keys, key_id: chance(KEY_BYTES)}, key_id)

    def without(self, key_id: str) -> "KeyRing":
        """A ring that can no longer open what `key_id` wrapped; the current key cannot be left out."""
        return KeyRing({name: key for name, key in self._keys.items() if name != key_id}, self.current)

    def save(self, path: Path) -> None:
        """Write the ring for its owner's eyes only, all or nothing."""
        write_private(path, msgspec.json.encode(_RingFile(self.current, self._keys)))


def load_ring(path: Path) -> KeyRing:
    """The ring in `path`; raise MissingKeyError if there is none, FormatError if it is no ring."""
    ring = _decode(_read_small(path, "the key ring of recordings"), _RingFile, path)
    return KeyRing(ring.keys, ring.current)


def load_or_create_ring(path: Path, chance: Chance) -> KeyRing:
    """The ring in `path`; on first use one new master key named `1`."""
    if not path.exists():
        KeyRing({"1": chance(KEY_BYTES)}, "1").save(path)
    return load_ring(path)


def key_path(recording: Path) -> Path:
    """Where the wrapped data key of the recording `ID.rec` lies; its further parts `ID.2.rec` … share it."""
    return recording.with_suffix(".key")


def create_data_key(recording: Path, recording_id: str, ring: KeyRing, chance: Chance) -> bytes:
    """Make the data key of a new recording, write it wrapped beside where the recording will lie, return it plain."""
    data_key = chance(KEY_BYTES)
    path = key_path(recording)
    if path.exists():
        raise RecordingError(f"recording {recording_id} has a key already")
    write_private(path, msgspec.json.encode(ring.wrap(recording_id, data_key, chance)))
    return data_key


def open_data_key(recording: Path, ring: KeyRing) -> bytes:
    """The plain data key of a recording; raise MissingKeyError, WrongKeyError or FormatError."""
    return ring.unwrap(read_wrapped_key(recording))


def read_wrapped_key(recording: Path) -> WrappedKey:
    """The wrapped data key of a recording; raise MissingKeyError or FormatError."""
    path = key_path(recording)
    return _decode(_read_small(path, "the key of this recording"), WrappedKey, path)


def rewrap(recording: Path, ring: KeyRing, chance: Chance) -> bool:
    """Put a recording's data key under the current master key; False if it was already. The recording is untouched."""
    wrapped = read_wrapped_key(recording)
    if wrapped.master_key_id == ring.current:
        return False
    again = ring.wrap(wrapped.recording_id, ring.unwrap(wrapped), chance)
    write_private(key_path(recording), msgspec.json.encode(again))
    return True


def destroy_key(recording: Path) -> bool:
    """Overwrite and remove the wrapped key, so that no copy of the recording can be read; False if there was none."""
    path = key_path(recording)
    try:
        with path.open("r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return False
    sync_folder(path.parent)
    return True


def write_private(path: Path, data: bytes) -> None:
    """Write a file for its owner only, in one step that survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names that were added to or removed from a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fingerprint(data_key: bytes) -> bytes:
    """Eight bytes that tell a wrong key from a damaged recording; they say nothing about the key."""
    return AESGCM(data_key).encrypt(b"fingerprint!", b"", b"callserver recording key")[:8]


def _bound_to(recording_id: str, master_key_id: str) -> bytes:
    return msgspec.json.encode(["callserver recording key", _VERSION, recording_id, master_key_id])


def _read_small(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except FileNotFoundError as error:
        raise MissingKeyError(f"{what} is not there: {path.name}") from error
    except OSError as error:
        raise RecordingError(f"{what} cannot be read: {error.strerror}") from error


def _decode(data: bytes, kind: type[_T], path: Path) -> _T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{path.name} is not a key file") from error
