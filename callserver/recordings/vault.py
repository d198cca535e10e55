"""Where recordings and stills lie: directories, keys, photos.

    recordings/ID/ID.rec, ID.2.rec …   parts, encrypted chunk by chunk (media/recording)
    recordings/ID/ID.key               the recording's own key, wrapped by a master key; nowhere else
    recording.keys                     the master keys

Deleting begins with the key: what a disk or a backup still holds of the rest cannot be read any more.
"""

import asyncio
import re
import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from media.api import RecordingSpec, Snapshot
from media.errors import why_not_written
from media.recording import keys
from media.recording.errors import MissingKeyError, RecordingError
from media.recording.parts import close_cut_off, part_paths
from media.recording.reader import RecordingReader
from signaling.http.photo_studio import BusyError, PhotoStudio
from signaling.http.photos import PhotoError
from signaling.records import Records
from signaling.vault import Kept, VaultError

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_T = TypeVar("_T")
Stamp = tuple[tuple[int, int], ...]
"""When each file of a recording was last written, and its bytes."""


class RecordingFiles:
    """Files and keys of recordings. Everything here blocks; the vault calls it in threads."""

    def __init__(self, directory: Path, key_file: Path, chance: keys.Chance = secrets.token_bytes) -> None:
        self._directory, self._key_file, self._chance = directory, key_file, chance
        self._ring: tuple[int, keys.KeyRing] | None = None

    @property
    def ring(self) -> keys.KeyRing:
        """The master keys, made at first use, read again when the file changed (`callserver recording rotate-key`);
        raise RecordingError or OSError. New keys in place of lost ones would open nothing of what is there, and what
        they wrapped would be lost in turn with the old file's return from a backup."""
        if not self._key_file.exists() and (kept := self._wrapped()):
            raise MissingKeyError(
                f"the master keys of recordings are not there: {self._key_file}; {len(kept)} recordings need them: "
                "put the file back from its backup, or move the recordings away to begin anew"
            )
        changed = self._key_file.stat().st_mtime_ns if self._key_file.exists() else 0
        if self._ring is None or self._ring[0] != changed:
            ring = keys.load_or_create_ring(self._key_file, self._chance)
            self._ring = self._key_file.stat().st_mtime_ns, ring
        return self._ring[1]

    def known(self) -> list[str]:
        """The ids of all recordings that have files here."""
        return sorted(path.name for path in self._directory.glob("*") if self.path(path.name).parent.is_dir())

    def fault(self) -> str | None:
        """What is wrong with the master keys, as far as one recording shows; None: nothing, or nothing is kept yet."""
        try:
            for recording_id in self._wrapped()[:1]:
                self.key(recording_id)
            if self._key_file.exists():
                keys.load_ring(self._key_file)
        except (RecordingError, OSError) as error:
            return str(error)
        return None

    def _wrapped(self) -> list[str]:
        """The recordings that have a key, which a master key wraps."""
        return [recording_id for recording_id in self.known() if keys.key_path(self.path(recording_id)).exists()]

    def rotate(self) -> tuple[str, int, list[str]]:
        """A new master key, and every recording's key under it: its id, how many, and what failed (the old master
        keys stay in the ring)."""
        number = max((int(name) for name in self.ring.key_ids if name.isdigit()), default=0) + 1
        self.ring.rotated(str(number), self._chance).save(self._key_file)
        changed, failed = 0, []
        for recording_id in self.known():
            try:
                changed += keys.rewrap(self.path(recording_id), self.ring, self._chance)
            except (RecordingError, OSError) as error:
                failed.append(f"{recording_id}: {error}")
        return str(number), changed, failed

    def path(self, recording_id: str) -> Path:
        """The recording's first file; raise RecordingError for what is no id."""
        if not _ID.fullmatch(recording_id):
            raise RecordingError("no such recording")
        return self._directory / recording_id / f"{recording_id}.rec"

    def prepare(self, recording_id: str) -> tuple[Path, bytes]:
        """The directory and the plain key of a recording, made unless they are there."""
        path, ring = self.path(recording_id), self.ring
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if keys.key_path(path).exists():
            return path, keys.open_data_key(path, ring)
        return path, keys.create_data_key(path, recording_id, ring, self._chance)

    def key(self, recording_id: str) -> bytes:
        return keys.open_data_key(self.path(recording_id), self.ring)

    def open(self, recording_id: str) -> RecordingReader:
        """All its parts as one; raise RecordingError."""
        return RecordingReader.open(self.path(recording_id), self.key(recording_id))

    def close_cut_off(self, recording_id: str) -> tuple[float, int]:
        """Give the parts of a recording that has ended what a killed recorder left out; its seconds and bytes."""
        data_key = self.key(recording_id)
        for part in part_paths(self.path(recording_id)):
            close_cut_off(part, data_key, self._chance)
        return self.measure(recording_id)

    def measure(self, recording_id: str) -> tuple[float, int]:
        """Seconds and bytes of all parts of a recording; raise RecordingError or OSError."""
        with self.open(recording_id) as reader:
            return reader.info.recorded_seconds, sum(
                part.stat().st_size for part in part_paths(self.path(recording_id))
            )

    def stamp(self, recording_id: str) -> Stamp:
        """Other when a file was written to since. Raise RecordingError or OSError."""
        found = [part.stat() for part in part_paths(self.path(recording_id))]
        return tuple((one.st_mtime_ns, one.st_size) for one in found)

    def delete(self, recording_id: str) -> None:
        """Destroy the key, then the files; what is gone already is fine."""
        path = self.path(recording_id)
        keys.destroy_key(path)
        if path.parent.is_dir():
            shutil.rmtree(path.parent)


class Vault:
    """signaling.vault.Vault over files and the store's photos."""

    def __init__(self, files: RecordingFiles, records: Records, studio: PhotoStudio) -> None:
        self.files = files
        self._records, self._studio = records, studio
        self._executor = ThreadPoolExecutor(2, "recordings")

    async def run(self, work: "partial[_T]") -> _T:
        """Blocking work in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def prepare(self, recording_id: str, audio_only: bool, names: dict[str, str]) -> RecordingSpec:
        """What the engine needs to record; the master key stays here."""
        try:
            path, data_key = await self.run(partial(self.files.prepare, recording_id))
        except OSError as error:
            raise VaultError(why_not_written(error)) from error
        except RecordingError as error:
            raise VaultError(f"the recording cannot be kept: {error}") from error
        return RecordingSpec(recording_id, str(path.parent.absolute()), data_key, audio_only, names)

    async def keep_still(self, snapshot: Snapshot) -> Kept:
        """The engine's JPEG as it is; anything else is encoded anew."""
        content, size = snapshot.image, (snapshot.width, snapshot.height)
        if snapshot.media_type != "image/jpeg":
            try:
                photo = await self._studio.develop(content, still=True)
            except (PhotoError, BusyError) as error:
                raise VaultError("the picture cannot be kept") from error
            content, size = photo.content, (photo.width, photo.height)
        photo_id = secrets.token_urlsafe(16)
        call_id = snapshot.call_id
        try:
            await self._records.save_photo(photo_id, call_id, content, *size)
        except Exception as error:
            raise VaultError("the picture cannot be stored") from error
        return Kept(photo_id, *size)

    async def drop_photo(self, photo_id: str) -> None:
        await self._records.delete_photo(photo_id)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
