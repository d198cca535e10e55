"""signaling.http.library.Library: rows from the store, files from the vault, work from the jobs."""

import asyncio
import contextlib
import math
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog
from msgspec import structs

from callserver.recordings import evidence
from callserver.recordings.jobs import Jobs
from callserver.recordings.orders import ExportOrder, Film, Order
from callserver.recordings.playback import OpenViews, as_library_error
from callserver.recordings.vault import Stamp, Vault
from callserver.store.recordings import RecordingRows
from media.recording.errors import RecordingError
from media.recording.evidence import load_or_create_signer
from media.recording.reader import Check, RecordingInfo
from media.recording.retention import Held, Policy as SpacePolicy, due as oldest_beyond
from signaling.http.library import (
    CheckedFiles,
    Contents,
    Job,
    JobKind,
    LibraryError,
    Playback,
    RecordedEvent,
    TrackNote,
)
from signaling.records import Recording, Records, Still

CHECK_EVERY = 3600.0
"""Seconds between two looks at what is due: a day's end must not wait for another day."""
MADE_SECONDS = 86_400.0
"""Exports and evidence are not encrypted: what was made lies for a day, then it has to be made again."""
MAX_CHECKED = 200
"""Recordings found whole that are not read again for each who looks, as long as nobody writes to them."""
MAX_FAULTS = 20
SUFFIX: dict[JobKind, str] = {"export": ".mp4", "evidence": ".zip"}

log = structlog.get_logger("recordings")


