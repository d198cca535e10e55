"""Engines: one writing connection, a few reading ones, and migrations run at start.

SQLite is set up for a process that may be killed at any moment: WAL, so that readers never wait for the writer, and
`synchronous=NORMAL`: a committed change survives `kill -9` of any process because it is in the operating system's
hands by then; only a power cut can lose the last moments (never corrupt the file). FULL would pay one fsync a change
in front of every ringing and answer, to save the records of calls that the same power cut ends anyway.
"""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from signaling.records import StorageFullError

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process's transaction (`callserver user add` beside the server)."""

WAL_ATTEMPTS, WAL_PAUSE = 50, 0.02

_FULL = frozenset(("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "53100"))

_MIGRATIONS = Path(__file__).parent / "migrations"


def sqlite_url(data_dir: Path) -> str:
    """The default database of a data directory."""
    return f"sqlite+aiosqlite:///{data_dir / 'callserver.db'}"


class Database:
    """Connections to one database. `write()` is one transaction at a time, `read()` a consistent snapshot."""

    def __init__(self, url: str) -> None:
        sqlite = sa.make_url(url).get_backend_name() == "sqlite"
        self._writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
        self._reader = create_async_engine(url, pool_size=2, max_overflow=2, pool_timeout=60)
        if sqlite:
            _prepare_sqlite(self._writer, "BEGIN IMMEDIATE")
            _prepare_sqlite(self._reader, "BEGIN")

    async def migrate(self) -> None:
        """Bring the schema up to date, in one transaction; a second process that tries waits and finds it done."""
        async with self._writer.begin() as connection:
            await connection.run_sync(_upgrade)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that holds the write lock from its beginning; rolled back if the body raises. Raise
        StorageFullError if there is no room."""
        try:
            async with self._writer.begin() as connection:
                yield connection
        except DBAPIError as error:
            if _is_full(error.orig):
                raise StorageFullError("the disk of the store is full") from error
            raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction for reading; never waits for a writer."""
        async with self._reader.begin() as connection:
            yield connection

    async def close(self) -> None:
        await self._reader.dispose()
        await self._writer.dispose()


def _is_full(error: BaseException | None) -> bool:
    """SQLite says so of a database file, and "I/O error" of its journal and index; PostgreSQL has a code (53100)."""
    name = getattr(error, "sqlite_errorname", "") or getattr(error, "sqlstate", "")
    return name in _FULL


def _prepare_sqlite(engine: AsyncEngine, begin: str) -> None:
    """Take transactions into our own hands: the driver would begin late, and with a read lock that cannot grow."""

    def on_connect(connection: sa.engine.interfaces.DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _choose_wal(cursor)
        for pragma in (
            "synchronous=NORMAL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    sa.event.listen(engine.sync_engine, "connect", on_connect)
    sa.event.listen(engine.sync_engine, "begin", on_begin)


def _choose_wal(cursor: sa.engine.interfaces.DBAPICursor) -> None:
    """Turn a new file to WAL; SQLite answers "locked" at once if another process does so in the same moment."""
    for attempt in range(WAL_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if attempt == WAL_ATTEMPTS - 1:
                raise
            time.sleep(WAL_PAUSE)  # at start only, before anything is served
        else:
            return


def _upgrade(connection: sa.Connection) -> None:
    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    command.upgrade(configuration, "head")
