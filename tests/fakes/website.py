"""The real web server on loopback, over a real store in a temporary directory and the fake media engine."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from argon2 import PasswordHasher

from callserver.store.database import Database
from callserver.store.records import SqlRecords
from signaling.http.address import Proxies
from signaling.http.context import HttpOptions, Route, Web
from signaling.http.library import Library, NoLibrary
from signaling.http.passwords import Passwords
from signaling.http.photo_studio import PhotoStudio
from signaling.http.server import Listen, Server
from signaling.http.static import Tree
from signaling.http.tokens import Tokens, api_key_hash
from signaling.records import AgentAccount, Site
from signaling.rules import CallRules
from signaling.service import Service
from tests.fakes.engine import FakeEngine
from tests.fakes.store import migrated

API_KEY = "csk_key-of-the-shop"
OTHER_KEY = "csk_key-of-another-shop"
SECRET = "identity-secret"
SHOP_ORIGIN = "https://shop.example"
STRANGER = {"X-Forwarded-For": "203.0.113.9"}
"""As if from the internet: the test's own address counts as a proxy."""

HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class Clock:
    """Time that stands still until a test moves it."""

    wall: float = 1_800_000_000.0
    now: float = 1000.0

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.now += seconds


@dataclass
class Website:
    """A running server and a browser-like client for it."""

    url: str
    http: aiohttp.ClientSession
    shared: Web
    server: Server
    engine: FakeEngine
    clock: Clock
    counted: list[tuple[str, str]]
    overload: list[str] = field(default_factory=list)
    """Put a reason in, and new calls are refused."""
    opened: list["Socket"] = field(default_factory=list)

    async def leave(self) -> None:
        """Close what the test left open."""
        for socket in self.opened:
            await socket.raw.close()

    async def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, data: bytes | None = None
    ) -> tuple[int, Any]:
        """(status, JSON or bytes); the Origin is the server's own, as from its pages."""
        headers = {"Origin": self.url} | (headers or {})
        kwargs: dict[str, Any] = {"json": body} if body is not None else {"data": data and io.BytesIO(data)}
        request = self.http.request(method, self.url + path, headers=headers, allow_redirects=False, **kwargs)
        async with request as response:
            content = await response.read()
            if response.content_type == "application/json":
                return response.status, json.loads(content)
            return response.status, content

    async def log_in(self, login: str = "anna") -> dict[str, str]:
        """The headers of a logged-in agent's page."""
        body = {"login": login, "password": "a good password"}
        async with self.http.post(self.url + "/api/v1/login", json=body, headers={"Origin": self.url}) as response:
            assert response.status == 200, await response.text()
            cookie = response.cookies["callserver"].value
        return {"Cookie": f"callserver={cookie}", "X-Callserver": "1"}

    async def customer_ticket(self, **body: Any) -> str:
        status, answer = await self.ask("POST", "/api/v1/tickets", {"site": "shop"} | body)
        assert status == 201, answer
        return str(answer["ticket"])

    async def agent_ticket(self, login: str = "anna") -> str:
        status, answer = await self.ask("POST", "/api/v1/agent/tickets", headers=await self.log_in(login))
        assert status == 201, answer
        return str(answer["ticket"])

    async def connect(self, ticket: str) -> "Socket":
        """A WebSocket that has been welcomed."""
        socket = await self.open_socket()
        await socket.send(type="hello", ticket=ticket)
        socket.welcome = await socket.until("welcome")
        return socket

    async def open_socket(self, **headers: str) -> "Socket":
        address = self.url.replace("http", "ws") + "/ws/v1"
        socket = Socket(await self.http.ws_connect(address, headers={"Origin": self.url} | headers))
        self.opened.append(socket)
        return socket

    async def customer(self) -> "Socket":
        return await self.connect(await self.customer_ticket())

    async def agent(self, login: str = "anna") -> "Socket":
        return await self.connect(await self.agent_ticket(login))


class Socket:
    """A page's WebSocket."""

    def __init__(self, raw: aiohttp.ClientWebSocketResponse) -> None:
        self.raw = raw
        self.welcome: dict[str, Any] = {}

    async def send(self, **message: Any) -> None:
        await self.raw.send_str(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        message = await self.raw.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        found: dict[str, Any] = json.loads(message.data)
        return found

    async def until(self, kind: str) -> dict[str, Any]:
        """The next message of this type; others are dropped."""
        async with asyncio.timeout(10):
            while True:
                message = await self.next()
                if message["type"] == kind:
                    return message

    async def closed(self) -> int:
        """Read to the end; the close code."""
        async with asyncio.timeout(10):
            async for _ in self.raw:
                pass
        assert self.raw.close_code is not None
        return self.raw.close_code


@asynccontextmanager
async def website(
    directory: Path, web_root: Path, more: tuple[Route, ...] = (), library: Library | None = None, **options: Any
) -> AsyncIterator[Website]:
    """A server with a site `shop`, a site `other`, an agent anna of all sites, ben of `other`, an operator olga."""
    clock, counted, overload = Clock(), [], []  # type: tuple[Clock, list[tuple[str, str]], list[str]]
    database = await migrated(directory, _people)
    records = SqlRecords(database, lambda: clock.wall)
    tokens, engine = Tokens(b"k" * 32, lambda: clock.wall), FakeEngine()
    service = Service(engine, records, CallRules(), photo_token=tokens.make_photo_token)
    shared = Web(
        library=library or NoLibrary(),
        options=msgspec.structs.replace(HttpOptions(web_root, demo=True, version="1"), **options),
        records=records,
        service=service,
        tokens=tokens,
        passwords=Passwords(lambda: clock.now, HASHER),
        studio=PhotoStudio(),
        tree=Tree(web_root),
        proxies=Proxies(("127.0.0.1/32",), options.get("public_url", "")),
        wall_clock=lambda: clock.wall,
        clock=lambda: clock.now,
        overload=lambda: overload[0] if overload else "",
        count=lambda event, label: counted.append((event, label)),
    )
    server = Server(shared, more)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        stack.callback(tasks.create_task(service.run()).cancel)
        await service.started()
        stack.push_async_callback(server.stop)
        ports = await server.start([Listen("127.0.0.1", 0)], shutdown_timeout=1.0)
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        site = Website(f"http://127.0.0.1:{ports[0]}", http, shared, server, engine, clock, counted, overload)
        stack.push_async_callback(site.leave)
        yield site


async def _people(database: Database) -> None:
    records = SqlRecords(database, lambda: Clock.wall)
    shop = Site("shop", "The shop", (SHOP_ORIGIN,), SECRET, api_key_hash(API_KEY), "de")
    await records.save_site(shop)
    await records.save_site(msgspec.structs.replace(shop, site_id="other", api_key_hash=api_key_hash(OTHER_KEY)))
    anna = AgentAccount("a1", "anna", "Anna", HASHER.hash("a good password"))
    await records.save_agent(anna)
    await records.save_agent(msgspec.structs.replace(anna, agent_id="a2", login="ben", name="Ben", sites=("other",)))
    await records.save_agent(
        msgspec.structs.replace(anna, agent_id="a3", login="olga", name="Olga", role="operator", sites=())
    )
