"""Databases for tests that are not about migrations: migrated once in a process, then copied."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from callserver.store.database import Database, sqlite_url

Fill = Callable[[Database], Awaitable[None]]


async def nothing(database: Database) -> None:
    """Leave a new database empty."""


_made: dict[Fill, bytes] = {}


async def migrated(directory: Path, fill: Fill = nothing) -> Database:
    """The default database of a directory with what `fill` (a function of a module) writes into it."""
    database, path = Database(sqlite_url(directory)), directory / "callserver.db"
    if path.exists():
        await database.migrate()
        await fill(database)
    elif fill in _made:
        path.write_bytes(_made[fill])
    else:
        await database.migrate()
        await fill(database)
        await database.close()  # now all of it is in one file; a connection is made anew when it is needed
        assert not path.with_name(f"{path.name}-wal").exists()
        _made[fill] = path.read_bytes()
    return database
