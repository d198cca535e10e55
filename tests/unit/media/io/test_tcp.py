"""ICE-TCP: frames in any pieces, bounds before authentication, no waiting for slow readers."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, strategies as st

from media.io.arena import CAPACITY, Arena, fill
from media.io.counters import Counters
from media.io.paths import Path
from media.io.tcp import MAX_BEHIND_BYTES, UNCHECKED_A_SOURCE, UNCHECKED_FRAMES, TcpListener, TcpPath
from media.wire.buffer import PacketBuffer


class FakeTransport(asyncio.Transport):
    """A connection of which the test decides how far behind the reader is."""

    def __init__(self, peer: str = "192.0.2.1") -> None:
        super().__init__({"peername": (peer, 40_000)})
        self.written: list[bytes] = []
        self.behind = 0
        self.ended = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.behind

    def is_closing(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True


class Owner:
    def __init__(self) -> None:
        self.lost_paths: list[Path] = []

    def receive_media(self, packet: PacketBuffer, now: float) -> None: ...

    def receive_dtls(self, path: Path, data: bytes, now: float) -> None: ...

    def lost(self, path: Path) -> None:
        self.lost_paths.append(path)


class Server:
    """A listener without a socket."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.counters = Counters()
        self.listener = TcpListener(lambda slot, _path, _now: self.frames.append(slot.tobytes()), int, self.counters)

    def connect(self, peer: str = "192.0.2.1") -> tuple[TcpPath, FakeTransport]:
        path, transport = TcpPath(self.listener), FakeTransport(peer)
        path.connection_made(transport)
        return path, transport


def framed(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(2, "big") + frame for frame in frames)


async def test_a_connection_knows_where_it_comes_from() -> None:
    server = Server()
    assert (server.connect()[0].transport, server.connect("2001:db8::1")[0].transport) == ("tcp4", "tcp6")


@given(st.lists(st.binary(max_size=CAPACITY), max_size=6), st.lists(st.integers(1, 5000), max_size=20))
def test_frames_arrive_whole_however_the_stream_is_cut(frames: list[bytes], cuts: list[int]) -> None:
    async def run() -> None:
        server = Server()
        path, _ = server.connect()
        stream = framed(*frames)
        for cut in cuts:
            path.data_received(stream[:cut])
            stream = stream[cut:]
        path.data_received(stream)
        assert server.frames == [frame for frame in frames if frame]
        path.connection_lost(None)

    asyncio.run(run())


async def test_a_frame_too_long_ends_the_connection() -> None:
    server = Server()
    path, transport = server.connect()
    path.data_received(framed(b"ok") + (CAPACITY + 1).to_bytes(2, "big"))
    assert transport.ended
    assert server.frames == [b"ok"]
    assert server.counters.tcp_malformed == 1
    path.connection_lost(None)


async def test_a_connection_that_talks_without_a_check_ends() -> None:
    server = Server()
    path, transport = server.connect()
    path.data_received(framed(*[b"x"] * (UNCHECKED_FRAMES + 1)))
    assert transport.ended
    assert len(server.frames) == UNCHECKED_FRAMES
    path.connection_lost(None)
    checked, transport = server.connect()
    checked.owner = Owner()
    checked.data_received(framed(*[b"x"] * (UNCHECKED_FRAMES + 1)))
    assert not transport.ended


async def test_connections_without_a_check_are_bounded_a_source() -> None:
    server = Server()
    paths = [server.connect() for _ in range(UNCHECKED_A_SOURCE + 1)]
    assert [transport.ended for _, transport in paths] == [False] * UNCHECKED_A_SOURCE + [True]
    assert server.counters.tcp_refused == 1
    assert not server.connect("192.0.2.2")[1].ended, "another source is not affected"
    for path, _ in paths:
        path.connection_lost(None)
    assert not server.connect()[1].ended


async def test_a_checked_connection_does_not_count_any_more() -> None:
    server = Server()
    for _ in range(UNCHECKED_A_SOURCE + 1):
        path, transport = server.connect()
        path.owner = Owner()
        assert not transport.ended


async def test_a_connection_without_a_check_in_time_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.io.tcp.CHECK_SECONDS", 0.0)
    server = Server()
    path, transport = server.connect()
    while not transport.ended:
        await asyncio.sleep(0)
    assert server.counters.tcp_expired == 1
    path.connection_lost(None)


async def test_the_owner_learns_of_the_end() -> None:
    server = Server()
    path, _ = server.connect()
    owner = Owner()
    path.owner = owner
    path.connection_lost(None)
    assert owner.lost_paths == [path]


async def test_a_reader_that_is_behind_loses_video_first() -> None:
    server = Server()
    path, transport = server.connect()
    video, voice = Arena(2).slots
    fill(video, bytes(1100))
    fill(voice, bytes(100))
    transport.behind = MAX_BEHIND_BYTES + 1
    path.send_packet(video)
    path.send_packet(voice)
    assert transport.written == [framed(bytes(100))]
    transport.behind = 2 * MAX_BEHIND_BYTES
    path.send_bytes(b"report")
    assert len(transport.written) == 1
    assert server.counters.tcp_dropped_behind == 2
    transport.behind = 0
    path.send_bytes(b"report")
    assert transport.written[-1] == framed(b"report")
