"""The addresses put into offers, and how candidates are written (RFC 8839 §5.1, RFC 6544 §4.5)."""

import asyncio
import ipaddress
import socket
from typing import NamedTuple

import ifaddr

from media.errors import NegotiationError

_LEAST_PREFERENCE, _MOST_PREFERENCE = 30, 88
"""Type preferences (RFC 8445 §5.1.2.1): TCP below UDP, and each ICE restart above the one before.

A page sends on the pair with the higher priority until a path has been silent for 2.5 s (Chromium), so a path that
died is left sooner only for a better one. Hence even TCP of the newest offer is better than UDP of the one before. The
lower of both ends' priorities decides a pair (§6.1.2.3): ours is lower than a browser's own (126; 90 for TCP), and
above those of relays (2 and less), which stay the last resort.
"""
MAX_ADDRESSES = 8


class Advertised(NamedTuple):
    """Where a worker can be reached."""

    addresses: tuple[str, ...]
    port: int
    tcp: bool


def candidate_lines(advertised: Advertised, generation: int = 0) -> list[str]:
    """Host candidates of every address, UDP first, then passive TCP; all are known, hence end-of-candidates."""
    lines = []
    preference = min(_LEAST_PREFERENCE + 2 * generation, _MOST_PREFERENCE)
    for i, address in enumerate(advertised.addresses):
        lines.append(_candidate(i + 1, "udp", preference + 1, i, address, advertised.port))
    if advertised.tcp:
        for i, address in enumerate(advertised.addresses):
            line = _candidate(i + 101, "tcp", preference, i, address, advertised.port)
            lines.append(f"{line} tcptype passive")
    return [*lines, "a=end-of-candidates"]


def _candidate(foundation: int, protocol: str, preference: int, order: int, address: str, port: int) -> str:
    priority = (preference << 24) + ((65535 - order) << 8) + 255  # RFC 8445 §5.1.2.1, component 1
    return f"a=candidate:{foundation} 1 {protocol} {priority} {address} {port} typ host"


def own_addresses(ipv6: bool) -> tuple[str, ...]:
    """This machine's addresses: global and private, not link-local; loopback if there is no other."""
    texts = [ip.ip if isinstance(ip.ip, str) else ip.ip[0] for card in ifaddr.get_adapters() for ip in card.ips]
    found = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
    usable = [ip for ip in found if not ip.is_link_local and (ipv6 or ip.version == 4)]
    outside = [ip for ip in usable if not ip.is_loopback]
    chosen = sorted(set(outside or usable), key=lambda ip: (ip.version, ip.packed))
    return tuple(str(ip) for ip in chosen[:MAX_ADDRESSES]) or ("127.0.0.1",)


async def resolve(names: tuple[str, ...], ipv6: bool) -> tuple[str, ...]:
    """Addresses for configured names and addresses, in order; raise NegotiationError for a name without any."""
    loop = asyncio.get_running_loop()
    addresses: dict[str, None] = {}
    for name in names:
        try:
            answers = await loop.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except OSError as error:
            raise NegotiationError(f"the advertised name {name!r} has no address: {error}") from error
        for family, *_, sockaddr in answers:
            if family == socket.AF_INET or (ipv6 and family == socket.AF_INET6):
                addresses[str(sockaddr[0])] = None
    return tuple(addresses)[:MAX_ADDRESSES]
