"""The UDP port of a worker: batches in, batches out, and a wake-up rhythm that follows the load.

Quiet: the loop wakes for each datagram. Busy: the reader is taken off the loop and a timer reads what has gathered
in about a millisecond, because one wake-up of the loop costs as much as four datagrams.
"""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from media.io import mmsg, plain
from media.io.address import IN4_BYTES, IN6_BYTES, parse_sockaddr, source_of
from media.io.arena import CAPACITY, HEADROOM, Arena, fill
from media.io.batches import Receiver, Sender
from media.io.counters import Counters
from media.io.paths import PacketSink
from media.wire.buffer import PacketBuffer

BATCH = 64
BATCHES_A_TURN = 4
"""So that a flood cannot keep the loop from everything else."""
OUT_SLOTS = 64

TICK = 0.001
WINDOW = 0.02
BUSY_RATE = 2_000
"""Datagrams a second from which on the timer reads."""
QUIET_RATE = 1_000


class Batches(NamedTuple):
    """How this system reads and sends datagrams."""

    receiver: Callable[[socket.socket, int, int], Receiver]
    sender: Callable[[socket.socket, int, int], Sender]
    destination: Callable[[int, bytes], object]


MMSG = Batches(mmsg.Receiver, mmsg.Sender, mmsg.destination)
PLAIN = Batches(plain.Receiver, plain.Sender, plain.destination)


class Dispatcher(Protocol):
    """Who looks at what came in. `packet` is valid until the call returns."""

    def receive_datagram(self, packet: PacketBuffer, source: bytes, now: float) -> None: ...


class UdpPath:
    """A UDP address (media.io.paths.Path)."""

    __slots__ = ("_endpoint", "_sender", "address", "checked_at", "key", "name", "owner", "source", "transport")

    def __init__(self, endpoint: "Endpoint", key: bytes) -> None:
        self._endpoint = endpoint
        self._sender = endpoint.sender
        self.key = key
        self.name = endpoint.batches.destination(endpoint.family, key)
        self.address = parse_sockaddr(key)
        self.source = source_of(key)
        self.transport = "udp6" if self.address.is_ipv6 else "udp4"
        self.owner: PacketSink | None = None
        self.checked_at = 0.0

    def send_packet(self, packet: PacketBuffer) -> None:
        sender = self._sender
        if sender.queued >= sender.capacity:
            self._endpoint.flush()
        sender.add(packet, self.name)

    def send_bytes(self, data: bytes) -> None:
        slot = self._endpoint.take_slot()
        fill(slot, data[:CAPACITY])
        self.send_packet(slot)

    def forget(self) -> None:
        self.owner = None
        self._endpoint.paths.pop(self.key, None)


class Endpoint:
    """One bound UDP socket. `paths` are the verified addresses by raw sockaddr."""

    def __init__(
        self, sock: socket.socket, dispatcher: Dispatcher, counters: Counters, batches: Batches | None = None
    ) -> None:
        self.paths: dict[bytes, UdpPath] = {}
        self.batches = batches = batches or (MMSG if mmsg.AVAILABLE else PLAIN)
        self.family = sock.family
        self._sock = sock
        self._dispatcher = dispatcher
        self._counters = counters
        name_bytes = IN6_BYTES if sock.family == socket.AF_INET6 else IN4_BYTES
        self._receiver = batches.receiver(sock, BATCH, name_bytes)
        self.sender = batches.sender(sock, 2 * BATCH + OUT_SLOTS, name_bytes)
        """Takes packets in slots until the next flush, for which a path asks when there is no room."""
        self._out = Arena(OUT_SLOTS).slots
        self._out_taken = 0
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._window_start = 0.0
        self._window_count = 0
        self._closed = False

    def start(self) -> None:
        """Begin to read."""
        self._listen()

    def close(self) -> None:
        """Send what is queued, stop reading and close the socket."""
        if self._closed:
            return
        self.flush()
        self._closed = True
        if self._timer is None:
            self._loop.remove_reader(self._sock)
        else:
            self._timer.cancel()
        self._sock.close()

    # --- out ---

    def take_slot(self) -> PacketBuffer:
        """A free slot for a packet of our own; valid until the next flush."""
        if self._out_taken >= len(self._out):
            self.flush()
        slot = self._out[self._out_taken]
        self._out_taken += 1
        return slot

    def flush(self) -> None:
        """Send what is queued. Called at the end of every batch and of every timer that sends."""
        self._out_taken = 0
        queued = self.sender.queued
        if queued and not self._closed:
            dropped = self.sender.flush()
            self._counters.datagrams_dropped_send += dropped
            self._counters.datagrams_sent += queued - dropped

    # --- in ---

    def _read_batch(self) -> int:
        receiver = self._receiver
        count = receiver.receive()
        if not count:
            return 0
        now = time.monotonic()
        dispatch = self._dispatcher.receive_datagram
        counters = self._counters
        counters.datagrams_received += count
        for slot, name, header in receiver.slots[:count]:
            length = header.msg_len
            if 0 < length <= CAPACITY:
                slot.start = HEADROOM
                slot.end = HEADROOM + length
                dispatch(slot, name.tobytes(), now)
            else:
                counters.datagrams_dropped_oversized += 1
        self.flush()
        return count

    def _turn(self) -> int:
        total = 0
        for _ in range(BATCHES_A_TURN):
            count = self._read_batch()
            total += count
            if count < BATCH:
                break
        return total

    # --- rhythm ---

    def _listen(self) -> None:
        self._timer = None
        self._begin_window()
        self._loop.add_reader(self._sock, self._on_readable)

    def _begin_window(self) -> None:
        self._window_start = time.monotonic()
        self._window_count = 0

    def _on_readable(self) -> None:
        self._window_count += self._turn()
        elapsed = time.monotonic() - self._window_start
        if elapsed < WINDOW or self._closed:
            return
        if self._window_count > BUSY_RATE * elapsed:
            self._loop.remove_reader(self._sock)
            self._timer = self._loop.call_later(TICK, self._on_tick)
        self._begin_window()

    def _on_tick(self) -> None:
        count = self._turn()
        self._window_count += count
        if self._closed:
            return
        elapsed = time.monotonic() - self._window_start
        if elapsed >= WINDOW:
            if self._window_count < QUIET_RATE * elapsed:
                self._listen()
                return
            self._begin_window()
        if count >= BATCH * BATCHES_A_TURN:
            self._timer = self._loop.call_soon(self._on_tick)
        else:
            self._timer = self._loop.call_later(TICK, self._on_tick)
