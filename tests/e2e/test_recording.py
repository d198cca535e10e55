"""A call is recorded, played back, exported, deleted; a verification becomes evidence that a stranger can check."""

import json
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import av
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from media.recording.evidence import Signer
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
    await agent.page.locator(".list-end").wait_for()  # the page before has rows as well
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


HALF_THE_CAMERA = """
  const set = RTCRtpSender.prototype.setParameters;
  RTCRtpSender.prototype.setParameters = function (parameters) {
    if (this.track?.kind === "video") for (const one of parameters.encodings) one.scaleResolutionDownBy = 2;
    return set.call(this, parameters);
  };"""
"""A page that sends its pictures at half of the camera's width, as on a narrow connection."""


async def test_a_call_is_recorded_and_played_back(people: People, agent: Agent, product: Product) -> None:
    customer = await people.customer(init=HALF_THE_CAMERA)
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
    width = (await agent.figures())["width"]
    await until(lambda: _as_wide(agent, 2 * width), "the still has all that the camera gives, not what is sent")
    await agent.page.get_by_role("button", name="Snapshot of your own picture").click()
    await agent.sees_photos(2)
    await customer.do("camera")
    await agent.shows(agent.page.get_by_text("Camera is off", exact=True), "that the customer's camera is off")
    await agent.page.keyboard.press("Alt+p")
    await agent.shows(agent.page.get_by_text("the customer’s camera is off"), "why there is no snapshot")
    await agent.page.wait_for_timeout(1000)
    await customer.hang_up()
    await agent.ended()

    await open_call(agent, "Rita Recorded")
    await plays(agent)
    (recording,) = await recordings(agent)
    assert 4 < recording["seconds"] < 30
    durations = [one["duration"] for one in await videos(agent, FACTS)]
    assert all(recording["seconds"] - 1 < duration < recording["seconds"] + 8 for duration in durations), durations
    await agent.shows(agent.page.locator(".stills img").first, "the snapshots")

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


async def _as_wide(agent: Agent, pixels: int) -> bool:
    picture = agent.page.locator(".chat-items img").first
    return bool(await picture.evaluate("(one) => one.naturalWidth") == pixels)


async def test_a_recording_outlives_its_worker(
    customer: Customer, agent: Agent, product: Product, tmp_path: Path
) -> None:
    """Muted, held, and its media worker killed with -9, then once more while it is paused: what was before, between and
    after is played and decoded; of the pause there is nothing."""
    await customer.call("Kira Killed")
    await agent.answer()
    await customer.sees()
    await agent.key("R").click()
    await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that the call is recorded")
    began = time.monotonic()
    for key, seconds in (("M", 1000), ("M", 500), ("O", 1000), ("O", 500)):  # muted, not, held, not
        await agent.key(key).click()
        await agent.page.wait_for_timeout(seconds)
    await customer.sees()
    killed = await kill_worker(customer, agent, product) - began
    await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that the call is recorded still")
    again = time.monotonic() - began
    await agent.page.wait_for_timeout(1500)
    await agent.key("R").click()
    await customer.shows(await customer.find(".kept-notice[data-state=paused]"), "that the recording is paused")
    paused = time.monotonic() - began
    await kill_worker(customer, agent, product)
    await customer.shows(await customer.find(".kept-notice[data-state=paused]"), "that it is paused still")
    await customer.hears()
    resumed = time.monotonic() - began
    await agent.key("R").click()
    await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that it goes on")
    await agent.page.wait_for_timeout(2000)
    ended = time.monotonic() - began
    await customer.hang_up()
    await agent.ended()

    await open_call(agent, "Kira Killed")
    await plays(agent)
    (recording,) = await recordings(agent)
    assert recording["parts"] == 3
    assert recording["seconds"] == pytest.approx(ended - (resumed - paused), abs=3), "all parts are counted"
    for side in ("customer", "agent"):
        film = tmp_path / f"{side}.webm"
        await product.command("recording", "export", recording["recording_id"], "--out", str(film), "--side", side)
        pictures, sound, heard = decoded(film)
        for times in (pictures, sound):
            assert any(killed - 1.5 < one < killed + 0.5 for one in times), (side, killed, times[-1])
            assert any(again < one < paused for one in times), (side, again, paused)
            assert any(resumed < one < ended + 1 for one in times), (side, resumed, times[-1])
        assert [one for one in (*pictures, *heard) if paused + 0.5 < one < resumed - 0.1] == [], (side, paused, resumed)
        assert abs(pictures[-1] - sound[-1]) < 0.5, side


async def kill_worker(customer: Customer, agent: Agent, product: Product) -> float:
    """Kill the media worker as soon as there is a spare one, and wait until both see each other again; when it was."""
    await until(product.has_spare, "the spare is warm")
    connections = (await customer.figures())["connections"]
    when = time.monotonic()
    product.kill(product.serving_worker())

    async def anew() -> bool:
        return bool((await customer.figures())["connections"] > connections and (await agent.figures())["live"])

    await until(anew, "both have a new connection", 20)
    await customer.sees()
    return when


def decoded(film: Path) -> tuple[list[float], list[float], list[float]]:
    """When a side's pictures, pieces of sound, and those that are no silence are, in seconds; all of it is decoded."""
    with av.open(str(film)) as container:
        pictures = [float(frame.time or 0) for frame in container.decode(container.streams.video[0])]
    with av.open(str(film)) as container:
        frames = list(container.decode(container.streams.audio[0]))
    heard = [float(frame.time or 0) for frame in frames if np.abs(frame.to_ndarray()).max() > 0.001]
    return pictures, [float(frame.time or 0) for frame in frames], heard


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
    for name, words, forged in forgeries(archive):
        (tmp_path / name).write_bytes(forged)
        outcome, said = await product.tried("verify", str(tmp_path / name), "--key", str(key))
        assert outcome == 1, (name, said)
        assert words in said, (name, said)
    (tmp_path / "other.pem").write_bytes(Signer(Ed25519PrivateKey.generate()).public_pem)
    outcome, said = await product.tried("verify", str(archive), "--key", str(tmp_path / "other.pem"))
    assert outcome == 1
    assert "another key" in said
    (tmp_path / "half.zip").write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    outcome, said = await product.tried("verify", str(tmp_path / "half.zip"), "--key", str(key))
    assert outcome == 2
    assert "cut off" in said


def forgeries(archive: Path) -> Iterator[tuple[str, str, bytes]]:
    """Archives that were changed as somebody would who has an editor: what each is called, what must be said of it."""
    with ZipFile(archive) as opened:
        members = {info.filename: opened.read(info) for info in opened.infolist()}
    still = next(name for name in members if name.startswith("files/") and name.endswith((".jpg", ".png")))
    film = next(name for name in members if name.startswith("files/") and name.endswith(".webm"))
    for name in (still, film):
        content = bytearray(members[name])
        content[len(content) // 2] ^= 1
        yield f"changed-{name[6:]}.zip", f"{name} was changed", zipped(members | {name: bytes(content)})
        yield f"dropped-{name[6:]}.zip", f"{name} is missing", zipped({k: v for k, v in members.items() if k != name})
    manifest = json.loads(members["manifest.json"])
    entries = manifest["entries"]
    entries[0], entries[1] = entries[1], entries[0]
    swapped = json.dumps(manifest, separators=(",", ":")).encode()
    yield "swapped.zip", "the signature does not fit", zipped(members | {"manifest.json": swapped})


def zipped(members: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()
