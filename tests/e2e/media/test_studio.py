"""Recordings and snapshots of real calls: what was sent is on disk; the codec worker may hang or die."""

import asyncio
import io
import os
import resource
import signal
import socket
import time
from pathlib import Path

import av
import pytest
from PIL import Image

from media.api import (
    AnnouncementEnded,
    CallStatus,
    Kind,
    LegConnected,
    LegSpec,
    RecordingChanged,
    RecordingSpec,
    RecordingState,
    Slot,
)
from media.bridge.leg import Leg
from media.bridge.rescue import Rescue
from media.errors import DISK_FULL, UnavailableError, UnknownLegError
from media.io.codec_link import Process, spawn_worker
from media.io.engine import Engine
from media.recording.reader import RecordingReader
from tests.e2e.media.peers import HEIGHT, WIDTH, Observer, Peer, eventually, join, running_engine

pytestmark = pytest.mark.e2e

KEY = bytes(range(32))


def spec(directory: Path, **changes: object) -> RecordingSpec:
    sides = {"customer": "customer", "agent": "agent"}
    return RecordingSpec("rec", str(directory), KEY, leg_names=sides, **changes)  # type: ignore[arg-type]


async def talking(engine: Engine, observer: Observer) -> tuple[Peer, Peer]:
    customer, agent = Peer("customer"), Peer("agent", hertz=880)
    for peer in (customer, agent):
        await join(engine, peer)
        peer.start()
    for peer in (customer, agent):
        await observer.until_seen(LegConnected("call", peer.leg_id))
    await engine.connect("call", ("customer", "agent"))
    return customer, agent


async def until_state(observer: Observer, state: RecordingState, count: int = 1) -> RecordingChanged:
    def told() -> list[RecordingChanged]:
        return [e for e in observer.seen if isinstance(e, RecordingChanged) and e.state is state]

    await observer.until(lambda _: len(told()) >= count)
    return told()[-1]


async def status(engine: Engine) -> CallStatus:
    (call,) = (await engine.status()).calls
    return call


def decoded(path: Path, side: str) -> tuple[int, float]:
    """Pictures and seconds of sound that a side's view decodes to."""
    reader = RecordingReader.open(path, KEY)
    try:
        view = reader.view(side)
        with av.open(io.BytesIO(view.read(0, view.size))) as file:
            pictures = samples = 0
            for frame in file.decode():
                if isinstance(frame, av.VideoFrame):
                    assert (frame.width, frame.height) == (WIDTH, HEIGHT)
                    pictures += 1
                else:
                    samples += frame.samples
            return pictures, samples / 48_000
    finally:
        reader.close()


def codec_worker(engine: Engine) -> int:
    process = engine._studio._link._process
    assert process is not None
    return process.pid


async def frames_seen(*peers: Peer) -> float:
    """By the one who saw fewer: a busy machine films fewer pictures than it should."""
    return min([(await peer.heard())["frames"] for peer in peers])


async def test_what_both_sides_send_is_on_disk_and_a_pause_is_not(tmp_path: Path) -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await talking(engine, observer)
        await engine.start_recording("call", spec(tmp_path))
        await until_state(observer, RecordingState.STARTED)
        began, seen = time.monotonic(), await frames_seen(customer, agent)
        await asyncio.sleep(2.0)
        seen = await frames_seen(customer, agent) - seen
        await engine.pause_recording("call", "rec", True)
        await until_state(observer, RecordingState.PAUSED)
        assert (await status(engine)).recordings[0].state is RecordingState.PAUSED
        await asyncio.sleep(0.5)
        await engine.pause_recording("call", "rec", False)
        await until_state(observer, RecordingState.RESUMED)
        await asyncio.sleep(1.0)
        await engine.stop_recording("call", "rec")
        stopped = await until_state(observer, RecordingState.STOPPED)
        assert 2.9 <= stopped.seconds <= time.monotonic() - began - 0.4
        assert stopped.size_bytes == (tmp_path / "rec.rec").stat().st_size
        assert (await status(engine)).recordings == ()
        await customer.close()
        await agent.close()
    for side in ("customer", "agent"):
        pictures, seconds = decoded(tmp_path / "rec.rec", side)
        assert pictures >= seen / 2 > 0
        assert 2.5 <= seconds <= stopped.seconds + 1.0


