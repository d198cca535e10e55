"""One UDP socket that plays many hosts, so that a cheap generator can batch the packets of all its legs.

Every address of 127.0.0.0/8 is this machine's own: with IP_PKTINFO each datagram chooses the address it comes from,
and the address an answer was sent to says whose it is (ip(7)). The kernel stamps arrivals (SO_TIMESTAMPNS), so that
latency is measured to the moment of arrival and not to the moment when the generator looks.
"""

import socket
import struct
import sys
from collections.abc import Iterator

from cffi import FFI

from callserver.bench import BenchError
from media.io.arena import CAPACITY, HEADROOM, Arena
from media.wire.buffer import PacketBuffer

HOSTS = 0x7F010000
"""Leg n is 127.1.0.0 + n."""

BATCH = 256
SOCKET_BUFFER_BYTES = 4 << 20

_SO_TIMESTAMPNS = 35
_IP_PKTINFO = 8
_IN_CONTROL = struct.Struct("@QiiqqQiiIII4x")
"""A cmsg with a timespec, then one with an in_pktinfo: cmsg(3), padded to 8 bytes."""
_OUT_CONTROL = struct.Struct("@QiiIII4x")
_IN_CONTROL_BYTES = 128

_ffi = FFI()
_ffi.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen; int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned msg_len; };
    int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, void *timeout);
    int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
    """
)
_libc = _ffi.dlopen(None)


class Port:
    """Sends to one server from many addresses. Slots stay as they are after sending: write them anew."""

    def __init__(self, server: tuple[str, int], hosts: int = HOSTS) -> None:
        """`hosts`: the IPv4 address of leg 0; all that follow it must be this machine's own."""
        self._hosts = hosts
        if sys.platform != "linux":
            raise BenchError("this bench needs Linux: it plays many hosts with IP_PKTINFO and recvmmsg")
        sock = self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.bind(("0.0.0.0", 0))  # noqa: S104 - all of 127/8
        self.refused = 0
        """Datagrams the kernel did not take."""
        self._queued = 0
        self._sources: dict[int, object] = {}
        self._routes: dict[int, object] = {}
        self._prepare_out(server)
        self._prepare_in()

    def route(self, host: int, server: tuple[str, int]) -> None:
        """What this host sends goes there: for a server with a port a leg."""
        self._routes[host] = _name(server)

    def _prepare_out(self, server: tuple[str, int]) -> None:
        self._name = _name(server)
        self._arena_out = Arena(BATCH)
        self._iovecs_out = _ffi.new("struct iovec[]", BATCH)
        self._messages_out = _ffi.new("struct mmsghdr[]", BATCH)
        self._out = []
        for i, slot in enumerate(self._arena_out.slots):
            header = self._messages_out[i].msg_hdr
            header.msg_name = self._name
            header.msg_namelen = 16
            header.msg_iov = self._iovecs_out + i
            header.msg_iovlen = 1
            header.msg_controllen = _OUT_CONTROL.size
            self._out.append((slot, self._iovecs_out[i], header))

    def _prepare_in(self) -> None:
        self._arena_in = Arena(BATCH)
        self._control_in = bytearray(BATCH * _IN_CONTROL_BYTES)
        control = self._keep = _ffi.from_buffer("char[]", self._control_in)
        self._iovecs_in = _ffi.new("struct iovec[]", BATCH)
        self._messages_in = _ffi.new("struct mmsghdr[]", BATCH)
        self._in = []
        for i, slot in enumerate(self._arena_in.slots):
            self._iovecs_in[i].iov_base = slot.pointer + HEADROOM
            self._iovecs_in[i].iov_len = CAPACITY
            header = self._messages_in[i].msg_hdr
            header.msg_iov = self._iovecs_in + i
            header.msg_iovlen = 1
            header.msg_control = control + i * _IN_CONTROL_BYTES
            header.msg_controllen = _IN_CONTROL_BYTES
            self._in.append((slot, i * _IN_CONTROL_BYTES, self._messages_in[i]))

    def slot(self) -> PacketBuffer:
        """The slot that the next `queue` sends; sends what is queued if none is free."""
        if self._queued == BATCH:
            self.flush()
        return self._out[self._queued][0]

    def queue(self, host: int) -> None:
        """Queue the slot last given out, as a datagram of this host."""
        slot, iovec, header = self._out[self._queued]
        source = self._sources.get(host)
        if source is None:
            control = _OUT_CONTROL.pack(28, socket.IPPROTO_IP, _IP_PKTINFO, 0, socket.htonl(self._hosts + host), 0)
            source = self._sources[host] = _ffi.new("char[]", control)
        iovec.iov_base = slot.pointer + slot.start
        iovec.iov_len = slot.end - slot.start
        header.msg_control = source
        header.msg_name = self._routes.get(host, self._name) if self._routes else self._name
        self._queued += 1

    def send(self, data: bytes, host: int) -> None:
        """Queue bytes as a datagram of this host."""
        slot = self.slot()
        slot.start = HEADROOM
        slot.end = HEADROOM + len(data)
        slot.view[HEADROOM : slot.end] = data
        self.queue(host)

    def flush(self) -> None:
        """Send what is queued."""
        total, self._queued = self._queued, 0
        sent = 0
        while sent < total:
            count = _libc.sendmmsg(self.socket.fileno(), self._messages_out + sent, total - sent, 0)
            if count <= 0:
                self.refused += 1
                count = 1
            sent += count

    def receive(self) -> Iterator[tuple[PacketBuffer, int, int]]:
        """What has arrived: the datagram, the host it was sent to, when (nanoseconds of the wall clock)."""
        count = BATCH
        unpack = _IN_CONTROL.unpack_from
        while count == BATCH:
            count = _libc.recvmmsg(self.socket.fileno(), self._messages_in, BATCH, socket.MSG_DONTWAIT, _ffi.NULL)
            for slot, at, message in self._in[: max(count, 0)]:
                slot.start = HEADROOM
                slot.end = HEADROOM + message.msg_len
                _, _, _, seconds, nanoseconds, _, _, _, _, _, host = unpack(self._control_in, at)
                message.msg_hdr.msg_controllen = _IN_CONTROL_BYTES
                yield slot, (socket.ntohl(host) - self._hosts) & 0xFFFF, seconds * 1_000_000_000 + nanoseconds

    def close(self) -> None:
        """Free the socket."""
        self.socket.close()


def _name(server: tuple[str, int]) -> object:
    """A sockaddr_in (ip(7))."""
    return _ffi.new("char[]", struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", *_raw(server)))


def _raw(server: tuple[str, int]) -> tuple[int, bytes]:
    host, port = server
    return port, socket.inet_aton(host)
