from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callserver.quality.store import QualityStore
from tests.fakes.store import migrated


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[QualityStore]:
    database = await migrated(tmp_path)
    yield QualityStore(database)
    await database.close()
