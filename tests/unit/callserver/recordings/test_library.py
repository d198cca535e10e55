"""What the library plays, deletes and keeps; what it says where a key, a file or a row is missing."""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import av
import msgspec
import pytest

from callserver.recordings.jobs import Jobs
from callserver.recordings.library import RecordingLibrary
from callserver.recordings.orders import EvidenceOrder, ExportOrder
from media.recording.keys import KeyRing, key_path
from signaling.http.library import Job, LibraryError
from signaling.policy import DAY
from signaling.records import CallEvent, Change, Still, Verification
from signaling.vault import VaultError
from tests.unit.callserver.recordings.conftest import SECONDS, WALL, Shelf


async def whole(shelf: Shelf, recording_id: str, side: str) -> bytes:
    playback = await shelf.library.play(recording_id, side)
    pieces = [await playback.read(at, 50_000) for at in range(0, playback.size, 50_000)]
    return b"".join(pieces)


async def refused(work: object) -> tuple[int, str]:
    with pytest.raises(LibraryError) as refusal:
        await work  # type: ignore[misc]
    return refusal.value.status, refusal.value.code


async def test_each_side_plays_as_a_file_of_its_own(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    contents = await shelf.library.contents("r1")
    assert (sorted(contents.sides), contents.complete, contents.problem) == (["agent", "customer"], True, "")
    assert contents.duration == pytest.approx(SECONDS, abs=0.2)
    for side in contents.sides:
        with av.open(io.BytesIO(await whole(shelf, "r1", side)), "r") as container:
            assert sorted(stream.type for stream in container.streams) == ["audio", "video"]


async def test_many_recordings_can_be_played_though_only_a_few_stay_open(shelf: Shelf) -> None:
    await shelf.call("call")
    for number in range(6):
        await shelf.recorded("call", f"r{number}", pictures=False)
    sizes = {}
    for _ in range(2):
        for number in range(6):
            for side in ("customer", "agent"):
                sizes.setdefault((number, side), set()).add(len(await whole(shelf, f"r{number}", side)))
    assert all(len(found) == 1 for found in sizes.values())


async def test_deleting_begins_with_the_key_and_the_row_stays(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    playback = await shelf.library.play("r1", "customer")
    await shelf.library.delete("r1", "anna")
    assert not shelf.vault.files.path("r1").parent.exists()
    assert (await refused(playback.read(0, 10)))[0] == 410
    assert await refused(shelf.library.play("r1", "customer")) == (410, "gone")
    (row,) = await shelf.library.recordings("call")
    assert (row.state, row.deleted_at, row.deleted_by) == ("deleted", WALL, "anna")
    await shelf.library.delete("r1", "ben")
    (row,) = await shelf.library.recordings("call")
    assert row.deleted_by == "anna"


async def test_what_is_wrong_is_said_in_a_word(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    await shelf.recorded("call", "r2")
    path = shelf.vault.files.path("r1")
    content = path.read_bytes()
    path.write_bytes(b"nonsense" * 100)
    assert await refused(shelf.library.contents("r1")) == (422, "damaged")
    path.write_bytes(content)
    key_path(path).write_bytes(key_path(shelf.vault.files.path("r2")).read_bytes())
    assert (await refused(shelf.library.contents("r1")))[0] in (409, 422)
    key_path(path).unlink()
    assert await refused(shelf.library.contents("r1")) == (410, "no_key")
    assert await refused(shelf.library.play("r9", "customer")) == (404, "not_found")
    assert await refused(shelf.library.play("r2", "stranger")) == (404, "not_found")


async def test_changed_bytes_in_a_closed_recording_are_told(shelf: Shelf) -> None:
    """Its index is whole, so it opens and plays without what was changed: only reading all of it shows that."""
    await shelf.call("call")
    await shelf.recorded("call", "r1", pictures=False)
    whole = await shelf.library.check("r1")
    assert whole.chunks > 3
    assert whole.damaged == []
    assert await shelf.library.check("r1") == whole
    await shelf.recorded("call", "r2", pictures=False)
    assert (await shelf.library.check("r2")).damaged == []
    changed = bytearray(shelf.vault.files.path("r2").read_bytes())
    changed[len(changed) // 2] ^= 1
    shelf.vault.files.path("r2").write_bytes(changed)
    assert (await shelf.library.contents("r2")).problem == ""
    assert len((await shelf.library.check("r2")).damaged) == 1
    await shelf.library.delete("r2", "anna")
    assert await refused(shelf.library.check("r2")) == (410, "gone")


async def test_lost_master_keys_are_told_and_not_replaced(shelf: Shelf) -> None:
    await shelf.call("call")
    files = shelf.vault.files
    assert files.fault() is None
    await shelf.recorded("call", "r1")
    ring = shelf.folder / "recording.keys"
    good = ring.read_bytes()
    ring.unlink()
    assert await refused(shelf.library.contents("r1")) == (410, "no_key")
    with pytest.raises(VaultError, match=r"master keys of recordings are not there: .*; 1 recordings need them"):
        await shelf.vault.prepare("r2", False, {})
    assert not ring.exists()
    assert not files.path("r2").parent.exists()
    assert "from its backup" in str(files.fault())
    KeyRing({"1": bytes(32)}, "1").save(ring)
    assert await refused(shelf.library.contents("r1")) == (409, "wrong_key")
    assert "does not open" in str(files.fault())
    ring.write_bytes(b"nonsense")
    assert "is not a key file" in str(files.fault())
    ring.write_bytes(good)
    assert files.fault() is None


async def test_retention_deletes_what_is_due_and_nothing_else(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "due")
    await shelf.rows.save(msgspec.structs.replace(await shelf.recorded("call", "later"), due_at=WALL + 9 * DAY))
    await shelf.rows.save(msgspec.structs.replace(await shelf.recorded("call", "runs"), state="on"))
    await shelf.call("call", phase="active")
    assert await shelf.library.tidy() == 0
    shelf.now[0] += 2 * DAY
    assert await shelf.library.tidy() == 1
    states = {row.recording_id: row.state for row in await shelf.library.recordings("call")}
    assert states == {"due": "deleted", "later": "ended", "runs": "on"}


async def test_what_was_made_goes_with_its_recording_and_lies_for_a_day(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    made = shelf.folder / "made"
    (made / "evidence-other.stills").mkdir(parents=True)
    names = ("export-r1.mp4", "evidence-call.zip", "export-r2.mp4", ".export-r3.mp4.part", "evidence-other.stills/1")
    for name in names:
        (made / name).write_bytes(b"film")
    for path in (*made.iterdir(),):
        os.utime(path, (WALL, WALL))
    await shelf.library.delete("r1", "anna")
    left = {"export-r2.mp4", ".export-r3.mp4.part", "evidence-other.stills"}
    assert {path.name for path in made.iterdir()} == left
    await shelf.library.tidy()
    assert {path.name for path in made.iterdir()} == left
    assert shelf.library.job("export", "r2") is not None
    shelf.now[0] += DAY + 1
    await shelf.library.tidy()
    assert not list(made.iterdir())
    assert shelf.library.job("export", "r2") is None


async def test_beyond_the_bound_the_oldest_go(shelf: Shelf) -> None:
    await shelf.call("call")
    rows = [await shelf.recorded("call", f"r{number}", pictures=False) for number in range(3)]
    for number, row in enumerate(rows):
        await shelf.rows.save(msgspec.structs.replace(row, ended_at=WALL + number, due_at=WALL + 99 * DAY))
    newest = msgspec.structs.replace(rows[2], ended_at=WALL + 2, due_at=WALL + 99 * DAY, parts=2, size_bytes=1)
    await shelf.rows.save(newest)  # counted from its second part on: a media worker was lost
    most = sum(row.size_bytes for row in rows) - 1
    library = RecordingLibrary(
        shelf.vault,
        shelf.rows,
        shelf.records,
        shelf.folder / "made",
        signer=shelf.folder / "key",
        most_bytes=most,
        clock=lambda: WALL,
    )
    assert await library.tidy() == 1
    kept = await library.recordings("call")
    assert [row.state for row in kept] == ["deleted", "ended", "ended"]
    assert (kept[2].size_bytes, kept[2].seconds) == (rows[2].size_bytes, pytest.approx(rows[2].seconds, abs=0.1))


async def test_a_recording_that_missed_its_end_is_closed_at_the_next_start(shelf: Shelf) -> None:
    await shelf.call("call")
    row = await shelf.recorded("call", "r1")
    path = shelf.vault.files.path("r1")
    path.write_bytes(path.read_bytes()[:-200])  # the process was killed before it wrote the end
    await shelf.rows.save(msgspec.structs.replace(row, state="on", ended_at=None, seconds=0.0, size_bytes=0))
    assert not (await shelf.library.contents("r1")).complete
    await shelf.library.tidy()
    (row,) = await shelf.library.recordings("call")
    assert row.state == "ended"
    assert row.seconds == pytest.approx(SECONDS, abs=1.1)
    assert (await shelf.library.contents("r1")).complete


# --- jobs ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(jobs: Jobs) -> AsyncIterator[None]:
    task = asyncio.create_task(jobs.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def done(jobs: Jobs, look: Callable[[], Job | None]) -> Job:
    """The job when it has ended; jobs are other processes, so this waits for real."""
    return await seen(jobs, look, lambda job: job.state not in ("waiting", "running"))


async def seen(jobs: Jobs, look: Callable[[], Job | None], wanted: Callable[[Job], bool]) -> Job:
    """The job when it is as wanted."""
    async with asyncio.timeout(60):
        while (found := look()) is None or not wanted(found):
            await jobs.news()
        return found


async def test_an_export_is_a_film_with_both_sides(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    async with running(shelf.jobs):
        assert (await shelf.library.start("export", "r1")).state == "waiting"
        found = await done(shelf.jobs, lambda: shelf.library.job("export", "r1"))
    path = shelf.library.file("export", "r1")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert (found.state, found.size_bytes) == ("done", path.stat().st_size)
    with av.open(str(path), "r") as container:
        picture = container.streams.video[0]
        assert (picture.width, picture.height) == (1280, 480)
    await shelf.library.cancel("export", "r1")
    assert shelf.library.job("export", "r1") is None
    assert not path.exists()


async def test_an_export_is_cleaned_where_that_is_set(shelf: Shelf) -> None:
    await shelf.call("call")
    await shelf.recorded("call", "r1", pictures=False)
    library = RecordingLibrary(
        shelf.vault, shelf.rows, shelf.records, shelf.folder / "made", signer=shelf.folder / "key", clean_voice=True
    )
    order = await library._export_order("r1")
    assert isinstance(order, ExportOrder)
    assert order.clean_voice
    plain = await shelf.library._export_order("r1")
    assert isinstance(plain, ExportOrder)
    assert not plain.clean_voice


async def test_evidence_of_a_verification(shelf: Shelf) -> None:
    await shelf.call("plain")
    assert await refused(shelf.library.start("evidence", "plain")) == (409, "wrong_state")
    await shelf.call("call", verification=Verification("v1", "ACDEFH", WALL, WALL + 3))
    await shelf.recorded("call", "r1")
    events = [CallEvent("call", 1, WALL, "verification_started", {"code": "ACDEFH"})]
    await shelf.records.save_photo("p1", "call", b"\xff\xd8 a still", 640, 480)
    still = Still("s1", "call", "customer", WALL + 1, "label", "p1", 640, 480, WALL + 1, "camera")
    await shelf.records.write(Change(events=events, stills=[still]))
    async with running(shelf.jobs):
        await shelf.library.start("evidence", "call")
        found = await done(shelf.jobs, lambda: shelf.library.job("evidence", "call"))
    assert found.state == "done", found
    archive = shelf.library.file("evidence", "call")
    assert (archive.stat().st_mode & 0o777, archive.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in archive.parent.iterdir()] == [archive.name], "the stills are gone"
    assert b"PUBLIC KEY" in await shelf.library.evidence_key()
    await shelf.library.delete("r1", "anna")
    order = await shelf.library._evidence_order("call")
    assert isinstance(order, EvidenceOrder)
    assert order.films == []
    assert [item.text for item in order.items if "was deleted before this export, by anna" in item.text]


FAILS = 'import sys; sys.stdin.readline(); print(\'{"reason": "no space left"}\'); sys.exit(1)'


async def test_a_job_that_fails_says_why(shelf: Shelf) -> None:
    jobs, out = Jobs((sys.executable, "-c", FAILS)), shelf.folder / "out"
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    order = shelf.library._export_order
    async with running(jobs):
        jobs.start("one", lambda: order("r1"), out)
        assert await done(jobs, lambda: jobs.look("one")) == Job("failed", reason="no space left")
        jobs.start("two", lambda: order("unknown"), out)
        assert (await done(jobs, lambda: jobs.look("two"))).state == "failed"


async def test_a_job_is_cancelled_while_it_waits_and_while_it_runs(shelf: Shelf) -> None:
    waits = "import sys, time; sys.stdin.readline(); print('{\"progress\": 0.5}', flush=True); time.sleep(60)"
    jobs, out = Jobs((sys.executable, "-c", waits)), shelf.folder / "out"
    await shelf.call("call")
    await shelf.recorded("call", "r1")
    async with running(jobs):
        for name in ("runs", "waits"):
            jobs.start(name, lambda: shelf.library._export_order("r1"), out)
        await seen(jobs, lambda: jobs.look("runs"), lambda job: job.progress >= 0.5)
        unfinished = shelf.folder / ".out.part"
        unfinished.write_bytes(b"half a film")
        jobs.cancel("waits", out)
        jobs.cancel("runs", out)
        assert (await done(jobs, lambda: jobs.look("runs"))).state == "cancelled"
        assert (await done(jobs, lambda: jobs.look("waits"))).state == "cancelled"
        async with asyncio.timeout(30):
            while unfinished.exists():  # until the process is gone
                await jobs.news()


async def test_a_job_that_was_cancelled_may_be_wanted_again_at_once(shelf: Shelf) -> None:
    waits = "import sys, time; sys.stdin.readline(); print('{\"progress\": 0.5}', flush=True); time.sleep(60)"
    jobs, out = Jobs((sys.executable, "-c", waits)), shelf.folder / "out"
    await shelf.call("call")
    await shelf.recorded("call", "r1", pictures=False)
    states: list[str] = []

    def half(job: Job) -> bool:
        states.append(job.state)
        return job.progress >= 0.5

    async with running(jobs):
        jobs.start("film", lambda: shelf.library._export_order("r1"), out)
        await seen(jobs, lambda: jobs.look("film"), half)
        jobs.cancel("film", out)
        assert jobs.start("film", lambda: shelf.library._export_order("r1"), out).state == "waiting"
        await seen(jobs, lambda: jobs.look("film"), half)
    assert "failed" not in states, "that the first process was killed is nobody's failure"
