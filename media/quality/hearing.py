"""Whether a microphone gives sound, second by second: what it did before in the call tells what its silence means.

A room is never silent: a microphone's own noise of -98 dBFS still is a bit now and then after Chromium's noise
suppression, and a quiet room is -70 to -90. Digital silence is made by something that is switched off, or by a gate (a
headset's, a system's voice isolation) while nobody speaks.
"""

DIGITAL = 126
"""-dBov (RFC 6464, 127 is the least) from which on nothing at all was in the loudest packet of a second."""
ROOM = 60
"""A second whose loudest packet is below this was a pause in which the room was heard."""
SAID, NEVER_HEARD, HEARD_BEFORE = 2, 3, 30
"""Seconds of silence that mean something: of a microphone that is open all the time or never was heard, if its page
says so, too, and if it says nothing; and of one that may have a gate."""
OPEN_PAUSES, OPEN_SECONDS = 3, 20
"""Seconds of pauses with a room in them, or of anything but digital silence, after which a microphone is open."""


class Hearing:
    """One side's microphone; it stays when the side is given another leg."""

    __slots__ = ("_gated", "_heard", "_pauses", "seconds")

    def __init__(self) -> None:
        self.seconds = 0
        """Of digital silence until now."""
        self._heard = self._pauses = 0
        self._gated = False
        """It was silent for long enough to be told off, and then was not."""

    def add(self, level: int | None, *, audio_on: bool) -> None:
        """Take the next second; `audio_on`: it should be heard."""
        if not audio_on or level is None:
            self.seconds = 0
        elif level >= DIGITAL:
            self.seconds += 1
        else:
            self._gated = self._gated or self.seconds >= SAID
            self.seconds = 0
            self._heard += 1
            self._pauses += level >= ROOM

    def silent_s(self, said: float | None) -> float:
        """Seconds of a silence that means something, or 0; `said`: how loud it is where it is recorded."""
        if said:
            return 0.0
        is_open = self._pauses >= OPEN_PAUSES or self._heard >= OPEN_SECONDS or not self._heard
        least = NEVER_HEARD if said is None else SAID
        return float(self.seconds) if self.seconds >= (least if is_open and not self._gated else HEARD_BEFORE) else 0.0