async def test_a_snapshot_is_a_full_picture_within_a_moment() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await talking(engine, observer)
        await eventually(lambda: ready(engine))
        took = []
        for _ in range(3):
            began, clicked = time.monotonic(), time.time()
            still = await engine.snapshot("call", "customer")
            took.append(time.monotonic() - began)
            with Image.open(io.BytesIO(still.image)) as image:
                assert image.size == (still.width, still.height) == (WIDTH, HEIGHT)
            assert clicked - 1.5 < still.wall_time <= time.time()
            await asyncio.sleep(0.2)
        print("snapshots took", [f"{seconds * 1000:.0f} ms" for seconds in took])
        await engine.mute("call", "customer", Kind.VIDEO, True)
        with pytest.raises(UnavailableError):
            await engine.snapshot("call", "customer")
        with pytest.raises(UnknownLegError):
            await engine.snapshot("call", "nobody")
        await customer.close()
        await agent.close()


async def ready(engine: Engine) -> bool:
    return engine._studio._link.ready


async def test_a_codec_worker_that_is_killed_begins_a_new_part(tmp_path: Path) -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await talking(engine, observer)
        await engine.start_recording("call", spec(tmp_path))
        await until_state(observer, RecordingState.STARTED)
        seen = await frames_seen(agent)
        await asyncio.sleep(2.0)
        seen = await frames_seen(agent) - seen
        first = codec_worker(engine)
        os.kill(first, signal.SIGKILL)
        again = await until_state(observer, RecordingState.STARTED, 2)
        assert again.reason
        assert codec_worker(engine) != first
        await asyncio.sleep(1.0)
        await engine.close_call("call")
        await until_state(observer, RecordingState.STOPPED)
        await customer.close()
        await agent.close()
    assert (tmp_path / "rec.2.rec").exists()
    pictures, seconds = decoded(tmp_path / "rec.rec", "customer")
    assert pictures >= seen / 3 > 0
    assert seconds >= 2.0


async def test_a_codec_worker_that_hangs_delays_nothing_and_is_replaced(tmp_path: Path) -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await talking(engine, observer)
        await engine.start_recording("call", spec(tmp_path))
        await until_state(observer, RecordingState.STARTED)
        first = codec_worker(engine)
        os.kill(first, signal.SIGSTOP)
        before = await agent.heard()
        await eventually(lambda: more_frames(agent, before["frames"] + 20))
        assert (await agent.heard())["lost"] == before["lost"]
        assert (await engine.status()).loop_lag_ms < 1000, "nobody waits for the one that hangs"
        await until_state(observer, RecordingState.STARTED, 2)
        assert codec_worker(engine) != first
        await customer.close()
        await agent.close()


def spawn_without_disk(theirs: socket.socket) -> Process:
    """A codec worker that may not write files of more than 100 KB: a full disk, as far as it can tell."""
    process = spawn_worker(theirs)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100_000, 100_000))
    return process


async def test_a_full_disk_fails_the_recording_and_nothing_else(tmp_path: Path) -> None:
    async with running_engine() as (engine, observer):
        engine._studio._link._spawn = spawn_without_disk
        customer, agent = await talking(engine, observer)
        await engine.start_recording("call", spec(tmp_path))
        failed = await until_state(observer, RecordingState.FAILED)
        assert failed.reason == DISK_FULL
        assert (await status(engine)).recordings[0].state is RecordingState.FAILED
        before = await agent.heard()
        await eventually(lambda: more_frames(agent, before["frames"] + 10))
        await engine.stop_recording("call", "rec")
        assert (await status(engine)).recordings == ()
        await customer.close()
        await agent.close()
    pictures, _ = decoded(tmp_path / "rec.rec", "customer")
    assert pictures  # what was written before is readable


