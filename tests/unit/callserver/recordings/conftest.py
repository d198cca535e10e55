"""A library over a real store and real files, and calls that were recorded into it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from callserver.bench.recorded_call import Numbering, Page
from callserver.recordings.jobs import Jobs
from callserver.recordings.library import RecordingLibrary
from callserver.recordings.vault import RecordingFiles, Vault
from callserver.store.recordings import RecordingRows
from callserver.store.records import SqlRecords
from signaling.http.photo_studio import PhotoStudio
from signaling.policy import DAY
from signaling.records import CallState, Change, Recording
from tests.fakes.store import migrated
from tests.sim.recorded import Replayed, record

WALL = 1_800_000_000.0
SECONDS = 3.0


@cache
def replayed(leg_id: str, seed: int, pictures: bool) -> Replayed:
    return Replayed(Page(leg_id, pictures=Numbering() if pictures else None, seed=seed, ends=SECONDS))


@dataclass
class Shelf:
    """The library, its parts, and a clock."""

    folder: Path
    records: SqlRecords
    rows: RecordingRows
    vault: Vault
    library: RecordingLibrary
    jobs: Jobs
    now: list[float] = field(default_factory=lambda: [WALL])

    async def call(self, call_id: str, site_id: str = "shop", **changes: object) -> CallState:
        """A call that is over."""
        state = CallState(call_id, site_id, "ended", "video", "en", WALL)
        for name, value in changes.items():
            setattr(state, name, value)
        await self.records.write(Change(calls=[state]))
        return state

    async def recorded(
        self, call_id: str, recording_id: str, *, pictures: bool = True, state: str = "ended"
    ) -> Recording:
        """Both sides of a call, in an encrypted file."""
        path, key = self.vault.files.prepare(recording_id)
        pages = [replayed(leg, seed, pictures) for seed, leg in enumerate("ca")]
        summary = record(path, *pages, recording_id=recording_id, call_id=call_id, data_key=key)
        row = Recording(
            recording_id,
            call_id,
            "shop",
            "ended",
            created_at=WALL,
            started_at=WALL,
            ended_at=WALL + SECONDS,
            due_at=WALL + DAY,
            seconds=summary.seconds,
            size_bytes=path.stat().st_size,
            parts=1,
        )
        await self.rows.save(row)
        return row


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with AsyncExitStack() as stack:
        database = await migrated(tmp_path)
        stack.push_async_callback(database.close)
        records, rows, jobs, now = SqlRecords(database), RecordingRows(database), Jobs(), [WALL]
        studio = PhotoStudio()
        stack.callback(studio.close)
        files = RecordingFiles(tmp_path / "recordings", tmp_path / "recording.keys")
        vault = Vault(files, records, studio)
        library = RecordingLibrary(
            vault,
            rows,
            records,
            tmp_path / "made",
            signer=tmp_path / "evidence.key",
            jobs=jobs,
            clock=lambda: now[0],
        )
        stack.push_async_callback(library.close)
        yield Shelf(tmp_path, records, rows, vault, library, jobs, now)
