"""What every endpoint works with: the service and the store behind it, keys, bounds, and who is calling."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, Protocol

import msgspec
from aiohttp import web

from signaling.http.address import Address, Proxies
from signaling.http.library import Library
from signaling.http.passwords import Passwords
from signaling.http.photo_studio import PhotoStudio
from signaling.http.static import Tree
from signaling.http.throttle import Rate
from signaling.http.tokens import Tokens
from signaling.policy import CallPolicy
from signaling.records import AgentAccount, Records, Site
from signaling.service import Service


class WebRecords(Records, Protocol):
    """The call service's records and what only the web server needs beside them."""

    async def site_by_key(self, api_key_hash: str) -> Site | None:
        """The shop whose API key has this SHA-256 (hex)."""

    async def save_login(self, token_hash: str, agent_id: str, expires_at: float) -> None:
        """Remember a browser that logged in, or prolong it."""

    async def login(self, token_hash: str) -> tuple[str, float] | None:
        """(agent id, expiry) of a logged-in browser."""

    async def end_login(self, token_hash: str) -> None:
        """Forget a browser."""


class HttpOptions(msgspec.Struct, frozen=True):
    """Plain values from the application's settings."""

    web_root: Path
    public_url: str = ""
    connections_per_address: int = 64
    demo: bool = False
    version: str = ""
    ping_interval: float = 10.0
    """Seconds between WebSocket pings; a connection that misses one for half as long again is dead."""
    first_message_timeout: float = 5.0
    policy: CallPolicy = CallPolicy()
    """Of sites that have none of their own."""


class Role(StrEnum):
    """Who may call an endpoint. One who is nothing else is ANYONE."""

    ANYONE = "anyone"
    LOCAL = "local"
    """Directly connected from this machine or a private network, no proxy between: monitoring."""
    SESSION = "session"
    """A page with a session, by its photo token."""
    AGENT = "agent"
    OPERATOR = "operator"
    SITE = "site"
    """A shop's back end, by its API key."""


class Caller(msgspec.Struct, frozen=True):
    """Who asks, as far as the request proves it."""

    role: Role = Role.ANYONE
    agent: AgentAccount | None = None
    site: Site | None = None
    session_id: str = ""
    login_hash: str = ""
    """SHA-256 of the cookie, for logging out."""


class ApiError(Exception):
    """An answer {"error": {"code", "message"}} with its status."""

    def __init__(self, status: int, code: str, message: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


def refuse(status: int, code: str, message: str) -> NoReturn:
    """Raise the ApiError."""
    raise ApiError(status, code, message)


Count = Callable[[str, str], None]
"""Counts (event, label); both come from small fixed sets, never from input."""


@dataclass(frozen=True)
class Web:
    """Everything the endpoints share. One a process."""

    options: HttpOptions
    records: WebRecords
    service: Service
    library: Library
    tokens: Tokens
    passwords: Passwords
    studio: PhotoStudio
    tree: Tree
    proxies: Proxies
    wall_clock: Callable[[], float]
    clock: Callable[[], float]
    """Monotonic seconds."""
    overload: Callable[[], str] = lambda: ""
    """Why no new call can be taken now; empty: it can."""
    count: Count = lambda event, label: None
    country: Callable[[Address], str] = lambda address: ""
    """The country of an address, ISO 3166-1; empty: not known."""
    tickets: Rate = field(default_factory=lambda: Rate(burst=60, per=60.0))
    lookups: Rate = field(default_factory=lambda: Rate(burst=240, per=60.0))


@dataclass(frozen=True)
class Exchange:
    """One request with what was checked about it."""

    shared: Web
    request: web.Request
    caller: Caller
    body: Any = None
    """The decoded request struct of the route."""


Endpoint = Callable[[Exchange], Awaitable[Any]]
"""Returns the route's response struct, None for 204, or a finished response."""


@dataclass(frozen=True)
class Route:
    """One endpoint as data: routing, documents and the auth matrix test are made from these."""

    method: str
    path: str
    endpoint: Endpoint
    roles: frozenset[Role]
    summary: str
    request: type[msgspec.Struct] | None = None
    response: type[msgspec.Struct] | None = None
    status: int = 200
    takes: str = ""
    """Media types of a body that is not JSON, as documentation."""
    gives: str = ""
    """Media type of an answer that is not JSON."""
    query: tuple[tuple[str, str], ...] = ()
    """(name, meaning) of query parameters."""
