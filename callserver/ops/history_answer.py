"""From stored minutes and verdicts to what the history page shows. Pure: rows in, one answer out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import NamedTuple

import msgspec

from callserver.ops.history import Aggregate, Summary, browser_family
from callserver.quality.minutes import MinuteRow

MAX_CALLS = 2_000
"""Listed; the summary counts all of them."""


class HistoryFilter(msgspec.Struct, frozen=True):
    """Empty texts and None: everything."""

    since: float
    until: float
    side: str = ""
    kind: str = ""
    score: float | None = None
    """Only calls with a minute whose connection was below this."""
    agent: str = ""
    country: str = ""
    network: str = ""
    browser: str = ""
    hour: int | None = None
    """Only minutes that begin in this hour of the operator's day."""


class Problem(NamedTuple):
    """A stored verdict, as far as lists show it."""

    call_id: str
    side: str
    direction: str
    kind: str
    severity: str


class ProblemInfo(msgspec.Struct, frozen=True):
    side: str
    direction: str
    kind: str
    severity: str


class HistoryCall(msgspec.Struct, frozen=True):
    """One call of the list. Scores are means over both sides; country, network and browser are the customer's."""

    call_id: str
    at: float
    minutes: int
    agent_id: str
    country: str
    network: str
    browser: str
    audio: float | None
    video: float | None
    connection: float | None
    worst: float | None
    verdicts: list[ProblemInfo]


class HistoryAnswer(msgspec.Struct, frozen=True):
    """The answer of GET /api/v1/ops/history."""

    summary: Summary
    calls: list[HistoryCall]
    """Newest first, at most 2,000."""
    agents: dict[str, str]
    """Names by id."""
    known: dict[str, list[str]]
    """Values there are to filter by, in the time asked for."""
    truncated: bool
    """There were more minutes than are read at once; the newest were."""


class _Call:
    __slots__ = ("at", "country", "first", "network", "rows", "sums", "worst")

    def __init__(self, row: MinuteRow) -> None:
        self.first = row
        self.at = row.at
        self.rows = 0
        self.sums = {"audio": [0.0, 0], "video": [0.0, 0], "connection": [0.0, 0]}
        self.worst: float | None = None

    def add(self, row: MinuteRow) -> None:
        self.rows += 1
        self.at = min(self.at, row.at)
        if row.role == "customer" and self.first.role != "customer":
            self.first = row
        for name, pair in self.sums.items():
            value = getattr(row, name)
            if value is not None:
                pair[0] += value
                pair[1] += 1
        if row.connection is not None and (self.worst is None or row.connection < self.worst):
            self.worst = row.connection

    def mean(self, name: str) -> float | None:
        total, count = self.sums[name]
        return round(total / count, 2) if count else None


def answer(
    rows: Sequence[MinuteRow],
    problems: Iterable[Problem],
    wanted: HistoryFilter,
    zone: tzinfo,
    agents: Mapping[str, str],
    truncated: bool,
) -> HistoryAnswer:
    """Everything about the rows that the filter lets through."""
    calls: dict[str, _Call] = {}
    for row in rows:
        call = calls.get(row.call_id)
        if call is None:
            call = calls[row.call_id] = _Call(row)
        call.add(row)
    by_call: dict[str, list[Problem]] = {}
    for problem in problems:
        by_call.setdefault(problem.call_id, []).append(problem)
    kept = {call_id for call_id, call in calls.items() if _keeps(call, by_call.get(call_id, ()), wanted)}
    matching: set[str] = set()
    aggregate = Aggregate(zone)
    for row in rows:
        if row.call_id not in kept or not _matches(row, wanted):
            continue
        if wanted.hour is None or aggregate.local(row.at)[1] == wanted.hour:
            aggregate.add(row)
            matching.add(row.call_id)
    listed = sorted(((calls[call_id].at, call_id) for call_id in matching), reverse=True)[:MAX_CALLS]
    return HistoryAnswer(
        summary=aggregate.summary(),
        calls=[_listed(calls[call_id], by_call.get(call_id, [])) for _, call_id in listed],
        agents={agent_id: agents[agent_id] for agent_id in {c.first.agent_id for c in calls.values()} & agents.keys()},
        known=_known(rows),
        truncated=truncated,
    )


def _keeps(call: _Call, problems: Sequence[Problem], wanted: HistoryFilter) -> bool:
    if wanted.score is not None and (call.worst is None or call.worst >= wanted.score):
        return False
    if not wanted.side and not wanted.kind:
        return True
    return any(wanted.side in ("", problem.side) and wanted.kind in ("", problem.kind) for problem in problems)


def _matches(row: MinuteRow, wanted: HistoryFilter) -> bool:
    return (
        wanted.agent in ("", row.agent_id)
        and wanted.country in ("", row.country)
        and wanted.network in ("", row.network)
        and wanted.browser in ("", browser_family(row.browser))
    )


def _listed(call: _Call, problems: list[Problem]) -> HistoryCall:
    told: dict[tuple[str, str, str], ProblemInfo] = {}
    for problem in problems:
        key = (problem.side, problem.direction, problem.kind)
        if key not in told or problem.severity == "poor":
            told[key] = ProblemInfo(problem.side, problem.direction, problem.kind, problem.severity)
    first = call.first
    return HistoryCall(
        call_id=first.call_id,
        at=call.at,
        minutes=max(1, call.rows // 2),
        agent_id=first.agent_id,
        country=first.country,
        network=first.network,
        browser=first.browser,
        audio=call.mean("audio"),
        video=call.mean("video"),
        connection=call.mean("connection"),
        worst=call.worst,
        verdicts=list(told.values())[:8],
    )


def _known(rows: Iterable[MinuteRow]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {"agent": set(), "country": set(), "network": set(), "browser": set()}
    for row in rows:
        found["agent"].add(row.agent_id)
        found["country"].add(row.country)
        found["network"].add(row.network)
        found["browser"].add(browser_family(row.browser))
    return {name: sorted(values - {""})[:300] for name, values in found.items()}
