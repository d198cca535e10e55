"""Quality over many calls: percentiles by country, network, browser, agent and hour, and hour × weekday.

Pure and bounded: rows come one after another, each distribution is a fixed histogram, each grouping has at most so many
keys. A million rows take the memory of one.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, tzinfo

import msgspec

from callserver.quality.minutes import MinuteRow as Minute

MAX_KEYS = 40
"""Of one grouping; what comes later counts as `other`."""
OTHER = "other"
SCORE_STEP = 0.05
_SCORE_BINS = 81
_LOSS_EDGES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
_RTT_EDGES = (5, 10, 20, 30, 45, 60, 80, 100, 130, 160, 200, 250, 300, 400, 500, 700, 1000, 1500, 2500, 5000)


class Percentiles(msgspec.Struct, frozen=True):
    """p10: one in ten is worse (scores). None: nothing was measured."""

    p10: float | None
    p50: float | None
    p90: float | None


class Group(msgspec.Struct, frozen=True):
    """All minutes with one value of one property."""

    key: str
    calls: int
    minutes: int
    audio: Percentiles
    video: Percentiles
    connection: Percentiles
    loss: Percentiles
    rtt_ms: Percentiles


class Cell(msgspec.Struct, frozen=True):
    """One hour of the week; weekday 0 is Monday."""

    weekday: int
    hour: int
    minutes: int
    connection: float


class Summary(msgspec.Struct, frozen=True):
    all: Group
    country: list[Group]
    network: list[Group]
    browser: list[Group]
    agent: list[Group]
    hour: list[Group]
    heat: list[Cell]


class Distribution:
    """A histogram that answers percentiles to the width of its bins."""

    __slots__ = ("_bins", "_edges", "count")

    def __init__(self, edges: tuple[float, ...] | None = None) -> None:
        """Without edges: scores 1 to 5 in steps of 0.05."""
        self._edges = edges
        self._bins = [0] * (_SCORE_BINS if edges is None else len(edges) + 1)
        self.count = 0

    def add(self, value: float | None) -> None:
        if value is None or value != value:
            return
        self.count += 1
        if self._edges is None:
            place = round((min(max(value, 1.0), 5.0) - 1.0) / SCORE_STEP)
        else:
            place = next((n for n, edge in enumerate(self._edges) if value <= edge), len(self._edges))
        self._bins[place] += 1

    def at(self, part: float) -> float | None:
        """The value that `part` of all are not above."""
        wanted, seen = part * self.count, 0
        for place, count in enumerate(self._bins):
            seen += count
            if count and seen >= wanted:
                return self._value(place)
        return None

    def _value(self, place: int) -> float:
        if self._edges is None:
            return round(1.0 + place * SCORE_STEP, 2)
        return self._edges[min(place, len(self._edges) - 1)]

    def percentiles(self) -> Percentiles:
        return Percentiles(self.at(0.1), self.at(0.5), self.at(0.9))


class _Tally:
    __slots__ = ("audio", "calls", "connection", "last_call", "loss", "minutes", "rtt", "video")

    def __init__(self) -> None:
        self.minutes = self.calls = 0
        self.last_call = ""
        self.audio, self.video, self.connection = Distribution(), Distribution(), Distribution()
        self.loss, self.rtt = Distribution(_LOSS_EDGES), Distribution(_RTT_EDGES)

    def add(self, row: Minute, new_call: bool) -> None:
        self.minutes += 1
        self.calls += new_call
        self.audio.add(row.audio)
        self.video.add(row.video)
        self.connection.add(row.connection)
        self.loss.add(row.loss)
        self.rtt.add(row.rtt_ms)

    def group(self, key: str) -> Group:
        return Group(
            key,
            self.calls,
            self.minutes,
            self.audio.percentiles(),
            self.video.percentiles(),
            self.connection.percentiles(),
            self.loss.percentiles(),
            self.rtt.percentiles(),
        )


class Aggregate:
    """Takes minutes, gives the summary. `zone` is the operator's, for hours and weekdays."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._all = _Tally()
        self._groups: dict[str, dict[str, _Tally]] = {
            name: {} for name in ("country", "network", "browser", "agent", "hour")
        }
        self._calls: set[tuple[str, str, str]] = set()
        self._heat: dict[tuple[int, int], tuple[int, float]] = {}
        self._hour = (-1, 0, 0)

    def add(self, row: Minute) -> None:
        """One row; in any order."""
        weekday, hour = self.local(row.at)
        self._all.add(row, self._is_new("", "", row.call_id))
        keys = {
            "country": row.country,
            "network": row.network,
            "browser": browser_family(row.browser),
            "agent": row.agent_id,
            "hour": f"{hour:02d}",
        }
        for name, key in keys.items():
            tallies = self._groups[name]
            if key not in tallies and len(tallies) >= MAX_KEYS:
                key = OTHER
            tally = tallies.get(key)
            if tally is None:
                tally = tallies[key] = _Tally()
            tally.add(row, self._is_new(name, key, row.call_id))
        if row.connection is not None:
            minutes, total = self._heat.get((weekday, hour), (0, 0.0))
            self._heat[weekday, hour] = (minutes + 1, total + row.connection)

    def summary(self) -> Summary:
        """Groups with the most minutes first; hours in their order."""
        listed = {
            name: sorted(
                (tally.group(key) for key, tally in tallies.items()),
                key=(lambda group: group.key) if name == "hour" else (lambda group: -group.minutes),
            )
            for name, tallies in self._groups.items()
        }
        heat = [
            Cell(weekday, hour, minutes, round(total / minutes, 2))
            for (weekday, hour), (minutes, total) in sorted(self._heat.items())
        ]
        return Summary(self._all.group(""), heat=heat, **listed)

    def _is_new(self, name: str, key: str, call_id: str) -> bool:
        """Whether the call was not yet counted in this group."""
        mark = (name, key, call_id)
        if mark in self._calls:
            return False
        if len(self._calls) < MAX_MARKS:
            self._calls.add(mark)
        return True

    def local(self, at: float) -> tuple[int, int]:
        """Weekday and hour where the operator is."""
        start = int(at // 900)  # zones shift by quarters of an hour: within one, the answer is the same
        if self._hour[0] != start:
            moment = datetime.fromtimestamp(at, self._zone)
            self._hour = (start, moment.weekday(), moment.hour)
        return self._hour[1], self._hour[2]


MAX_MARKS = 400_000
"""(group, call) pairs remembered for counting calls; beyond that calls may be counted twice."""


def browser_family(browser: str) -> str:
    """`Chrome 126` -> `Chrome`: versions would scatter the numbers."""
    name, _, version = browser.rpartition(" ")
    return name if name and version.replace(".", "").isdigit() else browser


def summarise(rows: Iterable[Minute], zone: tzinfo, keep: Callable[[Minute], bool] = lambda row: True) -> Summary:
    """The summary of those rows that `keep` wants."""
    aggregate = Aggregate(zone)
    for row in rows:
        if keep(row):
            aggregate.add(row)
    return aggregate.summary()
