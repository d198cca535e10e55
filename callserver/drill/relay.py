"""The emulated network between two ends: a UDP relay in user space that asks a `Link` a direction what arrives when.

Each end is given one of the relay's two addresses as its peer. The relay learns an end's address from its packets,
or is told it.
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


class Relay:
    """`near` and `far` are the relay's addresses; what arrives at `near` leaves from `far` towards the far end."""

    def __init__(self, towards_far: Link, towards_near: Link, host: str = "127.0.0.1") -> None:
        self._loop = asyncio.get_running_loop()
        self.outages = Outages()
        self._host = host
        self._comes_from = 0
        self._links = {"near": towards_far, "far": towards_near}
        self._sockets = {side: _bound(host) for side in ("near", "far")}
        self._peers: dict[str, Any] = {"near": None, "far": None}
        self._started = self._loop.time()
        self._queue: list[tuple[float, int, str, bytes]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self.bytes_delivered = {"near": 0, "far": 0}
        for side, sock in self._sockets.items():
            self._loop.add_reader(sock, self._readable, side)

    @property
    def near(self) -> tuple[str, int]:
        return self._address("near")

    @property
    def far(self) -> tuple[str, int]:
        return self._address("far")

    def _address(self, side: str) -> tuple[str, int]:
        host, port = self._sockets[side].getsockname()[:2]
        return host, port

    def connect_far(self, address: tuple[str, int]) -> None:
        """Say where the far end is, when it will not speak first (a server)."""
        self._peers["far"] = address

    def start_clock(self) -> None:
        """The links' schedules begin now."""
        self.outages.begin(self._loop.time())
        for link in self._links.values():
            link.begin(self._loop.time() - self._started)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for sock in self._sockets.values():
            self._loop.remove_reader(sock)
            sock.close()

    def _readable(self, side: str) -> None:
        sock, link = self._sockets[side], self._links[side]
        other = "far" if side == "near" else "near"
        for _ in range(128):
            try:
                data, source = sock.recvfrom(2048)
            except (BlockingIOError, ConnectionRefusedError):
                break
            if side == "near" or self._peers["far"] is None:
                self._peers[side] = source
            now = self._loop.time() - self._started
            arrival = link.offer(len(data), now) if link.state.udp else None
            link.advance(now)
            if side == "near" and link.state.address != self._comes_from:
                self._move(link.state.address)
            if arrival is not None and len(self._queue) < MAX_QUEUED:
                heapq.heappush(self._queue, (arrival, next(self._order), other, data))
        self._deliver()

    def _move(self, address: int) -> None:
        """The near end is in another network: the far end sees another address, and what it sends to the old one is
        lost. Emulated on loopback: 127.0.0.1, 127.0.0.2 and so on."""
        self._comes_from = address
        before, self._sockets["far"] = self._sockets["far"], _bound(str(ip_address(self._host) + address))
        self._loop.remove_reader(before)
        before.close()
        self._loop.add_reader(self._sockets["far"], self._readable, "far")
        self._queue = [entry for entry in self._queue if entry[2] != "far"]
        heapq.heapify(self._queue)

    def _deliver(self) -> None:
        now = self._loop.time() - self._started
        while self._queue and self._queue[0][0] <= now + 0.0005:
            _, _, side, data = heapq.heappop(self._queue)
            peer = self._peers[side]
            if peer is None:
                continue
            try:
                self._sockets[side].sendto(data, peer)
                self.bytes_delivered[side] += len(data)
                self.outages.arrived(side, data, now + self._started)
            except OSError:
                continue  # the end is gone or its buffer is full: lost, as on any network
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            self._timer = self._loop.call_later(max(0.0, self._queue[0][0] - now), self._deliver)


def _bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 << 20)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 << 20)
    sock.bind((host, 0))
    return sock
