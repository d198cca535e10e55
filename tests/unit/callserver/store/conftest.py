from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callserver.store.database import Database
from callserver.store.records import SqlRecords
from tests.fakes.store import migrated


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await migrated(tmp_path)
    yield database
    await database.close()


@pytest.fixture
def records(database: Database) -> SqlRecords:
    return SqlRecords(database, clock=lambda: 1000.0)
