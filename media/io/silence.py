"""Whether a leg that was heard all the time has just fallen silent: the first sign that its path is gone.

Looked at ten times a second, not on the packet path. What is unusual is learned from the leg itself: fifty packets
a second from one that talks, one in 0.4 s from one that is silent with Opus DTX, a stall now and then on a train.
"""

LEAST = 0.35
"""Silence this short is never unusual: Wi-Fi and mobile networks stall that long."""
MOST = 2.0
"""Silence this long is what everybody is told of (media.io.held.SILENCE)."""
UNUSUAL = 2.5
"""Times the longest silence of late."""
KEPT_PER_SECOND = 0.93
"""Of the longest silence of late, this share is left a second later."""
LOOK_EVERY = 0.1
"""Seconds between two looks."""
LATE_LOOK = 0.25
"""A look that comes so much after the one before was held up itself: what arrived is still unread."""


class Silence:
    """One leg's. Times are monotonic seconds."""

    __slots__ = ("_heard_at", "_looked_at", "_told", "_usual")

    def __init__(self) -> None:
        self._usual = 0.0
        self._heard_at = 0.0
        self._looked_at = 0.0
        self._told = False

    def look(self, heard_at: float, now: float) -> bool:
        """Take when the leg was last heard; True once when its silence has become unusual."""
        elapsed, self._looked_at = now - self._looked_at, now
        if elapsed > LATE_LOOK:
            self._heard_at = heard_at
            return False
        if heard_at != self._heard_at:
            stalled = min(heard_at - self._heard_at, MOST) - LOOK_EVERY if self._heard_at else 0.0
            self._usual = max(self._usual * KEPT_PER_SECOND**elapsed, stalled)
            self._heard_at = heard_at
            self._told = False
        if self._told or not self.unusual(heard_at, now):
            return False
        self._told = True
        return now - heard_at < MOST

    def unusual(self, heard_at: float, now: float) -> bool:
        """Whether the leg should have been heard by now."""
        return heard_at > 0.0 and now - heard_at > min(max(LEAST, UNUSUAL * self._usual), MOST)

    def begin(self) -> None:
        """The leg has another path now; how often it stalls there is not known."""
        self._usual = 0.0
