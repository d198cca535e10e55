"""Brings synthetic pages to the state of connected: offer, check, DTLS, answer."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from callserver.bench import BenchError
from callserver.bench.answer import read_offer
from callserver.bench.datagrams import Port
from callserver.bench.peer import Credentials, Peer
from callserver.bench.subject import Subject
from media.api import LegSpec

CONNECT_TIMEOUT = 20.0
_NUDGE_INTERVAL = 0.2
_HOSTS = 4096

Result = TypeVar("Result")


class Dialing:
    """Opens legs and lets their pages connect; within `receiving()` only."""

    def __init__(self, subject: Subject, ports: int, protection: bool = False) -> None:
        """`protection`: the pages take RED and FlexFEC."""
        self._protection = protection
        self.ports: list[Port] = []
        self._subject = subject
        self._port_count = ports
        self._credentials = Credentials()
        self._numbers = itertools.count()
        self._peers: dict[int, Peer] = {}
        self._failure: BenchError | None = None
        self._reading = False

    @contextmanager
    def receiving(self) -> Iterator[None]:
        """Read the ports while the context lasts."""
        self._reading = True
        for port in self.ports:
            asyncio.get_running_loop().add_reader(port.socket, self._read, port)
        try:
            yield
        finally:
            self._reading = False
            for port in self.ports:
                asyncio.get_running_loop().remove_reader(port.socket)

    async def connect(self, call_id: str, leg_id: str) -> Peer:
        """Open a leg and return its page, connected; raise BenchError."""
        connected = self._subject.connected(leg_id)
        offer = await self._subject.engine.open_leg(LegSpec(call_id, leg_id))
        number = next(self._numbers)
        host = number % _HOSTS
        peer = self._peers[host] = Peer(
            host, self._port(number, offer.sdp), self._credentials, offer, protection=self._protection
        )
        peer.send_check()
        peer.port.flush()
        await self._subject.engine.accept_answer(call_id, leg_id, offer.generation, peer.answer())
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                while not connected.done():
                    await asyncio.wait((connected,), timeout=_NUDGE_INTERVAL)
                    if self._failure is not None:
                        raise self._failure
                    if not connected.done():
                        peer.nudge()
                        peer.port.flush()
                await connected
        except TimeoutError as error:
            raise BenchError(f"leg {leg_id} did not connect within {CONNECT_TIMEOUT:g} s") from error
        return peer

    def forget(self, peer: Peer) -> None:
        """Take no more datagrams for this page."""
        self._peers.pop(peer.host, None)

    def close(self) -> None:
        """Free the ports."""
        for port in self.ports:
            port.close()

    def _port(self, number: int, sdp: str) -> Port:
        place = number % self._port_count
        while len(self.ports) <= place:
            port = Port(read_offer(sdp).address)
            self.ports.append(port)
            assert self._reading
            asyncio.get_running_loop().add_reader(port.socket, self._read, port)
        return self.ports[place]

    def _read(self, port: Port) -> None:
        for packet, host, _ in port.receive():
            peer = self._peers.get(host)
            if peer is None or packet.view[packet.start] >= 128:
                continue
            try:
                peer.receive(packet)
            except BenchError as error:
                self._failure = error
        port.flush()


async def at_most(limit: int, works: Iterable[Callable[[], Coroutine[None, None, Result]]]) -> list[Result]:
    """Do all works, so many at a time, and return their results in order."""
    gate = asyncio.Semaphore(limit)

    async def gated(work: Callable[[], Coroutine[None, None, Result]]) -> Result:
        async with gate:
            return await work()

    try:
        async with asyncio.TaskGroup() as tasks:
            started = [tasks.create_task(gated(work)) for work in works]
    except* BenchError as group:
        raise BenchError(str(group.exceptions[0])) from None
    return [task.result() for task in started]
