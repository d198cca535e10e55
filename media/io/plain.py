"""Datagrams one at a time through the socket module: for systems without recvmmsg (macOS). Same faces as mmsg.py."""

import socket
from contextlib import suppress

from media.io import batches
from media.io.address import pack_sockaddr, parse_sockaddr
from media.io.arena import CAPACITY, HEADROOM, Arena
from media.wire.buffer import PacketBuffer


class _Header:
    __slots__ = ("msg_len",)

    def __init__(self) -> None:
        self.msg_len = 0


class Receiver(batches.Receiver):
    """See mmsg.Receiver."""

    def __init__(self, sock: socket.socket, count: int, name_bytes: int) -> None:
        self._sock = sock
        names = memoryview(bytearray(count * name_bytes))
        spans = [names[i * name_bytes : (i + 1) * name_bytes] for i in range(count)]
        self.slots = [(slot, span, _Header()) for slot, span in zip(Arena(count).slots, spans, strict=True)]

    def receive(self) -> int:
        """Fill slots; return how many, 0 when nothing is waiting."""
        count = 0
        with suppress(OSError):
            for slot, name, header in self.slots:
                window = slot.view[HEADROOM : HEADROOM + CAPACITY + 1]
                header.msg_len, sender = self._sock.recvfrom_into(window)
                name[:] = pack_sockaddr(self._sock.family, sender)
                count += 1
        return count


class Sender(batches.Sender):
    """See mmsg.Sender."""

    def __init__(self, sock: socket.socket, count: int, name_bytes: int) -> None:
        self._sock = sock
        self._queue: list[tuple[memoryview, object]] = []
        self.capacity = count
        self.queued = 0

    def add(self, packet: PacketBuffer, name: object) -> None:
        """Queue a packet to the destination `name` (from `destination`)."""
        self._queue.append((packet.view[packet.start : packet.end], name))
        self.queued += 1

    def flush(self) -> int:
        """Send what is queued; return how many the kernel did not take."""
        queue, self._queue, self.queued = self._queue, [], 0
        dropped = 0
        for data, name in queue:
            try:
                self._sock.sendto(data, name)  # type: ignore[call-overload]
            except OSError:
                dropped += 1
        return dropped


def destination(family: int, raw: bytes) -> object:
    """A sockaddr as the socket module wants it."""
    address = parse_sockaddr(raw)
    if family == socket.AF_INET:
        return socket.inet_ntop(family, address.packed), address.port
    packed = address.packed if address.is_ipv6 else bytes(10) + b"\xff\xff" + address.packed
    return socket.inet_ntop(family, packed), address.port, 0, int.from_bytes(raw[24:28], "little")
