"""ICE-TCP, passive side (RFC 6544), frames of RFC 4571, on the number of the UDP port.

For networks that let no UDP through. A connection is nobody's until a STUN check passes on it, and is bounded until
then; afterwards it is a path like any other. Nothing ever waits for a slow reader: packets are dropped instead.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import cast

from media.io.address import Address, pack_sockaddr as packed, parse_sockaddr, source_of
from media.io.arena import CAPACITY, Arena, fill
from media.io.counters import Counters
from media.io.limits import InProgress
from media.io.paths import PacketSink, Path
from media.wire.buffer import PacketBuffer

CHECK_SECONDS = 5.0
"""Within which a check has to pass on a new connection."""
UNCHECKED_A_SOURCE = 32
UNCHECKED = 512
UNCHECKED_FRAMES = 200
"""Frames on a connection before its first passed check; a page sends some ten."""
MAX_BEHIND_BYTES = 256 << 10
"""Unsent bytes above which large packets (video) are dropped; small ones (audio, reports) have half as much more."""
SMALL_BYTES = 320

_FRAME = struct.Struct("!H")

Receive = Callable[[PacketBuffer, Path, float], None]


class TcpPath(asyncio.Protocol):
    """One connection (media.io.paths.Path)."""

    def __init__(self, listener: "TcpListener") -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._rest = b""
        self._frames = 0
        self._owner: PacketSink | None = None
        self.checked_at = 0.0
        self.address = Address(bytes(4), 0)
        self.source = b""
        self.transport = "tcp4"

    @property
    def owner(self) -> PacketSink | None:
        return self._owner

    @owner.setter
    def owner(self, owner: PacketSink | None) -> None:
        self._owner = owner
        if owner is not None:
            self._end_trial()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self._transport = transport
        name = transport.get_extra_info("peername")
        raw = packed(socket.AF_INET6 if ":" in name[0] else socket.AF_INET, name)
        self.address, self.source = parse_sockaddr(raw), source_of(raw)
        self.transport = "tcp6" if self.address.is_ipv6 else "tcp4"
        if self._listener.admit(self):
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(CHECK_SECONDS, self._expire)
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._end_trial()
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.lost(self)
        self._listener.left(self)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, end = 0, len(data)
        now = time.monotonic()
        while at + 2 <= end and self._transport is not None:
            (length,) = _FRAME.unpack_from(data, at)
            self._frames += 1
            if length > CAPACITY or (self._owner is None and self._frames > UNCHECKED_FRAMES):
                self._listener.counters.tcp_malformed += 1
                self._transport.abort()
                return
            if at + 2 + length > end:
                break
            if length:
                self._listener.deliver(self, memoryview(data)[at + 2 : at + 2 + length], now)
            at += 2 + length
        self._rest = data[at:]

    def send_packet(self, packet: PacketBuffer) -> None:
        self._write(packet.view[packet.start : packet.end])

    def send_bytes(self, data: bytes) -> None:
        self._write(data)

    def forget(self) -> None:
        self._owner = None
        if self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes | memoryview) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        length = len(data)
        behind = transport.get_write_buffer_size()
        if behind > MAX_BEHIND_BYTES and (length > SMALL_BYTES or behind > MAX_BEHIND_BYTES * 3 // 2):
            self._listener.counters.tcp_dropped_behind += 1
            return
        transport.write(_FRAME.pack(length) + data)

    def _end_trial(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._listener.trial_ended(self)

    def _expire(self) -> None:
        self._listener.counters.tcp_expired += 1
        self._end_trial()
        if self._transport is not None:
            self._transport.abort()


class TcpListener:
    """Accepts connections and hands their frames to `receive`; `flush` is called after each."""

    def __init__(self, receive: Receive, flush: Callable[[], None], counters: Counters) -> None:
        self.counters = counters
        self._receive = receive
        self._flush = flush
        self._unchecked = InProgress(a_source=UNCHECKED_A_SOURCE, total=UNCHECKED)
        self._slot = Arena(1).slots[0]
        self._connections: set[TcpPath] = set()
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Listen on a bound socket."""
        self._server = await asyncio.get_running_loop().create_server(lambda: TcpPath(self), sock=sock)

    def close(self) -> None:
        """Close the listener and every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.forget()

    def admit(self, path: TcpPath) -> bool:
        """Whether another unauthenticated connection of this source may stay."""
        if not self._unchecked.begin(path.source):
            self.counters.tcp_refused += 1
            return False
        self.counters.tcp_accepted += 1
        self._connections.add(path)
        return True

    def trial_ended(self, path: TcpPath) -> None:
        """The connection passed a check or is gone."""
        self._unchecked.end(path.source)

    def left(self, path: TcpPath) -> None:
        self._connections.discard(path)

    def deliver(self, path: TcpPath, frame: memoryview, now: float) -> None:
        """One frame came in. The slot is free again after the flush."""
        fill(self._slot, frame)
        self._receive(self._slot, path, now)
        self._flush()
