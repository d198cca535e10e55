"""Seconds, minutes and verdicts on SQL: written in bulk, bounded in age. Samples are MessagePack, because nobody asks
the database about single numbers of them."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from callserver.quality.minutes import MinuteRow
from callserver.quality.pages import StoredPage
from callserver.store import quality_tables as tables
from callserver.store.database import Database
from media.api import LegSecond
from media.quality.verdict import Verdict

MAX_ROWS = 80_000
"""Of samples read for one call: 5 s each, two sides, more than two days."""
MAX_MINUTES = 1_000_000
PURGED_AT_ONCE = 5_000
"""Rows deleted in one transaction, so that no writer waits long."""


class SampleData(msgspec.Struct, frozen=True, array_like=True):
    """What one row holds."""

    seconds: list[LegSecond]
    pages: list[StoredPage] = []


class SampleRow(NamedTuple):
    """One leg's stretch of time, `at` its end."""

    call_id: str
    leg_id: str
    role: str
    at: float
    browser: str
    network: str
    transport: str
    data: SampleData


class VerdictRow(NamedTuple):
    call_id: str
    verdict: Verdict


class Batch(NamedTuple):
    """What is written together."""

    samples: Sequence[SampleRow] = ()
    minutes: Sequence[MinuteRow] = ()
    verdicts: Sequence[VerdictRow] = ()

    def __bool__(self) -> bool:
        return bool(self.samples or self.minutes or self.verdicts)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(SampleData)


class QualityStore:
    """One database's tables of quality."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, batch: Batch) -> None:
        """All of it in one transaction; rows that are there already are left alone."""
        async with self._database.write() as connection:
            for table, rows in (
                (tables.quality_samples, [_sample(row) for row in batch.samples]),
                (tables.quality_minutes, [row._asdict() for row in batch.minutes]),
                (tables.quality_verdicts, [_verdict(row) for row in batch.verdicts]),
            ):
                if rows:
                    await connection.execute(_insert(connection, table).on_conflict_do_nothing(), rows)

    async def samples(self, call_id: str) -> list[SampleRow]:
        """A call's samples in order of time."""
        table = tables.quality_samples
        query = sa.select(table).where(table.c.call_id == call_id).order_by(table.c.at).limit(MAX_ROWS)
        async with self._database.read() as connection:
            found = (await connection.execute(query)).all()
        return await asyncio.to_thread(_samples, found)

    async def minutes_of(self, call_id: str) -> list[MinuteRow]:
        """A call's minutes in order of time."""
        table = tables.quality_minutes
        query = sa.select(table).where(table.c.call_id == call_id).order_by(table.c.at).limit(MAX_ROWS)
        async with self._database.read() as connection:
            return [MinuteRow(**row._mapping) for row in await connection.execute(query)]

    async def verdicts_of(self, call_id: str) -> list[Verdict]:
        """A call's verdicts in order of time."""
        table = tables.quality_verdicts
        query = sa.select(table.c.data).where(table.c.call_id == call_id).order_by(table.c.at).limit(MAX_ROWS)
        async with self._database.read() as connection:
            texts = (await connection.scalars(query)).all()
        return [msgspec.json.decode(text, type=Verdict) for text in texts]

    async def minutes(self, since: float, until: float, sites: Sequence[str] = ()) -> Iterator[MinuteRow]:
        """Minutes of all calls between two times, at most a million, of these sites (none: all)."""
        table = tables.quality_minutes
        query = sa.select(table).where(table.c.at >= since, table.c.at < until).order_by(table.c.at)
        if sites:
            query = query.where(table.c.site_id.in_(sites))
        async with self._database.read() as connection:
            found = (await connection.execute(query.limit(MAX_MINUTES))).all()
        return (MinuteRow(*row) for row in found)

    async def purge(self, samples_before: float, rest_before: float) -> int:
        """Delete some of what is older than that; returns how many rows went, to be called again while it is many."""
        gone = 0
        for table, before in (
            (tables.quality_samples, samples_before),
            (tables.quality_minutes, rest_before),
            (tables.quality_verdicts, rest_before),
        ):
            keys = list(table.primary_key)
            old = sa.select(*keys).where(table.c.at < before).limit(PURGED_AT_ONCE)
            async with self._database.write() as connection:
                found = await connection.execute(sa.delete(table).where(sa.tuple_(*keys).in_(old)))
                gone += found.rowcount
        return gone


def _insert(connection: AsyncConnection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _samples(rows: Sequence[Any]) -> list[SampleRow]:
    return [
        SampleRow(
            row.call_id,
            row.leg_id,
            row.role,
            row.at,
            row.browser,
            row.network,
            row.transport,
            _decoder.decode(row.data),
        )
        for row in rows
    ]


def _sample(row: SampleRow) -> dict[str, Any]:
    return row._asdict() | {"seconds": len(row.data.seconds), "data": _encoder.encode(row.data)}


def _verdict(row: VerdictRow) -> dict[str, Any]:
    verdict = row.verdict
    return {
        "call_id": row.call_id,
        "at": verdict.begin,
        "side": verdict.side,
        "direction": verdict.direction,
        "kind": verdict.kind,
        "severity": verdict.severity,
        "data": msgspec.json.encode(verdict).decode(),
    }
