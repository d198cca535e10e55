"""How long a page should hold what it plays, so that repair on the way to it comes in time.

A browser's own jitter buffer learns of repair by freezing (retransmissions do not count as jitter), and voice is never
held for it at all. We know both ways: what is lost on each, and how long asking again takes there.
"""

NOTICEABLE = 0.01
MANY = 0.08
"""From here on a retransmission is lost often enough that a second one must come in time."""
MARGIN = 0.04
"""A picture's worth and a little: a loss is noticed by what comes after it."""
MOST, SURE_SECONDS = 0.4, 3.0
"""On the way from the one who speaks, whose browser sends one copy at most, a third has to, if that loss lasts."""
ASKING = 0.02
"""Pages look every 20 ms whether it is time to ask (libwebrtc, nack_requester.cc)."""
MAX_HOLD = 0.35
"""People notice more in talking (ITU-T G.114: up to 0.4 s one way with what the network takes). A try that would come
later than this is not waited for: over a satellite copies and parity must do alone."""
LONGEST_HOLD = 0.5
"""For a third try: late is better than not understood."""
KEEP_SECONDS = 15.0
STEP = 0.03


def repair_seconds(loss: float, round_trip: float, *, third: bool = False) -> float:
    """What repair on one way takes, by the fraction lost there and its round trip (seconds); `third`: one try more."""
    if loss < NOTICEABLE:
        return 0.0
    tries = 1 if loss < MANY else 2 + third
    while tries and tries * (round_trip + ASKING) > (MAX_HOLD if tries < 3 else LONGEST_HOLD):
        tries -= 1
    return tries * (round_trip + ASKING) + MARGIN


class Playout:
    """One page's hold: longer at once, shorter when it was not needed for a while."""

    def __init__(self) -> None:
        self.told = 0.0
        """Seconds; 0: as the page likes."""
        self._needed_at = 0.0
        self._less_at: float | None = None
        """When less than most was lost on the far way, or it was first looked at."""

    def take(self, own: tuple[float, float], far: tuple[float, float], now: float) -> bool:
        """Take (loss, round trip) of the page's own downlink and of the uplink of whom it listens to; True if it should
        be told anew."""
        if far[0] < MOST or self._less_at is None:
            self._less_at = now
        need = min(repair_seconds(*own) + repair_seconds(*far), MAX_HOLD)
        if now - self._less_at >= SURE_SECONDS:
            need = max(need, min(repair_seconds(*far, third=True), LONGEST_HOLD))
        if need >= self.told - STEP:
            self._needed_at = now
            if need <= self.told + STEP:
                return False
        elif now - self._needed_at < KEEP_SECONDS:
            return False
        self.told = need
        self._needed_at = now
        return True
