from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(sqlite_url(tmp_path))
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
def records(database: Database) -> SqlRecords:
    return SqlRecords(database, clock=lambda: 1000.0)
