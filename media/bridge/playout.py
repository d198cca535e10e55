"""How long a page should hold what it plays, so that repair on the way to it comes in time.

A browser's own jitter buffer learns of repair by freezing (retransmissions do not count as jitter), and voice is never
held for it at all. We know both ways: what is lost on each, and how long asking again takes there.
"""

NOTICEABLE = 0.01
MANY = 0.08
"""From here on a retransmission is lost often enough that a second one must come in time."""
MARGIN = 0.04
"""A picture's worth and a little: a loss is noticed by what comes after it."""
ASKING = 0.02
"""Pages look every 20 ms whether it is time to ask (libwebrtc, nack_requester.cc)."""
MAX_HOLD = 0.35
"""People notice more in talking (ITU-T G.114: up to 0.4 s one way with what the network takes). A try that would come
later than this is not waited for: over a satellite copies and parity must do alone."""
KEEP_SECONDS = 15.0
STEP = 0.03


def repair_seconds(loss: float, round_trip: float) -> float:
    """What repair on one way takes, by the fraction lost there and its round trip (seconds)."""
    if loss < NOTICEABLE:
        return 0.0
    tries = 1 if loss < MANY else 2
    while tries and tries * (round_trip + ASKING) > MAX_HOLD:
        tries -= 1
    return tries * (round_trip + ASKING) + MARGIN


class Playout:
    """One page's hold: longer at once, shorter when it was not needed for a while."""

    def __init__(self) -> None:
        self.told = 0.0
        """Seconds; 0: as the page likes."""
        self._needed_at = 0.0

    def take(self, ways: list[tuple[float, float]], now: float) -> bool:
        """Take (loss, round trip) of each way to the page; True if it should be told anew."""
        need = min(sum(repair_seconds(loss, round_trip) for loss, round_trip in ways), MAX_HOLD)
        if need >= self.told - STEP:
            self._needed_at = now
            if need <= self.told + STEP:
                return False
        elif now - self._needed_at < KEEP_SECONDS:
            return False
        self.told = need
        self._needed_at = now
        return True
