"""A side of a recording in a real Chromium: it plays in time across a hole and a change of resolution, and seeks."""

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser

from callserver.bench.recorded_call import Numbering, Page
from media.recording.reader import RecordingReader
from media.recording.recorder import Recorder
from media.recording.views import View
from signaling.http.ranges import wanted
from tests.sim.recorded import KEY, play_into, spec

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SECONDS = 16.0
HOLE = (4.5, 9.2)
TURNED = 11.0

SHOWN = """() => {
  const canvas = new OffscreenCanvas(64, 64), draw = canvas.getContext("2d", { willReadFrequently: true });
  draw.drawImage(document.querySelector("video"), 0, 0, 64, 64);
  const pixels = draw.getImageData(0, 0, 64, 64).data;
  let found = 0;
  for (let at = 0; at < 16; at++) {
    const x = (at % 4) * 16 + 8, y = Math.floor(at / 4) * 16 + 8;
    if (pixels[4 * (y * 64 + x)] > 128) found += 2 ** at;
  }
  return found;
}"""
"""The number that the shown picture says, as `Numbering` writes it."""

LISTEN = """async () => {
  const video = document.querySelector("video"), context = new AudioContext({ latencyHint: "interactive" });
  const analyser = new AnalyserNode(context, { fftSize: 512, smoothingTimeConstant: 0 });
  const source = context.createMediaElementSource(video);
  source.connect(analyser).connect(context.destination);
  const number = (SHOWN);
  const heard = [], wave = new Float32Array(512);
  let loud = false;
  await video.play();
  while (!video.ended && video.currentTime < 15.5) {
    await new Promise((done) => setTimeout(done, 4));
    analyser.getFloatTimeDomainData(wave);
    const now = wave.some((value) => Math.abs(value) > 0.1);
    if (now && !loud && (heard.length === 0 || video.currentTime - heard.at(-1).time > 0.5))
      heard.push({ time: video.currentTime, number: number(), width: video.videoWidth });
    loud = now;
  }
  return heard;
}""".replace("SHOWN", SHOWN)

SEEK = """async (time) => {
  const video = document.querySelector("video");
  const done = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
  video.currentTime = time;
  await done;
  return (SHOWN)();
}""".replace("SHOWN", SHOWN)


def made(path: Path) -> None:
    """A call with a hole of some seconds, and a camera that is turned later."""
    page = Page("c", pictures=Numbering(), ends=SECONDS)

    def turn(_: float) -> None:
        page.pictures = Numbering(128, 96)
        page.key_wanted = True

    recorder = Recorder(spec(path), 0.0)
    play_into(recorder, [page], at={TURNED: turn}, hole=HOLE)
    recorder.close(SECONDS)


async def served(view: View) -> tuple[web.AppRunner, str, list[str]]:
    """The view behind HTTP on loopback; the ranges that are asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Range", ""))
        part = wanted(asked[-1], view.size)
        start, length = part or (0, view.size)
        body = view.read(start, min(length, 8_192) if part else length)
        headers = {"Accept-Ranges": "bytes", "Content-Type": view.content_type}
        if part is None:
            return web.Response(body=body, headers=headers)
        headers["Content-Range"] = f"bytes {start}-{start + len(body) - 1}/{view.size}"
        return web.Response(status=206, body=body, headers=headers)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text='<video src="/side.webm" preload="auto"></video>', content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", page), web.get("/side.webm", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/", asked


async def test_chromium_plays_a_side_in_time_and_seeks(browser: Browser, tmp_path: Path) -> None:
    made(tmp_path / "r.rec")
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        runner, address, asked = await served(reader.view("customer"))
        page = await browser.new_page()
        try:
            await page.goto(address)
            await page.wait_for_function("document.querySelector('video').readyState >= 3")
            duration = await page.evaluate("document.querySelector('video').duration")
            assert abs(duration - SECONDS) < 0.5
            heard: list[dict[str, Any]] = await page.evaluate(LISTEN)
            assert [round(one["time"]) for one in heard] == [1, 2, 3, 4, *range(10, 16)]
            for one in heard:
                if not HOLE[0] < one["time"] < HOLE[1] + 0.5:
                    assert abs(one["number"] / 10 - round(one["time"])) < 0.25, one
            assert {one["width"] for one in heard} == {64, 128}
            for second in (13.05, 2.05, 10.55):
                shown = await page.evaluate(SEEK, second)
                assert abs(shown / 10 + 0.07 - second) < 0.15
            assert any(not text.startswith("bytes=0-") for text in asked)
        finally:
            await page.close()
            await runner.cleanup()
