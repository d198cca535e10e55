"""An engine behind a Unix socket behaves like the engine itself, and its loss is noticed at once."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from media.api import CallLost, Kind, LegConnected, LegSpec, LegStats, MediaEvent, StatsReported
from media.errors import CapacityError, EngineLostError, MediaError, NegotiationError, WireError
from media.io import remote, remote_client
from media.io.remote_client import EventQueue, RemoteEngine
from media.io.remote_server import EngineServer
from tests.fakes.served import ServedEngine


def greeting() -> remote.ServerHello:
    return remote.ServerHello(remote.PROTOCOL_VERSION, "fake", os.getpid(), 3, 7885)


@asynccontextmanager
async def served(
    engine: ServedEngine, path: Path, hello: Callable[[], remote.ServerHello] = greeting
) -> AsyncIterator[EngineServer]:
    server = EngineServer(engine, hello)
    async with server.listening(path):
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.sock"


async def test_every_method_arrives_with_its_arguments_and_its_result_comes_back(path: Path) -> None:
    engine = ServedEngine()
    async with served(engine, path):
        client = await RemoteEngine.dial(path)
        assert client.hello == greeting()
        spec = LegSpec("c", "l", dtx=True, max_video_bps=1)
        assert (await client.open_leg(spec)).sdp == "v=0 fake"
        await client.accept_answer("c", "l", 2, "v=0")
        assert (await client.restart_ice("c", "l")).generation == 1
        await client.connect("c", ("l", "m"))
        await client.hold("c", True)
        await client.mute("c", "l", Kind.AUDIO, False)
        assert await client.stats("c") == (LegStats("c", "l", rtt_ms=12.5, audio_level=30),)
        status = await client.status()
        assert [call.call_id for call in status.calls] == ["c"]
        assert status.counters == {"datagrams_received": 7}
        await client.close_leg("c", "l")
        await client.close_call("c")
        assert await client.activate(1, 9000) == 9000
        await client.drain(2.5)
        await client.close()
    assert [what[0] for what in engine.asked] == [
        "open_leg", "accept_answer", "restart_ice", "connect", "hold", "mute", "stats", "status",
        "close_leg", "close_call", "activate", "drain",
    ]  # fmt: skip
    assert engine.asked[0] == ("open_leg", spec)
    assert engine.asked[3] == ("connect", "c", ("l", "m"))


async def test_errors_come_back_as_themselves(path: Path) -> None:
    engine = ServedEngine()
    async with served(engine, path):
        client = await RemoteEngine.dial(path)
        for error in (NegotiationError("m-line 2: no"), CapacityError("full")):
            engine.failure = error
            with pytest.raises(type(error), match=str(error)):
                await client.accept_answer("c", "l", 0, "")
        await client.close()


async def test_our_own_fault_costs_the_call_and_not_the_worker(path: Path) -> None:
    engine = ServedEngine()
    async with served(engine, path):
        client = await RemoteEngine.dial(path)
        await client.open_leg(LegSpec("c", "l"))
        engine.failure = KeyError("a bug")
        with pytest.raises(MediaError, match="KeyError"):
            await client.hold("c", True)
        assert await anext(client.events()) == CallLost("c")
        assert engine.calls == {}
        assert (await client.status()).engine_id == "fake"
        await client.close()


async def test_a_loss_ends_everything_that_waits(path: Path) -> None:
    engine, lost = ServedEngine(), asyncio.Event()
    engine.open.clear()
    async with served(engine, path) as server:
        client = await RemoteEngine.dial(path, on_lost=lost.set)
        asked = [asyncio.ensure_future(client.hold("c", True)) for _ in range(3)]
        while len(engine.asked) < 3:
            await asyncio.sleep(0)
        assert server._current is not None
        server._current.close()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(result, EngineLostError) for result in results)
        await lost.wait()
        assert client.lost
        assert [event async for event in client.events()] == []
        with pytest.raises(EngineLostError):
            await client.status()
        engine.open.set()


async def test_an_engine_that_hangs_is_an_engine_lost_error(path: Path) -> None:
    engine = ServedEngine()
    async with served(engine, path):
        client = await RemoteEngine.dial(path, timeout=0.01)
        engine.open.clear()
        with pytest.raises(EngineLostError, match="did not answer"):
            await client.status()
        engine.open.set()
        await client.close()


async def test_more_requests_than_may_wait_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_client, "MAX_PENDING", 2)
    engine = ServedEngine()
    engine.open.clear()
    async with served(engine, path):
        client = await RemoteEngine.dial(path)
        waiting = [asyncio.ensure_future(client.hold("c", True)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(CapacityError):
            await client.hold("c", False)
        engine.open.set()
        await asyncio.gather(*waiting)
        await client.close()


async def test_a_flood_of_requests_is_read_more_slowly_and_answered_whole(path: Path) -> None:
    engine = ServedEngine()
    engine.open.clear()
    async with served(engine, path):
        client = await RemoteEngine.dial(path)
        waiting = [asyncio.ensure_future(client.hold("c", True)) for _ in range(1000)]
        await asyncio.sleep(0)
        engine.open.set()
        await asyncio.gather(*waiting)
        await client.close()


async def test_events_come_in_order_and_a_new_connection_takes_over(path: Path) -> None:
    engine = ServedEngine()
    async with served(engine, path) as server:
        first = await RemoteEngine.dial(path)
        events = [LegConnected("c", "l"), StatsReported((LegStats("c", "l"),)), CallLost("c")]
        for event in events:
            server.publish(event)
        stream = first.events()
        assert [await anext(stream) for _ in events] == events
        second = await RemoteEngine.dial(path)
        assert [event async for event in stream] == []
        assert first.lost
        server.publish(CallLost("d"))
        assert await anext(second.events()) == CallLost("d")
        assert (await second.status()).engine_id == "fake"
        await second.close()


async def test_events_without_a_listener_are_dropped(path: Path) -> None:
    async with served(ServedEngine(), path) as server:
        server.publish(CallLost("c"))
        assert not server.connected


async def test_the_socket_is_private_and_goes_away(path: Path) -> None:
    def mode() -> int | None:
        return stat.S_IMODE(path.stat().st_mode) if path.exists() else None

    async with served(ServedEngine(), path):
        pass
    assert mode() is None
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    async with served(ServedEngine(), path):
        assert mode() == 0o600
    assert mode() is None


async def test_nobody_there(path: Path) -> None:
    with pytest.raises(EngineLostError, match="no worker answers"):
        await RemoteEngine.dial(path)


async def test_another_version_is_told_apart_on_both_sides(path: Path) -> None:
    def newer() -> remote.ServerHello:
        return remote.ServerHello(remote.PROTOCOL_VERSION + 1, "new", 1)

    async with served(ServedEngine(), path, newer):
        with pytest.raises(WireError, match=f"version {remote.PROTOCOL_VERSION + 1}"):
            await RemoteEngine.dial(path)
    async with served(ServedEngine(), path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(remote.encode(remote.ClientHello(99)))
        answer = await reader.read()
        assert isinstance(remote.decode_from_server(answer[4:]), remote.ServerHello)
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("!I", remote.MAX_FRAME_BYTES + 1),
        struct.pack("!I", 3) + b"abc",
        remote.encode(remote.Ask(1, remote.Status())),  # before the hello
        remote.encode(remote.ClientHello()) + b"\x00\x00\x00\x01\xc1",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
async def test_garbage_ends_its_own_connection_only(path: Path, data: bytes) -> None:
    engine = ServedEngine()
    async with served(engine, path):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(data)
        await reader.read()
        writer.close()
        client = await RemoteEngine.dial(path)
        assert (await client.status()).engine_id == "fake"
        await client.close()
    assert engine.asked == [("status",)]


async def test_a_server_that_speaks_nonsense_is_lost(path: Path) -> None:
    over = asyncio.Event()

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(struct.pack("!I", 1 << 31))
        await reader.read()
        writer.close()
        over.set()

    async with await asyncio.start_unix_server(nonsense, str(path)):
        with pytest.raises(EngineLostError, match="nonsense"):
            await RemoteEngine.dial(path)
        await over.wait()


async def test_an_answer_of_another_type_is_a_media_error(path: Path) -> None:
    class Confused(ServedEngine):
        async def stats(self, call_id: str) -> tuple[LegStats, ...]:
            return "nothing of the kind"  # type: ignore[return-value]

    async with served(Confused(), path):
        client = await RemoteEngine.dial(path)
        with pytest.raises(MediaError, match="no sense"):
            await client.stats("c")
        await client.close()


async def test_a_queue_nobody_reads_loses_statistics_first_and_stays_bounded() -> None:
    queue = EventQueue(limit=4)
    for number in range(2):
        queue.put(LegConnected("c", str(number)))
    queue.put(StatsReported(()))
    for number in range(2, 6):
        queue.put(LegConnected("c", str(number)))
    queue.close()
    left: list[MediaEvent] = [event async for event in queue]
    assert left == [LegConnected("c", str(number)) for number in range(2, 6)]
    assert queue.dropped == 3
