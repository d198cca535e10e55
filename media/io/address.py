"""Socket addresses as the kernel writes them: raw `sockaddr_in` or `sockaddr_in6` bytes are our keys.

Never turned into text on the packet path. Layout of Linux: family (2, native), port (2, network), then for IPv4 the
address (4) and zeros (8), for IPv6 flow (4), address (16), scope (4, native).
"""

import ipaddress
import socket
import struct
from typing import NamedTuple

IN4_BYTES = 16
IN6_BYTES = 28

_IN4 = struct.Struct("=HH4s8x")
_IN6 = struct.Struct("=HHI16sI")
_MAPPED = bytes(10) + b"\xff\xff"


class Address(NamedTuple):
    """An IP address (4 or 16 bytes, never IPv4-mapped) and port."""

    packed: bytes
    port: int

    @property
    def is_ipv6(self) -> bool:
        return len(self.packed) == 16

    def __str__(self) -> str:
        host = ipaddress.ip_address(self.packed)
        return f"[{host}]:{self.port}" if self.is_ipv6 else f"{host}:{self.port}"


def parse_sockaddr(raw: bytes) -> Address:
    """The address in a sockaddr of either family; an IPv4-mapped one is IPv4."""
    if len(raw) == IN4_BYTES:
        _, port, packed = _IN4.unpack(raw)
    else:
        _, port, _, packed, _ = _IN6.unpack(raw)
        if packed.startswith(_MAPPED):
            packed = packed[12:]
    return Address(packed, socket.ntohs(port))


def pack_sockaddr(family: int, name: tuple[str, int] | tuple[str, int, int, int]) -> bytes:
    """The sockaddr of a Python address tuple of an AF_INET or AF_INET6 socket."""
    port = socket.htons(name[1])
    if family == socket.AF_INET:
        return _IN4.pack(family, port, socket.inet_pton(family, name[0]))
    flow, scope = (name[2], name[3]) if len(name) == 4 else (0, 0)
    return _IN6.pack(family, port, flow, socket.inet_pton(family, name[0].partition("%")[0]), scope)


def source_of(raw: bytes) -> bytes:
    """What counts as one source for limits: an IPv4 address, or an IPv6 /64 (what one customer line gets)."""
    if len(raw) == IN4_BYTES:
        return raw[4:8]
    if raw[8:20] == _MAPPED:
        return raw[20:24]
    return raw[8:16]
