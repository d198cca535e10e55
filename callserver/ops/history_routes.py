"""GET /api/v1/ops/history: filters from the query, rows from the store, the answer made in a thread."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from callserver.ops.history_answer import HistoryAnswer, HistoryFilter, Problem, answer
from callserver.quality.minutes import MinuteRow
from callserver.store import quality_tables as tables
from callserver.store.database import Database
from signaling.http.context import Exchange, Role, Route, refuse

MAX_ROWS = 100_000
"""Minutes read at once: 800 hours of calls."""
MAX_PROBLEMS = 50_000
AT_ONCE = 2_000
MAX_SPAN = 400 * 86_400.0
MAX_TEXT = 100
DAY = 86_400.0

_QUERY = (
    ("since", "beginning, seconds UTC; default a week before `until`"),
    ("until", "end, seconds UTC; default now"),
    ("zone", "IANA time zone for hours and weekdays, default UTC"),
    ("side", "only calls with a verdict about customer, agent or server"),
    ("kind", "only calls with a verdict of this kind"),
    ("score", "only calls with a minute whose connection was below this"),
    ("agent", "id"),
    ("country", "ISO 3166 code"),
    ("network", "e.g. wifi"),
    ("browser", "without its version; this and `network`: minutes of the side that has it, and the calls of those"),
    ("hour", "0 to 23: only minutes that begin in this hour of the zone"),
)


class HistorySource(Protocol):
    """Where rows come from."""

    async def minutes(self, since: float, until: float) -> Sequence[MinuteRow]:
        """The newest MAX_ROWS minutes that begin between the two times."""

    async def problems(self, since: float, until: float) -> Sequence[Problem]:
        """The newest MAX_PROBLEMS verdicts."""


class SqlHistory:
    """The tables that `callserver.quality.store` fills."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def minutes(self, since: float, until: float) -> Sequence[MinuteRow]:
        table = tables.quality_minutes
        columns = [table.c[name] for name in MinuteRow._fields]
        query = sa.select(*columns).where(table.c.at >= since, table.c.at < until).order_by(table.c.at.desc())
        return [MinuteRow(*row) async for row in self._rows(query.limit(MAX_ROWS))]

    async def problems(self, since: float, until: float) -> Sequence[Problem]:
        table = tables.quality_verdicts
        query = (
            sa.select(table.c.call_id, table.c.side, table.c.direction, table.c.kind, table.c.severity)
            .where(table.c.at >= since, table.c.at < until)
            .order_by(table.c.at.desc())
        )
        return [Problem(*row) async for row in self._rows(query.limit(MAX_PROBLEMS))]

    async def _rows(self, query: sa.Select[Any]) -> AsyncIterator[Any]:
        """Some at a time: all together would hold everything else up for a tenth of a second."""
        async with self._database.read() as connection:
            found = await connection.stream(query.execution_options(yield_per=AT_ONCE))
            async for part in found.partitions(AT_ONCE):
                for row in part:
                    yield row


class _Agent(Protocol):
    @property
    def agent_id(self) -> str: ...
    @property
    def name(self) -> str: ...


class History(NamedTuple):
    source: HistorySource
    agents: Callable[[], Awaitable[Sequence[_Agent]]]
    wall_clock: Callable[[], float]


def routes(history: History) -> list[Route]:
    """The history's endpoint."""
    busy = asyncio.Semaphore(1)  # one after another: each takes a thread and memory for a second

    async def show(exchange: Exchange) -> HistoryAnswer:
        query = exchange.request.query
        wanted = _filter(dict(query), history.wall_clock())
        zone = _zone(query.get("zone", ""))
        async with busy:
            rows = await history.source.minutes(wanted.since, wanted.until)
            problems = await history.source.problems(wanted.since - DAY, wanted.until)
            names = {agent.agent_id: agent.name for agent in await history.agents()}
            truncated = len(rows) >= MAX_ROWS
            return await asyncio.to_thread(answer, rows, problems, wanted, zone, names, truncated)

    allowed = frozenset({Role.OPERATOR})
    summary = "Quality over many calls"
    return [Route("GET", "/api/v1/ops/history", show, allowed, summary, response=HistoryAnswer, query=_QUERY)]


def _filter(query: dict[str, str], now: float) -> HistoryFilter:
    until = _number(query, "until")
    until = now if until is None else until
    since = _number(query, "since")
    since = until - 7 * DAY if since is None else since
    if not 0 <= until - since <= MAX_SPAN:
        refuse(400, "bad_request", "since must be before until, by at most 400 days")
    texts = {
        name: query.get(name, "")[:MAX_TEXT] for name in ("side", "kind", "agent", "country", "network", "browser")
    }
    hour = _number(query, "hour")
    if hour is not None and hour not in range(24):
        refuse(400, "bad_request", "hour: expected a whole number from 0 to 23")
    return HistoryFilter(since, until, score=_number(query, "score"), hour=None if hour is None else int(hour), **texts)


def _number(query: dict[str, str], name: str) -> float | None:
    text = query.get(name, "")
    try:
        value = float(text) if text else None
    except ValueError:
        refuse(400, "bad_request", f"{name}: expected a number")
    if value is not None and not math.isfinite(value):
        refuse(400, "bad_request", f"{name}: expected a number")
    return value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name[:64] or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        refuse(400, "bad_request", "zone: expected an IANA name such as Europe/Madrid")
