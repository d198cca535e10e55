"""One minute of what one role heard and saw: means for history, percentiles and the heat map."""

from typing import NamedTuple

from media.api import LegSecond
from media.quality.scores import Score, raw_loss

MINUTE = 60.0


class MinuteRow(NamedTuple):
    """As stored. Scores 1 to 5, `loss` the worse direction of the leg before repair."""

    call_id: str
    at: float
    """Its beginning."""
    role: str
    audio: float | None
    video: float | None
    connection: float | None
    loss: float | None
    rtt_ms: float | None
    browser: str
    network: str
    country: str
    agent_id: str
    site_id: str


class _Mean:
    __slots__ = ("count", "total")

    def __init__(self) -> None:
        self.total, self.count = 0.0, 0

    def add(self, value: float | None) -> None:
        if value is not None:
            self.total += value
            self.count += 1

    @property
    def value(self) -> float | None:
        return round(self.total / self.count, 3) if self.count else None


class Means(NamedTuple):
    """Scores of a stretch of time."""

    audio: float | None
    video: float | None
    connection: float | None
    loss: float | None
    rtt_ms: float | None


class MinuteOfRole:
    """The minute of one role that runs now."""

    def __init__(self, at: float) -> None:
        self.at = at
        self._means = tuple(_Mean() for _ in Means._fields)

    def add(self, score: Score, second: LegSecond) -> None:
        """Take one second."""
        loss = max(raw_loss(second.up_lost, second.up_packets), raw_loss(second.down_lost, second.down_packets))
        for mean, value in zip(self._means, (*score, loss, second.rtt_ms), strict=True):
            mean.add(value)

    def means(self) -> Means:
        """What it was like so far."""
        return Means(*(mean.value for mean in self._means))
