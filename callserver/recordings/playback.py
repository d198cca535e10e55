"""Open recordings for players: one reader a side, a few kept open, one thread at a time in each."""

import asyncio
from collections import OrderedDict
from functools import partial

from callserver.recordings.vault import Vault
from media.recording.errors import FormatError, MissingKeyError, RecordingError, TamperedError, WrongKeyError
from media.recording.reader import RecordingReader
from media.recording.views import View
from signaling.http.library import LibraryError

MAX_OPEN = 8
"""A player asks for many ranges of the same file; opening it for each would decrypt its index each time."""


class OpenView:
    """signaling.http.library.Playback."""

    def __init__(self, vault: Vault, reader: RecordingReader, view: View) -> None:
        self._vault, self._reader, self._view = vault, reader, view
        self._lock = asyncio.Lock()
        self._closed = False

    @property
    def size(self) -> int:
        return self._view.size

    @property
    def content_type(self) -> str:
        return self._view.content_type

    async def read(self, offset: int, length: int) -> bytes:
        async with self._lock:
            if self._closed:
                raise LibraryError(410, "gone", "this recording was closed; ask again")
            try:
                return await self._vault.run(partial(self._view.read, offset, length))
            except (RecordingError, OSError) as error:
                raise as_library_error(error) from error

    async def close(self) -> None:
        """After the read that is under way."""
        async with self._lock:
            if not self._closed:
                self._closed = True
                await self._vault.run(partial(self._reader.close))


class OpenViews:
    """The newest few, by recording and side. Damaged stretches play as nothing instead of ending the film."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._views: OrderedDict[tuple[str, str], OpenView] = OrderedDict()
        self._opening = asyncio.Lock()

    async def get(self, recording_id: str, side: str, keep: bool) -> OpenView:
        """`keep` for recordings that have ended; of one that runs each request sees a little more."""
        async with self._opening:
            known = self._views.get((recording_id, side))
            if known is not None:
                self._views.move_to_end((recording_id, side))
                return known
            opened = await self._open(recording_id, side)
            if keep:
                self._views[recording_id, side] = opened
                if len(self._views) > MAX_OPEN:
                    await self._views.popitem(last=False)[1].close()
            return opened

    async def _open(self, recording_id: str, side: str) -> OpenView:
        def work() -> tuple[RecordingReader, View]:
            reader = self._vault.files.open(recording_id)
            try:
                return reader, reader.view(side or None, salvage=True)
            except BaseException:
                reader.close()
                raise

        try:
            return OpenView(self._vault, *await self._vault.run(partial(work)))
        except (RecordingError, OSError) as error:
            raise as_library_error(error) from error

    async def forget(self, recording_id: str) -> None:
        """Close what is open of a recording that is about to be deleted."""
        async with self._opening:
            for key in [key for key in self._views if key[0] == recording_id]:
                await self._views.pop(key).close()

    async def close(self) -> None:
        async with self._opening:
            while self._views:
                await self._views.popitem()[1].close()


def as_library_error(error: Exception) -> LibraryError:
    """What a page is told: which of key, file or disk is the matter."""
    match error:
        case MissingKeyError():
            return LibraryError(410, "no_key", str(error))
        case WrongKeyError():
            return LibraryError(409, "wrong_key", str(error))
        case TamperedError() | FormatError():
            return LibraryError(422, "damaged", str(error))
        case RecordingError():
            return LibraryError(404, "not_found", str(error))
        case _:
            return LibraryError(503, "unavailable", "the recording cannot be read from disk")
