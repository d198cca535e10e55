"""Changes that somebody who looks should see at once, as a number that grows."""

import asyncio


class News:
    """`tell` in the loop of those who wait in `after`."""

    def __init__(self) -> None:
        self.count = 0
        self._happens = asyncio.Event()

    def tell(self) -> None:
        """Something changed."""
        self.count += 1
        self._happens.set()
        self._happens = asyncio.Event()

    async def after(self, seen: int, seconds: float) -> None:
        """Wait until there is more than `seen` (or less: the server started anew), so many seconds at most."""
        if self.count != seen:
            return
        try:
            await asyncio.wait_for(self._happens.wait(), seconds)
        except TimeoutError:
            return
