"""How long to wait for packets: a quantile of their measured delays, older ones slowly forgotten.

After NetEQ's delay manager (libwebrtc modules/audio_coding/neteq: delay_manager, relative_arrival_delay_tracker,
histogram): a packet's delay is relative to the fastest one of the last seconds, so neither clocks nor the path's own
delay need be known. Each new delay weighs 1 - FORGETTING of all.
"""

from collections import deque

BUCKET = 0.010
MAX_DELAY = 2.0
FORGETTING = 0.983
"""NetEQ's: half of what is known is forgotten in 40 packets."""
QUANTILE = 0.97
WINDOW = 2.0
"""Seconds whose fastest packet is the yardstick; a clock drift of 100 ppm moves it by 0.2 ms."""

_BUCKETS = round(MAX_DELAY / BUCKET)
_RESCALE_AT = 1e12


class DelayHistogram:
    """The distribution of one stream's relative delays."""

    __slots__ = ("_forgetting", "_quantile", "_total", "_weight", "_weights")

    def __init__(self, quantile: float = QUANTILE, forgetting: float = FORGETTING) -> None:
        self._quantile = quantile
        self._forgetting = forgetting
        self._weights = [0.0] * _BUCKETS
        self._total = 0.0
        self._weight = 1.0
        """Of the next delay. It grows instead of all others shrinking: one addition a packet."""

    def add(self, delay: float) -> None:
        """Take one packet's relative delay in seconds."""
        bucket = min(max(int(delay / BUCKET), 0), _BUCKETS - 1)
        self._weights[bucket] += self._weight
        self._total += self._weight
        self._weight /= self._forgetting
        if self._weight > _RESCALE_AT:
            self._weights = [weight / self._weight for weight in self._weights]
            self._total /= self._weight
            self._weight = 1.0

    def quantile(self) -> float:
        """The delay in seconds that the wanted share of packets keeps to (their bucket's upper edge); 0 before any."""
        if not self._total:
            return 0.0
        beyond = (1.0 - self._quantile) * self._total
        for bucket in range(_BUCKETS - 1, -1, -1):
            beyond -= self._weights[bucket]
            if beyond < 0:
                return (bucket + 1) * BUCKET
        return BUCKET


class RelativeDelay:
    """A packet's delay beyond the fastest packet of the last seconds."""

    __slots__ = ("_fastest",)

    def __init__(self) -> None:
        self._fastest: deque[tuple[float, float]] = deque()
        """(arrival, transit), both ascending: the head is the window's minimum."""

    def measure(self, media_time: float, arrival: float) -> float:
        """Seconds later than the fastest; `media_time` is the packet's timestamp in seconds of its own clock."""
        transit = arrival - media_time
        fastest = self._fastest
        while fastest and fastest[-1][1] >= transit:
            fastest.pop()
        fastest.append((arrival, transit))
        while fastest[0][0] < arrival - WINDOW:
            fastest.popleft()
        return transit - fastest[0][1]

    def reset(self) -> None:
        """Another source's clock."""
        self._fastest.clear()
