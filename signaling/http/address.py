"""Who is asking, and by which name we are known to them: addresses and origins, with and without proxies before us.

X-Forwarded-* is believed only from configured proxies. The first address from the right that is no proxy of ours is the
client: everything further left was written by the client itself.
"""

import ipaddress
import re
from collections.abc import Iterable

from aiohttp import hdrs, web

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDING_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
_HOST = re.compile(r"[A-Za-z0-9.\-_]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_UNKNOWN = ipaddress.IPv6Address("::")


class Proxies:
    """The proxies we trust and the one public URL, if there is one."""

    def __init__(self, trusted: Iterable[str] = (), public_url: str = "") -> None:
        self._trusted: list[Network] = [ipaddress.ip_network(network) for network in trusted]
        self._public_url = public_url.rstrip("/")

    def client_address(self, request: web.Request) -> Address:
        """The address of the browser; `::` if there is none (a Unix socket)."""
        address = _parse(request.remote or "")
        if not self._is_proxy(address):
            return address
        for text in reversed(request.headers.get("X-Forwarded-For", "").split(",")[-16:]):
            claimed = _parse(text.strip())
            if claimed == _UNKNOWN:
                return address
            address = claimed
            if not self._is_proxy(address):
                return address
        return address

    def is_local(self, request: web.Request) -> bool:
        """Directly connected from this machine or a private network: no proxy has been between."""
        if any(name in request.headers for name in FORWARDING_HEADERS):
            return False
        address = _parse(request.remote or "")
        return address.is_loopback or address.is_private

    def origin(self, request: web.Request) -> str:
        """Our own origin as this browser sees it, e.g. https://calls.example.com."""
        if self._public_url:
            return self._public_url
        scheme, host = request.scheme, request.host
        if self._is_proxy(_parse(request.remote or "")):
            scheme = request.headers.get("X-Forwarded-Proto", scheme).split(",")[-1].strip()
            host = request.headers.get("X-Forwarded-Host", host).split(",")[-1].strip()
        if scheme not in ("http", "https") or not _HOST.fullmatch(host):
            raise web.HTTPBadRequest
        return f"{scheme}://{host}"

    def is_secure(self, request: web.Request) -> bool:
        """Whether the browser reached us by https."""
        return self.origin(request).startswith("https:")

    def _is_proxy(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._trusted)


def throttle_key(address: Address) -> str:
    """What to count attempts by: an IPv4 address, or the /64 an IPv6 host can choose from."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False).network_address)
    return str(address)


def browser_origin(request: web.Request) -> str:
    """The Origin header, without case in scheme and host; empty if absent or opaque ("null")."""
    origin = request.headers.get(hdrs.ORIGIN, "")
    return "" if origin == "null" or len(origin) > 300 else origin.lower()


def _parse(text: str) -> Address:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return _UNKNOWN
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
