"""One minute of what one role heard and saw: means for history, percentiles and the heat map."""

from typing import NamedTuple

from media.api import LegSecond
from media.quality.scores import VoicePath, mean_path, raw_loss, voice_score

MINUTE = 60.0
MAX_SECONDS = 70


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

    def add(self, value: float) -> None:
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
        self._voice: list[VoicePath] = []
        self._means = tuple(_Mean() for _ in Means._fields[1:])

    def add(self, path: VoicePath | None, video: float | None, connection: float, second: LegSecond) -> None:
        """Take one second."""
        if path is not None and len(self._voice) < MAX_SECONDS:
            self._voice.append(path)
        pictures, connections, losses, trips = self._means
        if video is not None:
            pictures.add(video)
        connections.add(connection)
        losses.add(max(raw_loss(second.up_lost, second.up_packets), raw_loss(second.down_lost, second.down_packets)))
        if second.rtt_ms is not None:
            trips.add(second.rtt_ms)

    def means(self) -> Means:
        """What it was like so far; the voice by the E-model over the whole minute."""
        path = mean_path(self._voice)
        return Means(voice_score(path) if path is not None else None, *(mean.value for mean in self._means))
