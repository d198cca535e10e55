"""A voice without holes: Opus packets laid onto call time, what is missing filled with packets of our own.

Browsers play the packets of a file one after the other whatever their times say (Chromium warns of drift and goes
on), so a hole would move all that follows. Missing sound becomes packets that carry nothing: a decoder conceals the
first tenth of a second (RFC 6716 §4.4), then there is silence. The same corrects a sound card whose clock runs slow,
5 ms at a time; where it runs fast a packet is left out. Nothing is transcoded.
"""

from media.errors import WireError
from media.wire.opus import frame_ms, packet_ms

SHORT_MS = 10.0
"""So much sound may be missing before some is added …"""
LONG_MS = 15.0
"""… and so much too many before a packet is left out."""
_CONCEALED_MS = 100.0
LONG_SILENCE = b"\xfb\x06" + 6 * b"\xff\xfe"
"""Six empty CELT frames (RFC 6716 §3.2.5)."""
LONG_SILENCE_MS = 120
SHORTEST_SILENCE_MS = 5
_SILENCES = ((LONG_SILENCE_MS, LONG_SILENCE), (20, b"\xf8\xff\xfe"), (10, b"\xf0"), (SHORTEST_SILENCE_MS, b"\xe8"))
"""Packets without content and how long they last, in ms."""


class Sound(list[tuple[float, bytes]]):
    """(time in ms, Opus packet) one after the other."""


class Voice:
    """One voice's track."""

    def __init__(self) -> None:
        self.end_ms: float | None = None
        """Up to where the track is written."""
        self.left_out = 0
        self.bad = 0
        self.filled_ms = 0.0
        self._toc = 0xF8

    def add(self, time_ms: float, packet: bytes) -> Sound:
        """Lay a packet at `time_ms`; what must be written now. Packets come in order."""
        out = Sound()
        try:
            duration = packet_ms(packet)
        except WireError:
            self.bad += 1
            return out
        if self.end_ms is None:
            self.end_ms = max(0.0, time_ms)
        gap = time_ms - self.end_ms
        if gap < -max(LONG_MS, duration / 2 + SHORTEST_SILENCE_MS):
            self.left_out += 1
            return out
        if gap > SHORT_MS:
            self._fill(out, round(gap / SHORTEST_SILENCE_MS) * SHORTEST_SILENCE_MS)
        self._toc = packet[0]
        self._write(out, packet, duration)
        return out

    def silence_until(self, time_ms: float) -> Sound:
        """Go on with silence up to about `time_ms`, if the voice has begun."""
        out = Sound()
        if self.end_ms is not None:
            while time_ms - self.end_ms >= LONG_SILENCE_MS:
                self._write(out, LONG_SILENCE, LONG_SILENCE_MS)
                self.filled_ms += LONG_SILENCE_MS
        return out

    def _fill(self, out: Sound, missing: float) -> None:
        self.filled_ms += missing
        concealing = frame_ms(self._toc)
        concealed = 0.0
        while missing >= concealing and concealed < _CONCEALED_MS:
            self._write(out, bytes((self._toc & 0xFC,)), concealing)
            missing -= concealing
            concealed += concealing
        for duration, packet in _SILENCES:
            while missing >= duration:
                self._write(out, packet, duration)
                missing -= duration

    def _write(self, out: Sound, packet: bytes, duration: float) -> None:
        assert self.end_ms is not None
        out.append((self.end_ms, packet))
        self.end_ms += duration


def silence(from_ms: int, until_ms: int) -> list[tuple[int, bytes]]:
    """(time in ms, packet) from one time to about another, to within 5 ms."""
    out = []
    for duration, packet in _SILENCES:
        while until_ms - from_ms >= duration:
            out.append((from_ms, packet))
            from_ms += duration
    return out
