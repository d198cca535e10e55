"""How long nothing arrived over the emulated links: what is left of a call when its path dies and another is found."""

FIRST_MEDIA, LAST_MEDIA = 128, 191
"""First bytes of RTP and RTCP (RFC 7983 §7); checks and handshakes are no conversation."""
CERTAINLY_MEDIA_BYTES = 600
"""More than a check or two."""


class Outages:
    """Told of every datagram or stretch of TCP that an end gets; times are the loop's seconds."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._longest: dict[str, float] = {}

    def begin(self, now: float) -> None:
        """What was before does not count."""
        for side in ("near", "far"):
            self._last[side], self._longest[side] = now, 0.0

    def arrived(self, side: str, data: bytes, now: float) -> None:
        """A datagram reached the end at `side`."""
        if data and FIRST_MEDIA <= data[0] <= LAST_MEDIA:
            self._note(side, now)

    def streamed(self, side: str, data: bytes, now: float) -> None:
        """TCP bytes (RFC 4571 frames in any division) reached the end at `side`; a lone check does not count."""
        frames = len(data) > 2 and FIRST_MEDIA <= data[2] <= LAST_MEDIA
        if frames or len(data) >= CERTAINLY_MEDIA_BYTES:
            self._note(side, now)

    def longest_ms(self, side: str, now: float) -> float | None:
        """The longest time without anything, the one that lasts included."""
        if side not in self._last:
            return None
        return round(1000.0 * max(self._longest[side], now - self._last[side]))

    def _note(self, side: str, now: float) -> None:
        if side in self._last:
            self._longest[side] = max(self._longest[side], now - self._last[side])
            self._last[side] = now
