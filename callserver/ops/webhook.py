"""Webhooks after the Standard Webhooks specification 1.0: signed, sent only to public addresses unless allowed.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import ipaddress
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from callserver.ops.webhook_signature import is_public, signature

TIMEOUT = 10.0


class DeliveryError(Exception):
    """A message was not delivered; the text says why. `permanent`: trying again would not help."""

    def __init__(self, text: str, *, permanent: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only, at the moment of connecting: a name cannot change its mind between
    check and use."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [one for one in await self._resolver.resolve(host, port, family) if is_public(one["host"])]
        if not found:
            raise OSError(None, f"{host} has no public address")
        return found

    async def close(self) -> None:
        await self._resolver.close()


class Webhook:
    """Sends one body at a time to one URL. `wall_clock` gives the signed time."""

    def __init__(self, url: str, key: bytes, wall_clock: Callable[[], float], *, allow_private: bool) -> None:
        self._url = url
        self._key = key
        self._wall_clock = wall_clock
        self._allow_private = allow_private
        self._client: aiohttp.ClientSession | None = None

    async def send(self, message_id: str, body: bytes) -> None:
        """Deliver, or raise DeliveryError. A repeat must carry the same id, so that the receiver can tell."""
        host = urlsplit(self._url).hostname or ""
        if not self._allow_private and _is_address(host) and not is_public(host):
            raise DeliveryError(f"{host} is no public address (alerts.allow_private is false)", permanent=True)
        now = int(self._wall_clock())
        headers = {
            "content-type": "application/json",
            "user-agent": "callserver",
            "webhook-id": message_id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._key, message_id, now, body),
        }
        try:
            async with self._open().post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DeliveryError(f"{type(error).__name__}: {error}"[:200]) from error
        if status // 100 != 2:
            # 410 Gone: the receiver wants no more of it (specification, "Disabling an endpoint").
            raise DeliveryError(f"answered {status}", permanent=status == 410)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._client is None:
            # Alerts are rare: no connection is kept, and a name is looked up each time.
            plain: AbstractResolver = aiohttp.ThreadedResolver()
            resolver = plain if self._allow_private else PublicResolver(plain)
            connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, force_close=True, limit=2)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._client = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)
        return self._client


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
