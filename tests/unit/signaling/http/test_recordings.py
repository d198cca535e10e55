"""Recordings, stills and evidence over HTTP: who may, ranges, uploads on request; the files are real."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from callserver.recordings.library import RecordingLibrary
from callserver.recordings.vault import RecordingFiles, Vault
from callserver.store.recordings import RecordingRows
from callserver.store.records import SqlRecords
from signaling.http.photo_studio import PhotoStudio
from signaling.policy import CallPolicy
from tests.fakes.store import migrated
from tests.fakes.website import API_KEY, OTHER_KEY, STRANGER, Website, website
from tests.unit.callserver.recordings.conftest import Shelf
from tests.unit.signaling.http.test_photos import bearer, in_call, picture

KEY = {"Authorization": f"Bearer {API_KEY}"}


@pytest.fixture
async def shelf(tmp_path: Path, web_root: Path) -> AsyncIterator[tuple[Website, Shelf]]:
    """A website whose library has one recorded call, on the website's own database."""
    database = await migrated(tmp_path)
    records, rows, studio = SqlRecords(database), RecordingRows(database), PhotoStudio()
    vault = Vault(RecordingFiles(tmp_path / "recordings", tmp_path / "keys"), records, studio)
    library = RecordingLibrary(vault, rows, records, tmp_path / "made", signer=tmp_path / "evidence.key")
    shelf = Shelf(tmp_path, records, rows, vault, library, library._jobs)
    async with website(tmp_path, web_root, library=library) as site:
        await shelf.call("call")
        await shelf.recorded("call", "r1", pictures=False)
        yield site, shelf
    await library.close()
    studio.close()
    await database.close()


async def fetch(site: Website, headers: dict[str, str], method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    url = f"{site.url}/api/v1/recordings/r1/media?side=customer"
    async with site.http.request(method, url, headers={"Origin": site.url} | headers) as response:
        return response.status, dict(response.headers), await response.read()


async def test_a_player_seeks_by_ranges(shelf: tuple[Website, Shelf]) -> None:
    site, _ = shelf
    anna = await site.log_in()
    status, headers, whole = await fetch(site, anna)
    assert (status, headers["Accept-Ranges"], len(whole)) == (200, "bytes", int(headers["Content-Length"]))
    assert headers["Content-Type"].startswith(("audio/webm", "video/webm"))
    status, headers, part = await fetch(site, anna | {"Range": "bytes=100-299"})
    assert (status, headers["Content-Range"], part) == (206, f"bytes 100-299/{len(whole)}", whole[100:300])
    assert (await fetch(site, anna | {"Range": "bytes=-50"}))[2] == whole[-50:]
    status, headers, _ = await fetch(site, anna | {"Range": f"bytes={len(whole)}-"})
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    assert (await fetch(site, anna | {"Range": "bytes=0-9", "If-Range": '"another"'}))[0] == 200
    status, headers, nothing = await fetch(site, anna, "HEAD")
    assert (status, headers["Content-Length"], nothing) == (200, str(len(whole)), b"")


async def test_only_the_calls_own_site_may(shelf: tuple[Website, Shelf]) -> None:
    site, _ = shelf
    ben, other = await site.log_in("ben"), {"Authorization": f"Bearer {OTHER_KEY}"}
    paths = [
        "calls/call/recordings",
        "calls/call/stills",
        "calls/call/evidence",
        "recordings/r1",
        "recordings/r1/export",
    ]
    for path in [*paths, "recordings/r1/media", "recordings/r1/export/file", "calls/call/evidence/file"]:
        for who in (ben, other):
            assert (await site.ask("GET", f"/api/v1/{path}", headers=STRANGER | who))[0] == 404, path
    for method, path in (
        ("DELETE", "recordings/r1"),
        ("POST", "recordings/r1/export"),
        ("POST", "calls/call/evidence"),
    ):
        assert (await site.ask(method, f"/api/v1/{path}", headers=STRANGER | ben))[0] == 404, path
    for path in paths:
        assert (await site.ask("GET", f"/api/v1/{path}", headers=STRANGER | KEY))[0] == 200, path


async def test_list_detail_and_deletion(shelf: tuple[Website, Shelf]) -> None:
    site, shelf_ = shelf
    anna = await site.log_in()
    _, listed = await site.ask("GET", "/api/v1/calls/call/recordings", headers=anna)
    assert [one["state"] for one in listed["recordings"]] == ["ended"]
    _, detail = await site.ask("GET", "/api/v1/recordings/r1", headers=anna)
    assert sorted(detail["contents"]["sides"]) == ["agent", "customer"]
    assert "key" not in str(detail).lower()
    assert (await site.ask("DELETE", "/api/v1/recordings/r1", headers=anna))[0] == 204
    _, detail = await site.ask("GET", "/api/v1/recordings/r1", headers=anna)
    assert (detail["recording"]["deleted_by"], detail["contents"]) == ("a1", None)
    assert (await fetch(site, anna))[0] == 410
    (row,) = await shelf_.rows.of_call("call")
    await shelf_.rows.save(msgspec.structs.replace(row, state="on"))
    assert (await site.ask("DELETE", "/api/v1/recordings/r1", headers=anna))[0] == 409


async def test_the_page_uploads_only_the_still_it_was_asked_for(site: Website) -> None:
    customer, agent, call_id = await in_call(site)
    path = f"/api/v1/calls/{call_id}/stills/s1"
    assert (await site.ask("POST", path, headers=bearer(customer), data=picture()))[0] == 404
    site.engine.model.picture = None
    await agent.send(type="call.media", call_id=call_id, audio=True, video=True)
    legs = site.engine.model.calls[call_id].legs
    for leg_id in list(legs):
        site.engine.model.accept_answer(call_id, leg_id, 0, "answer")
    site.engine._news.set()
    await customer.until("leg.state")
    await agent.send(type="still.take", call_id=call_id, id="s1", shot="label")
    assert (await customer.until("still.wanted"))["id"] == "s1"
    assert (await agent.until("still.failed"))["id"] == "s1"
    large = picture("PNG", (3000, 2000))
    assert (await site.ask("POST", path, headers=bearer(customer, "image/gif"), data=large))[0] == 415
    assert (await site.ask("POST", path, headers=bearer(customer), data=b"<svg/>"))[0] == 422
    assert (await site.ask("POST", path, headers=bearer(agent), data=large))[0] == 404
    assert (await site.ask("POST", path, headers=bearer(customer, "image/png"), data=large))[0] == 204
    item = (await agent.until("chat.added"))["item"]
    assert (item["width"], item["height"], item["kind"], item["shot"]) == (3000, 2000, "snapshot", "label")
    _, content = await site.ask("GET", item["photo"], headers=bearer(agent))
    assert Image.open(io.BytesIO(content)).size == (3000, 2000), "kept at full resolution"
    assert (await site.ask("POST", path, headers=bearer(customer), data=large))[0] == 409


async def test_a_call_keeps_its_sites_policy(site: Website) -> None:
    shop = await site.shared.records.site("shop")
    assert shop is not None
    await site.shared.records.save_site(msgspec.structs.replace(shop, policy=CallPolicy("agent", consent="ask")))
    customer, agent, call_id = await in_call(site)
    await agent.send(type="recording.set", call_id=call_id, state="on")

    async def state() -> Any:
        return (await customer.until("call.updated"))["call"].get("recording", {}).get("state")

    while await state() != "asking":
        pass
    _, detail = await site.ask("GET", f"/api/v1/calls/{call_id}", headers=await site.log_in())
    assert "recording_asked" in [event["name"] for event in detail["events"]]
