from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callserver.quality.store import QualityStore
from callserver.store.database import Database, sqlite_url


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[QualityStore]:
    database = Database(sqlite_url(tmp_path))
    await database.migrate()
    yield QualityStore(database)
    await database.close()
