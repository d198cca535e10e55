"""Rows of recordings and stills. The files and keys are the vault's (callserver/recordings)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from callserver.store import tables
from callserver.store.database import Database
from callserver.store.sql import all_of, from_text, to_text, upsert
from signaling.records import Change, Recording, Still

RUNNING = ("starting", "on", "paused")
OVER = ("ended", "failed")
MAX_DUE = 1_000


async def write_kept(connection: AsyncConnection, change: Change) -> None:
    """The part of a turn's change that is about recordings and stills; their calls are written before."""
    await upsert(connection, tables.recordings, [_recording_row(one) for one in change.recordings])
    await upsert(connection, tables.stills, [_still_row(one) for one in change.stills])


class RecordingRows:
    """One repository over one database. Every method is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_call(self, call_id: str) -> list[Recording]:
        """Oldest first, deleted ones, too."""
        rows = tables.recordings
        query = sa.select(rows.c.state).where(rows.c.call_id == call_id).order_by(rows.c.created_at)
        async with self._database.read() as connection:
            return all_of(await connection.scalars(query), Recording)

    async def recording(self, recording_id: str) -> Recording | None:
        rows = tables.recordings
        async with self._database.read() as connection:
            text = await connection.scalar(sa.select(rows.c.state).where(rows.c.recording_id == recording_id))
        return None if text is None else from_text(text, Recording)

    async def due(self, now: float) -> list[Recording]:
        """Recordings that retention must delete now (wall-clock seconds)."""
        rows = tables.recordings
        query = sa.select(rows.c.state).where(rows.c.status.in_(OVER), rows.c.due_at <= now).limit(MAX_DUE)
        async with self._database.read() as connection:
            return all_of(await connection.scalars(query), Recording)

    async def kept(self) -> list[Recording]:
        """Every recording that takes room and has ended."""
        rows = tables.recordings
        async with self._database.read() as connection:
            return all_of(await connection.scalars(sa.select(rows.c.state).where(rows.c.status.in_(OVER))), Recording)

    async def orphans(self) -> list[Recording]:
        """Recordings that never heard of their end: the control process was away when their call ended."""
        rows, calls = tables.recordings, tables.calls
        query = (
            sa.select(rows.c.state)
            .join(calls, calls.c.call_id == rows.c.call_id)
            .where(rows.c.status.in_(RUNNING), calls.c.phase == "ended")
        )
        async with self._database.read() as connection:
            return all_of(await connection.scalars(query), Recording)

    async def save(self, recording: Recording) -> None:
        async with self._database.write() as connection:
            await upsert(connection, tables.recordings, [_recording_row(recording)])

    async def stills(self, call_id: str) -> list[Still]:
        """Those of which there is a picture, in the order they were asked for."""
        rows = tables.stills
        query = sa.select(rows.c.state).where(rows.c.call_id == call_id, rows.c.photo_id != "")
        async with self._database.read() as connection:
            return all_of(await connection.scalars(query.order_by(rows.c.asked_at)), Still)


def _recording_row(recording: Recording) -> dict[str, Any]:
    columns = ("recording_id", "call_id", "site_id", "created_at", "due_at", "size_bytes")
    row = {name: getattr(recording, name) for name in columns}
    return row | {"status": recording.state, "state": to_text(recording)}


def _still_row(still: Still) -> dict[str, Any]:
    columns = ("call_id", "still_id", "photo_id", "asked_at")
    return {name: getattr(still, name) for name in columns} | {"state": to_text(still)}
