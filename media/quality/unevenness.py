"""What of a page's word of jitter is its own way's: voice that came uneven goes on so."""

REPORTED = 6
"""Seconds for which a page's word of jitter is the newest: browsers report a voice every five."""


class Unevenness:
    """One leg's."""

    __slots__ = ("_came", "_left")

    def __init__(self) -> None:
        self._came = self._left = 0
        """The most that came uneven in the time of a report, and for how many seconds that counts."""

    def own(self, said_ms: int, came_ms: int) -> int:
        """Of what the page says in this second; `came_ms`: how uneven it came to us in the same second."""
        self._left -= 1
        if came_ms >= self._came or self._left <= 0:
            self._came, self._left = came_ms, REPORTED
        return said_ms - self._came if said_ms > self._came else 0
