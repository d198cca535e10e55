"""The emulated network between two ends: a UDP relay in user space that asks a `Link` a direction what arrives when.

Each end is given one of the relay's two addresses as its peer. The relay learns an end's address from its packets,
or is told it. Where it is told the far one (a server) it is a NAT: each socket of the near end has its own way there.
"""

import asyncio
import heapq
import socket
from ipaddress import ip_address
from itertools import count
from typing import Any

from callserver.drill.link import Link
from callserver.drill.outage import Outages

MAX_QUEUED = 20_000
"""Datagrams on the way at one time, both directions; more are dropped as by a full queue."""
MAX_WAYS = 64
"""Sockets of the near end at a time: a page has some at its first try and as many after each ICE restart."""


class Relay:
    """`near` and `far` are the relay's addresses; what arrives at `near` leaves from `far` towards the far end."""

    def __init__(self, towards_far: Link, towards_near: Link, host: str = "127.0.0.1") -> None:
        self._loop = asyncio.get_running_loop()
        self.outages = Outages()
        self._towards_far, self._towards_near = towards_far, towards_near
        self._host = ip_address(host)
        self._near, self._far = _bound(host), _bound(host)
        self._far_end: Any = None
        self._ways: dict[Any, socket.socket] = {}
        """Address of a near socket -> ours for it towards the far end."""
        self._comes_from = 0
        self._started = self._loop.time()
        self._queue: list[tuple[float, int, str, Any, bytes]] = []
        """Arrival, order, side it arrives at, near address it is of, data."""
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self.bytes_delivered = {"near": 0, "far": 0}
        self._loop.add_reader(self._near, self._read_near)
        self._loop.add_reader(self._far, self._read_far, self._far, None)

    @property
    def near(self) -> tuple[str, int]:
        return _address(self._near)

    @property
    def far(self) -> tuple[str, int]:
        return _address(self._far)

    def connect_far(self, address: tuple[str, int]) -> None:
        """Say where the far end is, when it will not speak first (a server)."""
        self._far_end = address

    def start_clock(self) -> None:
        """The links' schedules begin now."""
        self.outages.begin(self._loop.time())
        for link in (self._towards_far, self._towards_near):
            link.begin(self._loop.time() - self._started)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for sock in {self._near, self._far, *self._ways.values()}:
            self._loop.remove_reader(sock)
            sock.close()

    def _read_near(self) -> None:
        link = self._towards_far
        for data, source in _received(self._near):
            now = self._enter()
            arrival = link.offer(len(data), now) if link.state.udp else None
            link.advance(now)
            self._take_way(source)
            self._travel(arrival, "far", source, data)
        self._deliver()

    def _read_far(self, sock: socket.socket, near_end: Any) -> None:
        """`near_end`: whose way it is, None before the near end spoke."""
        link = self._towards_near
        for data, source in _received(sock):
            if self._far_end is None:
                self._far_end = source
            now = self._enter()
            arrival = link.offer(len(data), now) if link.state.udp else None
            link.advance(now)
            if near_end in self._ways:
                self._travel(arrival, "near", near_end, data)
        self._deliver()

    def _take_way(self, source: Any) -> None:
        """The near end's socket at `source` speaks: give it a way of its own, if the far end is a server."""
        if source in self._ways:
            return
        if not self._ways and not self._comes_from:
            self._ways[source] = self._far
            self._loop.add_reader(self._far, self._read_far, self._far, source)
        elif self._far_end is not None and len(self._ways) < MAX_WAYS:
            self._ways[source] = sock = _bound(str(self._host + self._comes_from))
            self._loop.add_reader(sock, self._read_far, sock, source)

    def _enter(self) -> float:
        """The link's time. If the near end is in another network by now the far end sees another address, and what it
        sends to the old one is lost. Emulated on loopback: 127.0.0.1, 127.0.0.2 and so on."""
        now = self._loop.time() - self._started
        self._towards_far.advance(now)
        if self._towards_far.state.address != self._comes_from:
            self._move(self._towards_far.state.address)
        return now

    def _move(self, address: int) -> None:
        self._comes_from = address
        for sock in self._ways.values():
            self._loop.remove_reader(sock)
            if sock is not self._far:
                sock.close()
        self._ways.clear()
        self._queue = [entry for entry in self._queue if entry[2] != "far"]
        heapq.heapify(self._queue)

    def _travel(self, arrival: float | None, side: str, near_end: Any, data: bytes) -> None:
        if arrival is not None and len(self._queue) < MAX_QUEUED:
            heapq.heappush(self._queue, (arrival, next(self._order), side, near_end, data))

    def _deliver(self) -> None:
        now = self._loop.time() - self._started
        while self._queue and self._queue[0][0] <= now + 0.0005:
            _, _, side, near_end, data = heapq.heappop(self._queue)
            sock = self._near if side == "near" else self._ways.get(near_end)
            peer = near_end if side == "near" else self._far_end
            if sock is None or peer is None:
                continue
            try:
                sock.sendto(data, peer)
                self.bytes_delivered[side] += len(data)
                self.outages.arrived(side, data, now + self._started)
            except OSError:
                continue  # the end is gone or its buffer is full: lost, as on any network
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            self._timer = self._loop.call_later(max(0.0, self._queue[0][0] - now), self._deliver)


def _received(sock: socket.socket) -> list[tuple[bytes, Any]]:
    """What waits in the socket, a batch at most."""
    found = []
    for _ in range(128):
        try:
            found.append(sock.recvfrom(2048))
        except (BlockingIOError, ConnectionRefusedError):
            break
    return found


def _address(sock: socket.socket) -> tuple[str, int]:
    host, port = sock.getsockname()[:2]
    return host, port


def _bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 << 20)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 << 20)
    sock.bind((host, 0))
    return sock
