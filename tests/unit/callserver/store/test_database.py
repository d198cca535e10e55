import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import OperationalError

from callserver.store import tables
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords


async def test_migrations_make_exactly_the_tables_the_code_uses(database: Database) -> None:
    def differences(connection: sa.Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), tables.metadata))

    async with database.write() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrating_twice_and_by_two_at_once_is_harmless(tmp_path: Path) -> None:
    databases = [Database(sqlite_url(tmp_path)) for _ in range(2)]
    await asyncio.gather(*(database.migrate() for database in databases))
    await databases[0].migrate()
    for database in databases:
        await database.close()


async def test_sqlite_is_set_up_as_said(database: Database) -> None:
    async with database.write() as connection:
        wanted = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 5000}
        for name, value in wanted.items():
            assert await connection.scalar(sa.text(f"PRAGMA {name}")) == value


async def test_readers_do_not_wait_for_the_writer(database: Database) -> None:
    async with database.write() as writer:
        await writer.execute(sa.insert(tables.heartbeats), [{"name": "x", "at": 1.0}])
        async with database.read() as reader:
            assert await reader.scalar(sa.select(sa.func.count()).select_from(tables.heartbeats)) == 0


async def test_a_database_that_cannot_be_written_says_so(database: Database) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(OperationalError):
        await SqlRecords(database).check_writable()


_WRITER = """
import asyncio, sys
from pathlib import Path
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords
from signaling.records import CallEvent, CallState, Change

async def main():
    database = Database(sqlite_url(Path(sys.argv[1])))
    await database.migrate()
    records = SqlRecords(database)
    for number in range(1, 1_000_000):
        state = CallState("c1", "shop", "waiting", "video", "en", 1.0, last_event=number)
        await records.write(Change([state], [CallEvent("c1", number, 1.0, "queued")]))
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_written_survives_kill_9_of_the_writer(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WRITER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    for _ in range(20):
        said = int(await writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    rest = (await writer.stdout.read()).split()
    await writer.wait()
    said = int(rest[-1]) if rest else said
    database = Database(sqlite_url(tmp_path))
    found = await SqlRecords(database).get_call("c1")
    await database.close()
    assert found is not None
    state, events, _ = found
    assert state.last_event >= said
    assert [event.sequence for event in events] == list(range(1, state.last_event + 1)), "whole changes only"
