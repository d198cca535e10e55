"""Bits a second from byte counters read about once a second."""

_LEAST_WINDOW = 0.9


class Rate:
    """The rate over the last whole second or so."""

    __slots__ = ("_octets", "_since", "bps")

    def __init__(self, now: float) -> None:
        self._octets = 0
        self._since = now
        self.bps = 0

    def read(self, octets: int, now: float) -> None:
        """Take the counter's value; call at least once a second."""
        elapsed = now - self._since
        if elapsed >= _LEAST_WINDOW:
            self.bps = round((octets - self._octets) * 8 / elapsed)
            self._octets = octets
            self._since = now
