"""The web server as one aiohttp application, made from the table of routes."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import web

from signaling.http.bodies import MAX_BODY_BYTES
from signaling.http.context import Route, Web
from signaling.http.dispatch import answer_errors, handler_of
from signaling.http.headers import security_headers
from signaling.http.idlers import Idlers
from signaling.http.routes import all_routes
from signaling.http.websocket import WebSockets

KEEP_ALIVE = 30.0
"""Seconds a connection may rest between two requests."""


class Listen(NamedTuple):
    """Where to listen; port 0 is any free one, `tls` None plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class Server:
    """The application, its open connections, and what must be closed with it."""

    def __init__(self, shared: Web, more: Sequence[Route] = ()) -> None:
        """`more`: the application's own endpoints, e.g. health and metrics."""
        self.sockets = WebSockets()
        self.routes = all_routes(self.sockets, shared.options.demo, shared.options.version, tuple(more))
        self.idlers = Idlers(shared.clock)
        middlewares = [self.idlers.middleware, answer_errors(shared)]
        self.app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
        self.app.on_response_prepare.append(security_headers(shared.options.public_url))
        self.app.on_shutdown.append(self._close_sockets)
        self._shared = shared
        self._runner: web.AppRunner | None = None
        for route in self.routes:
            self.app.router.add_route(route.method, route.path, handler_of(route, shared))
            if route.method == "GET" and not route.path.startswith("/ws/"):
                self.app.router.add_route("HEAD", route.path, handler_of(route, shared))

    async def start(self, addresses: Sequence[Listen], shutdown_timeout: float = 5.0) -> list[int]:
        """Serve on every address; return the ports. Raise OSError, and then nothing is left open."""
        runner = web.AppRunner(
            self.app,
            access_log=None,
            handle_signals=False,
            keepalive_timeout=KEEP_ALIVE,
            shutdown_timeout=shutdown_timeout,
        )
        await runner.setup()
        self._runner = runner
        try:
            for address in addresses:
                await web.TCPSite(runner, address.host, address.port, ssl_context=address.tls).start()
        except BaseException:
            await self.stop()
            raise
        return [int(bound[1]) for bound in runner.addresses]

    async def run(self) -> None:
        """Cut connections that ask for nothing, until cancelled."""
        await self.idlers.run(self._transports)

    async def stop(self) -> None:
        """Tell every client to come back later, close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._shared.passwords.close()
        self._shared.studio.close()

    def _transports(self) -> list[asyncio.Transport]:
        server = self._runner.server if self._runner is not None else None
        connections = server.connections if server is not None else []
        return [connection.transport for connection in connections if connection.transport is not None]

    async def _close_sockets(self, app: web.Application) -> None:
        self.sockets.close_all()
