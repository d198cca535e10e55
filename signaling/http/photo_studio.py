"""Re-encoding of photos off the event loop, one at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from signaling.http.photos import CHAT_SIZE, FULL_SIZE, Photo, reencode

MAX_PENDING = 8
"""Photos that may wait: 8 uploads of 4 MB are 32 MB, and a few seconds of CPU."""


class BusyError(Exception):
    """Too many photos are waiting."""


class PhotoStudio:
    """One thread: a picture of 40 million pixels takes 200 MB while it is decoded, so never two."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "photo")
        self._pending = 0

    async def develop(self, content: bytes, still: bool = False) -> Photo:
        """The photo as we keep it; a `still` keeps its full size. Raise PhotoError, BusyError."""
        if self._pending >= MAX_PENDING:
            raise BusyError
        self._pending += 1
        try:
            size = FULL_SIZE if still else CHAT_SIZE
            return await asyncio.get_running_loop().run_in_executor(self._executor, reencode, content, size)
        finally:
            self._pending -= 1

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