async def test_a_directory_that_cannot_be_made_fails_the_recording(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    async with running_engine() as (engine, observer):
        await engine.open_leg(LegSpec("call", "customer"))
        await engine.start_recording("call", spec(tmp_path / "file" / "recordings"))
        assert (await until_state(observer, RecordingState.FAILED)).reason


async def more_frames(peer: Peer, frames: float) -> bool:
    return (await peer.heard())["frames"] >= frames


async def test_the_codec_worker_ends_with_its_engine(tmp_path: Path) -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await talking(engine, observer)
        await engine.start_recording("call", spec(tmp_path, audio_only=True))
        await until_state(observer, RecordingState.STARTED)
        pid = codec_worker(engine)
        await asyncio.sleep(0.5)
        await customer.close()
        await agent.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    pictures, _ = decoded(tmp_path / "rec.rec", "customer")
    assert pictures == 0


async def test_music_a_notice_and_the_hold_picture_are_decoded_by_the_page() -> None:
    async with running_engine() as (engine, observer):
        customer = Peer("customer")
        await join(engine, customer)
        await engine.play("call", "customer", "waiting", True)
        customer.start()
        await observer.until_seen(LegConnected("call", "customer"))
        await eventually(lambda: louder(customer, 0.0005))  # before anybody answers
        agent = Peer("agent", hertz=880)
        await join(engine, agent)
        agent.start()
        await observer.until_seen(LegConnected("call", "agent"))
        await engine.connect("call", ("customer", "agent"))
        await engine.play("call", "agent", "recording_started.de", False)
        await engine.play("call", "customer", "hold", True)
        await observer.until_seen(AnnouncementEnded("call", "agent", "recording_started.de"))
        assert {leg.leg_id: leg.playing for leg in (await status(engine)).legs} == {"customer": ("hold",), "agent": ()}
        await engine.hold("call", True)
        await asyncio.sleep(1.0)
        before = await customer.heard()
        await eventually(lambda: more_frames(customer, before["frames"] + 2))
        await engine.hold("call", False)
        await eventually(lambda: more_frames(customer, before["frames"] + 30))
        await engine.play("call", "customer", None, False)
        with pytest.raises(UnavailableError):
            await engine.play("call", "customer", "recording_started.tlh", False)
        await customer.close()
        await agent.close()


async def louder(peer: Peer, energy: float) -> bool:
    return (await peer.heard())["energy"] > energy


async def test_a_weak_page_of_three_gets_pictures_of_its_own_from_the_codec_worker() -> None:
    async with running_engine() as (engine, observer):
        names = ("customer", "strong", "weak")
        peers = [Peer(name) for name in names]
        for peer in peers:
            await join(engine, peer, max_video_bps=200_000 if peer.leg_id == "weak" else 2_500_000)
            peer.start()
            await observer.until_seen(LegConnected("call", peer.leg_id))
        await engine.connect("call", names)
        await eventually(lambda: ready(engine))
        await eventually(lambda: transcoding(engine), 60)
        sink = engine._calls["call"].legs["weak"].leg
        assert sink is not None
        await eventually(lambda: fed_by_us(sink), 60)  # the codec worker is what a busy machine lets wait
        before = await peers[2].heard()
        await eventually(lambda: more_frames(peers[2], before["frames"] + 10), 60)
        for peer in peers:
            await peer.close()


async def transcoding(engine: Engine) -> bool:
    return (await engine.status()).counters.get("transcodes_running", 0) > 0


async def fed_by_us(leg: Leg) -> bool:
    return isinstance(leg.outbound[Slot.MAIN].source, Rescue)
