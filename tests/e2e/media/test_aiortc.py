"""A peer that shares nothing with libwebrtc: aiortc's own RTCPeerConnection, in the same call as a libwebrtc page."""

import asyncio
from typing import Any

import pytest
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack
from av import AudioFrame, VideoFrame

from media.api import LegConnected, LegSpec
from tests.e2e.media.peers import Peer, eventually, join, running_engine

pytestmark = pytest.mark.e2e


class Independent:
    """An aiortc peer that counts what it decodes."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.frames = 0
        self.loud_seconds = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self.connection.on("track", self._on_track)

    def _on_track(self, track: Any) -> None:
        self._tasks.append(asyncio.create_task(self._decode(track)))

    async def _decode(self, track: Any) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if isinstance(frame, VideoFrame):
                self.frames += 1
            elif isinstance(frame, AudioFrame) and abs(frame.to_ndarray()).max() > 1000:
                self.loud_seconds += frame.samples / frame.sample_rate

    async def answer(self, sdp: str) -> str:
        # aiortc 1.16 takes a bundle's candidates from its last line, browsers from the first.
        candidates = [line for line in sdp.splitlines(keepends=True) if "candidate" in line]
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp + "".join(candidates), "offer"))
        for transceiver in self.connection.getTransceivers():
            if transceiver.mid == "0":
                transceiver.sender.replaceTrack(AudioStreamTrack())
                transceiver.direction = "sendrecv"
            elif transceiver.mid == "1":
                transceiver.sender.replaceTrack(VideoStreamTrack())
                transceiver.direction = "sendonly"
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return str(self.connection.localDescription.sdp)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.connection.close()


async def test_two_independent_implementations_in_one_call() -> None:
    async with running_engine() as (engine, observer):
        page, independent = Peer("page"), Independent()
        await join(engine, page)
        page.start()
        offer = await engine.open_leg(LegSpec("call", "independent"))
        answer = await independent.answer(offer.sdp)
        await engine.accept_answer("call", "independent", 0, answer)
        for leg_id in ("page", "independent"):
            await observer.until_seen(LegConnected("call", leg_id))
        await engine.connect("call", ("page", "independent"))

        async def decoded() -> bool:
            return independent.frames > 5 and independent.loud_seconds > 0.2 and (await page.heard())["frames"] > 5

        await eventually(decoded)
        await independent.close()
        await page.close()
