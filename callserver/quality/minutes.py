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


class Means(NamedTuple):
    """Scores of a stretch of time."""

    audio: float | None
    video: float | None
    connection: float | None
    loss: float | None
    rtt_ms: float | None


class MinuteOfRole:
    """The minute of one role that runs now."""

    __slots__ = ("_connection", "_loss", "_pictures", "_seconds", "_trips", "_trips_ms", "_video", "_voice", "at")

    def __init__(self, at: float) -> None:
        self.at = at
        self._voice: list[VoicePath] = []
        self._seconds = self._pictures = self._trips = 0
        self._connection = self._loss = self._video = self._trips_ms = 0.0

    def add(self, path: VoicePath | None, video: float | None, connection: float, second: LegSecond) -> None:
        """Take one second."""
        if path is not None and len(self._voice) < MAX_SECONDS:
            self._voice.append(path)
        self._seconds += 1
        self._connection += connection
        if second.up_lost or second.down_lost:
            up, down = raw_loss(second.up_lost, second.up_packets), raw_loss(second.down_lost, second.down_packets)
            self._loss += max(up, down)
        if video is not None:
            self._pictures += 1
            self._video += video
        if second.rtt_ms is not None:
            self._trips += 1
            self._trips_ms += second.rtt_ms

    def means(self) -> Means:
        """What it was like so far; the voice by the E-model over the whole minute."""
        path = mean_path(self._voice)
        return Means(
            voice_score(path) if path is not None else None,
            _mean(self._video, self._pictures),
            _mean(self._connection, self._seconds),
            _mean(self._loss, self._seconds),
            _mean(self._trips_ms, self._trips),
        )


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 3) if count else None
