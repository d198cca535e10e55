"""The UDP endpoint on real sockets: both ways of reading, both rhythms, both loops."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Self

import pytest
import uvloop

from media.api import LegSpec
from media.io import tcp
from media.io.address import pack_sockaddr
from media.io.arena import CAPACITY
from media.io.counters import Counters
from media.io.endpoint import BATCH, BATCHES_A_TURN, MMSG, PLAIN, Batches, Endpoint, UdpPath
from media.io.ports import bind_ports
from media.wire.buffer import PacketBuffer
from tests.e2e.media.peers import eventually, running_engine
from tests.e2e.media.raw import RawPage, new_socket

pytestmark = pytest.mark.e2e

Run = Callable[[Coroutine[Any, Any, None]], None]


class Echo:
    """Sends every datagram back in place, and the text `twice` once more from a slot of its own."""

    endpoint: Endpoint

    def __init__(self) -> None:
        self.received: list[bytes] = []

    def receive_datagram(self, packet: PacketBuffer, source: bytes, now: float) -> None:
        assert now > 0
        data = packet.tobytes()
        self.received.append(data)
        path = self.endpoint.paths.setdefault(source, UdpPath(self.endpoint, source))
        path.send_packet(packet)
        if data == b"twice":
            path.send_bytes(data)


class Served:
    """An endpoint on loopback with an echo behind it."""

    def __init__(self, batches: Batches, host: str = "127.0.0.1") -> None:
        udp_socket, _ = bind_ports(host, 0, tcp=False)
        self.name = ("127.0.0.1", udp_socket.getsockname()[1])
        self.echo, self.counters = Echo(), Counters()
        self.endpoint = self.echo.endpoint = Endpoint(udp_socket, self.echo, self.counters, batches)
        self.endpoint.start()
        self.client = new_socket()

    async def answers(self, count: int) -> list[bytes]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(10):
            return [await loop.sock_recv(self.client, 2048) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.endpoint.close()
        self.endpoint.close()
        self.client.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
@pytest.mark.parametrize("batches", [MMSG, PLAIN])
@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
def test_datagrams_come_and_go(run: Run, batches: Batches, host: str) -> None:
    async def scenario() -> None:
        with Served(batches, host) as served:
            many = [bytes([i % 256]) * (1 + i * 7) for i in range(200)]
            for data in many:
                served.client.sendto(data, served.name)
            assert await served.answers(200) == many
            served.client.sendto(b"twice", served.name)
            assert await served.answers(2) == [b"twice"] * 2
            path = next(iter(served.endpoint.paths.values()))
            assert (path.address.port, path.transport) == (served.client.getsockname()[1], "udp4")
            served.client.sendto(bytes(CAPACITY), served.name)
            assert len((await served.answers(1))[0]) == CAPACITY
            for length in (0, CAPACITY + 1, 9000):
                served.client.sendto(bytes(length), served.name)
            served.client.sendto(b"after", served.name)
            assert await served.answers(1) == [b"after"]
            assert served.counters.datagrams_dropped_oversized == 3
            assert served.counters.datagrams_received == 206
            assert served.counters.datagrams_sent == 204

    run(scenario())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_the_timer_reads_while_it_is_busy_and_the_loop_while_it_is_quiet(run: Run) -> None:
    async def scenario() -> None:
        with Served(MMSG) as served:
            endpoint = served.endpoint
            async with asyncio.timeout(20):
                while endpoint._timer is None:
                    for _ in range(50):
                        served.client.sendto(b"x", served.name)
                    await asyncio.sleep(0.002)

            async def quiet() -> bool:
                return endpoint._timer is None

            await eventually(quiet)
            served.client.sendto(b"last", served.name)

            async def read() -> bool:
                return b"last" in served.echo.received

            await eventually(read)

    run(scenario())


async def test_a_flood_lets_others_run() -> None:
    """At most a few batches a turn, then the loop goes round."""
    with Served(MMSG) as served:
        for _ in range(BATCH * BATCHES_A_TURN * 2):
            served.client.sendto(b"x", served.name)
        assert served.endpoint._turn() == BATCH * BATCHES_A_TURN


@pytest.mark.parametrize("batches", [MMSG, PLAIN])
async def test_a_destination_that_refuses_costs_only_its_own_datagram(batches: Batches) -> None:
    with Served(batches) as served:
        nowhere = UdpPath(served.endpoint, pack_sockaddr(socket.AF_INET, ("255.255.255.255", 9)))
        client = UdpPath(served.endpoint, pack_sockaddr(socket.AF_INET, served.client.getsockname()))
        for path in (nowhere, client, nowhere, client):
            path.send_bytes(b"hello")
        served.endpoint.flush()
        assert await served.answers(2) == [b"hello"] * 2
        assert (served.counters.datagrams_dropped_send, served.counters.datagrams_sent) == (2, 2)


async def test_more_than_fits_a_flush_is_sent_in_several() -> None:
    with Served(MMSG) as served:
        path = UdpPath(served.endpoint, pack_sockaddr(socket.AF_INET, served.client.getsockname()))
        for i in range(500):
            path.send_bytes(i.to_bytes(2, "big"))
        served.endpoint.flush()
        assert await served.answers(500) == [i.to_bytes(2, "big") for i in range(500)]


def test_udp_and_tcp_share_a_number_and_a_taken_one_is_an_error() -> None:
    udp_socket, tcp_socket = bind_ports("127.0.0.1", 0, tcp=True)
    assert tcp_socket is not None
    number = udp_socket.getsockname()[1]
    assert tcp_socket.getsockname()[1] == number
    with pytest.raises(OSError, match="in use"):
        bind_ports("127.0.0.1", number, tcp=True)
    udp_socket.close()
    tcp_socket.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_check_over_tcp(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "CHECK_SECONDS", 0.2)

    async def scenario() -> None:
        async with running_engine() as (engine, _):
            page = RawPage(await engine.open_leg(LegSpec("call", "page")))
            reader, writer = await asyncio.open_connection("127.0.0.1", engine.port)
            idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", engine.port)
            check = page.binding_request()
            writer.write(len(check).to_bytes(2, "big") + check)
            length = int.from_bytes(await reader.readexactly(2), "big")
            response = await reader.readexactly(length)
            assert response[:2] == b"\x01\x01"
            assert await idle_reader.read() == b"", "no check in time"
            await engine.close_leg("call", "page")
            assert await reader.read() == b"", "the leg's connections end with it"
            for stream in (writer, idle_writer):
                stream.close()
                await stream.wait_closed()
            page.close()

    run(scenario())