class RecordingLibrary:
    """One a control process; `run` does jobs and retention."""

    def __init__(
        self,
        vault: Vault,
        rows: RecordingRows,
        records: Records,
        made: Path,
        *,
        signer: Path,
        most_bytes: int = 0,
        clean_voice: bool = False,
        jobs: Jobs | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`made`: where exports and evidence lie; `signer`: the key that signs evidence, made when it is needed;
        `most_bytes`: of all recordings together, 0: no bound; `clean_voice`: in exports."""
        self.signer = signer
        self._most_bytes, self._clean_voice = most_bytes, clean_voice
        self._vault, self._rows, self._records, self._made, self._clock = vault, rows, records, made, clock
        self._jobs = jobs or Jobs()
        self._views = OpenViews(vault)
        self._checking = asyncio.Lock()
        self._found_whole: dict[str, tuple[Stamp, int]] = {}
        """Recordings whose every byte was read, as their files were then, and their chunks."""

    async def run(self) -> None:
        """Jobs and retention until cancelled; what is wrong with the master keys is told at once."""
        if fault := await self._vault.run(partial(self._vault.files.fault)):
            log.error("recordings cannot be opened or made", fault=fault)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._jobs.run(), name="recordings: jobs")
            tasks.create_task(self._keep_house(), name="recordings: retention")

    async def close(self) -> None:
        await self._views.close()
        self._vault.close()

    async def recordings(self, call_id: str) -> Sequence[Recording]:
        return [await self._counted(row) for row in await self._rows.of_call(call_id)]

    async def recording(self, recording_id: str) -> Recording | None:
        return await self._rows.recording(recording_id)

    async def stills(self, call_id: str) -> Sequence[Still]:
        return await self._rows.stills(call_id)

    async def contents(self, recording_id: str) -> Contents:
        def look() -> RecordingInfo:
            reader = self._vault.files.open(recording_id)
            reader.close()
            return reader.info

        try:
            return _contents(await self._vault.run(partial(look)))
        except (RecordingError, OSError) as error:
            raise as_library_error(error) from error

    async def check(self, recording_id: str) -> CheckedFiles:
        def read() -> tuple[Stamp, Check | None]:
            stamp = self._vault.files.stamp(recording_id)
            if self._found_whole.get(recording_id, ((), 0))[0] == stamp:
                return stamp, None
            with self._vault.files.open(recording_id) as reader:
                return stamp, reader.check()

        row = await self._readable(recording_id)
        async with self._checking:  # a whole film each: one at a time leaves the other thread to players
            try:
                stamp, found = await self._vault.run(partial(read))
            except (RecordingError, OSError) as error:
                raise as_library_error(error) from error
            if found is None:
                return CheckedFiles(self._found_whole[recording_id][1], [])
            if row.state in ("ended", "failed") and not found.damaged:
                self._found_whole[recording_id] = stamp, found.chunks
                while len(self._found_whole) > MAX_CHECKED:
                    del self._found_whole[next(iter(self._found_whole))]
            return CheckedFiles(found.chunks, list(found.damaged[:MAX_FAULTS]))

    async def play(self, recording_id: str, side: str) -> Playback:
        row = await self._readable(recording_id)
        return await self._views.get(recording_id, side, keep=row.state in ("ended", "failed"))

    async def delete(self, recording_id: str, by: str) -> None:
        row = await self._rows.recording(recording_id)
        if row is None or row.state == "deleted":
            return
        await self._views.forget(recording_id)
        await self._unmake(row)
        try:
            await self._vault.run(partial(self._vault.files.delete, recording_id))
        except (RecordingError, OSError) as error:
            log.exception("a recording could not be deleted", call_id=row.call_id, recording=recording_id)
            raise LibraryError(503, "unavailable", "the recording could not be deleted; see the log") from error
        await self._rows.save(structs.replace(row, state="deleted", deleted_at=self._clock(), deleted_by=by))
        await self._unmake(row)  # begun while the key was being destroyed
        log.info("recording deleted", call_id=row.call_id, recording=recording_id, by=by)

    async def _unmake(self, row: Recording) -> None:
        """Remove what holds the recording without encryption: its film, the evidence of its call."""
        await self.cancel("export", row.recording_id)
        await self.cancel("evidence", row.call_id)

    # --- jobs ----------------------------------------------------------------------------------------------------

    def job(self, kind: JobKind, subject: str) -> Job | None:
        known = self._jobs.look(f"{kind} {subject}")
        path = self._path(kind, subject)
        if known is None and path.is_file():
            return Job("done", 1.0, path.stat().st_size)
        if known is not None and known.state == "done" and not path.is_file():  # its day is over
            return None
        return known

    async def start(self, kind: JobKind, subject: str) -> Job:
        path = self._path(kind, subject)
        if kind == "export":
            row = await self._readable(subject)
            if row.state not in ("ended", "failed"):
                raise LibraryError(409, "wrong_state", "the recording is still running")
            return self._jobs.start(f"{kind} {subject}", partial(self._export_order, subject), path)
        found = await self._records.get_call(subject)
        if found is None or found[0].phase != "ended" or found[0].verification is None:
            raise LibraryError(409, "wrong_state", "evidence is made of a verification whose call is over")
        return self._jobs.start(f"{kind} {subject}", partial(self._evidence_order, subject), path)

    async def cancel(self, kind: JobKind, subject: str) -> None:
        self._jobs.cancel(f"{kind} {subject}", self._path(kind, subject))

    def file(self, kind: JobKind, subject: str) -> Path:
        path = self._path(kind, subject)
        if not path.is_file():
            raise LibraryError(404, "not_found", "it was not made, or is not ready")
        return path

    async def _export_order(self, recording_id: str) -> Order:
        files = self._vault.files
        try:
            key = await self._vault.run(partial(files.key, recording_id))
        except (RecordingError, OSError) as error:
            raise as_library_error(error) from error
        film, out = Film(str(files.path(recording_id)), key), str(self._path("export", recording_id))
        return ExportOrder(film, out, self._clean_voice)

    async def _evidence_order(self, call_id: str) -> Order:
        return await evidence.build_order(
            self._records,
            self._vault,
            call_id,
            recordings=await self._rows.of_call(call_id),
            stills=await self._rows.stills(call_id),
            signer=self.signer,
            out=self._path("evidence", call_id),
            now=self._clock(),
        )

    async def evidence_key(self) -> bytes:
        try:
            signer = await self._vault.run(partial(load_or_create_signer, self.signer, secrets.token_bytes))
        except (RecordingError, OSError) as error:
            raise as_library_error(error) from error
        return signer.public_pem

    def _path(self, kind: JobKind, subject: str) -> Path:
        return self._made / f"{kind}-{subject}{SUFFIX[kind]}"

    async def _readable(self, recording_id: str) -> Recording:
        row = await self._rows.recording(recording_id)
        if row is None:
            raise LibraryError(404, "not_found", "no such recording")
        if row.state == "deleted":
            raise LibraryError(410, "gone", "this recording was deleted")
        return row

    # --- retention -----------------------------------------------------------------------------------------------

    async def _keep_house(self) -> None:
        while True:
            try:
                await self.tidy()
            except Exception:
                log.exception("retention failed; it is tried again")
            await asyncio.sleep(CHECK_EVERY)

    async def tidy(self) -> int:
        """Close what a crash left open, delete what is due; how many recordings were deleted."""
        await self._vault.run(partial(_clear, self._made, self._clock() - MADE_SECONDS))
        for row in await self._rows.orphans():
            await self._close(row)
        due = [row.recording_id for row in await self._rows.due(self._clock())]
        if self._most_bytes:
            kept = [await self._counted(row) for row in await self._rows.kept()]
            over = [Held(row.recording_id, row.ended_at, row.size_bytes) for row in kept]
            due += [one.recording_id for one in oldest_beyond(over, SpacePolicy(math.inf, self._most_bytes), 0.0)]
        for recording_id in dict.fromkeys(due):
            await self.delete(recording_id, "retention")
        return len(due)

    async def _counted(self, row: Recording) -> Recording:
        """A recording that outlived a media worker was counted from there on; what its files hold is the truth."""
        if row.parts < 2 or row.state not in ("ended", "failed"):
            return row
        try:
            seconds, size = await self._vault.run(partial(self._vault.files.measure, row.recording_id))
        except (RecordingError, OSError):
            return row
        return structs.replace(row, seconds=round(seconds, 3), size_bytes=size)

    async def _close(self, row: Recording) -> None:
        seconds, size = row.seconds, row.size_bytes
        try:
            seconds, size = await self._vault.run(partial(self._vault.files.close_cut_off, row.recording_id))
        except (RecordingError, OSError) as error:
            log.warning("a recording was cut off", call_id=row.call_id, recording=row.recording_id, error=str(error))
        ended = row.ended_at or self._clock()
        await self._rows.save(structs.replace(row, state="ended", ended_at=ended, seconds=seconds, size_bytes=size))


def _clear(made: Path, before: float) -> None:
    """Remove what was made before that time, and what killed jobs left."""
    for path in made.glob("*"):
        with contextlib.suppress(OSError):  # a job renames its file
            if path.stat().st_mtime >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def _contents(info: RecordingInfo) -> Contents:
    return Contents(
        began_at=info.wall_time,
        duration=info.seconds,
        recorded=info.recorded_seconds,
        parts=info.parts,
        complete=info.complete,
        problem=info.problem or "",
        sides=list(info.sides),
        tracks=[
            TrackNote(track.side, "video" if track.kind == "video" else "audio", track.codec) for track in info.tracks
        ],
        events=[RecordedEvent(event.time_ms / 1000, event.kind, event.text) for event in info.events],
    )
