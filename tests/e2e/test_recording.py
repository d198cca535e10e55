"""A call is recorded, played back, exported, deleted; a verification becomes evidence that a stranger can check."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.people import Agent, Customer, People
from tests.e2e.product import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

VIDEOS = "() => [...document.querySelectorAll('.player video')].map((one) => ({%s}))"
FACTS = "duration: one.duration, width: one.videoWidth, error: one.error?.message ?? ''"
PLAYED = (
    "time: one.currentTime, frames: one.getVideoPlaybackQuality().totalVideoFrames, "
    "sound: one.webkitAudioDecodedByteCount, seconds: one.currentTime"
)


async def videos(agent: Agent, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await agent.page.evaluate(VIDEOS % what)
    return found


async def open_call(agent: Agent, name: str) -> None:
    """The page of the newest call."""
    await agent.page.goto("/console#/calls")
    await agent.page.locator(".row", has_text=name).first.click()
    await agent.shows(agent.page.locator(".detail-body"), "the call's page")


async def plays(agent: Agent) -> None:
    """Both sides are there, picture and sound of both are decoded, and they stay together."""

    async def loaded() -> bool:
        found = await videos(agent, FACTS)
        assert [one["error"] for one in found if one["error"]] == []
        return len(found) == 2 and all(one["width"] > 0 for one in found)

    await until(loaded, "both sides are loaded")
    await agent.page.get_by_role("button", name="Play").click()

    async def runs() -> bool:
        found = await videos(agent, PLAYED)
        return all(one["time"] > 1 and one["frames"] > 5 and one["sound"] > 500 for one in found)

    await until(runs, "both sides play")
    first, second = await videos(agent, PLAYED)
    assert abs(first["seconds"] - second["seconds"]) < 0.3


async def test_a_call_is_recorded_and_played_back(customer: Customer, agent: Agent, product: Product) -> None:
    await customer.call("Rita Recorded")
    await agent.answer()
    await customer.sees()
    await agent.key("R").click()
    await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that the call is recorded")
    await agent.page.wait_for_timeout(3000)

    await agent.key("R").click()
    await customer.shows(await customer.find(".kept-notice[data-state=paused]"), "that the recording is paused")
    await agent.key("R").click()
    await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that it goes on")
    await agent.key("P").click()  # a still of the stream at once, then one of the customer's camera
    await agent.sees_photos(1)
    await agent.page.wait_for_timeout(2000)
    await customer.hang_up()
    await agent.ended()

    await open_call(agent, "Rita Recorded")
    await plays(agent)
    (recording,) = await recordings(agent)
    assert 4 < recording["seconds"] < 30
    durations = [one["duration"] for one in await videos(agent, FACTS)]
    assert all(recording["seconds"] - 1 < duration < recording["seconds"] + 8 for duration in durations), durations
    await agent.shows(agent.page.locator(".stills img"), "the snapshot")

    await agent.page.get_by_role("button", name="Export as MP4").click()
    download = agent.page.get_by_role("link", name="Download MP4")
    await agent.shows(download, "the finished film", 60)
    response = await agent.context.request.get(str(await download.get_attribute("href")))
    assert (await response.body())[4:8] == b"ftyp"

    files = list((product.data_dir / "recordings" / recording["recording_id"]).iterdir())
    assert sorted(path.suffix for path in files) == [".key", ".rec"]
    assert b"webm" not in b"".join(path.read_bytes()[:4096] for path in files), "not readable without its key"
    await agent.page.get_by_role("button", name="Delete", exact=True).click()
    await agent.page.get_by_role("button", name="Delete for good").click()
    await agent.shows(agent.page.get_by_text("This recording was deleted on"), "that it is gone")
    assert not (product.data_dir / "recordings" / recording["recording_id"]).exists()
    assert agent.complaints + customer.complaints == []


async def recordings(agent: Agent) -> list[dict[str, Any]]:
    call_id = agent.page.url.rsplit("/", 1)[1]
    answer = await agent.context.request.get(f"/api/v1/calls/{call_id}/recordings")
    found: list[dict[str, Any]] = (await answer.json())["recordings"]
    return found


async def test_a_verification_becomes_evidence(people: People, product: Product, tmp_path: Path) -> None:
    agent = await people.agent()
    customer = await people.customer()
    await customer.call("Vera Verified")
    await agent.answer()
    await customer.sees()
    await agent.page.get_by_role("button", name="Verify").click()
    code = str(await until((await customer.find(".kept-code")).text_content, "the customer has a code"))
    await agent.shows(agent.page.get_by_text(code, exact=True), "the code that the customer sees")
    await agent.page.get_by_role("button", name="Ask for it").nth(1).click()
    await customer.shows((await customer.find(".kept-prompt")).get_by_text("from the front"), "what to show")
    await agent.page.get_by_role("button", name="Take it now").nth(1).click()
    await customer.shows((await customer.find(".kept-count")).get_by_text("1 picture"), "that it was taken")
    await agent.page.wait_for_timeout(2000)
    await agent.hang_up()
    await agent.ended()

    await open_call(agent, "Vera Verified")
    await agent.page.get_by_role("button", name="Make the evidence archive").click()
    download = agent.page.get_by_role("link", name="Download the archive")
    await agent.shows(download, "the finished archive", 30)
    archive, key = tmp_path / "evidence.zip", tmp_path / "key.pem"
    archive.write_bytes(await (await agent.context.request.get(str(await download.get_attribute("href")))).body())
    key.write_text((await product.get("/api/v1/evidence/key"))[1])
    said = await product.command("verify", str(archive), "--key", str(key))
    assert code in said
