"""The web server as one aiohttp application, made from the table of routes."""

import ssl
from collections.abc import Sequence
from typing import NamedTuple

from aiohttp import web

from signaling.http.bodies import MAX_BODY_BYTES
from signaling.http.context import Route, Web
from signaling.http.dispatch import answer_errors, handler_of
from signaling.http.headers import security_headers
from signaling.http.routes import all_routes
from signaling.http.websocket import WebSockets


class Listen(NamedTuple):
    """Where to listen; port 0 is any free one, `tls` None plain HTTP."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class Server:
    """The application and what must be closed with it."""

    def __init__(self, shared: Web, more: Sequence[Route] = ()) -> None:
        """`more`: the application's own endpoints, e.g. health and metrics."""
        self.sockets = WebSockets()
        self.routes = all_routes(self.sockets, shared.options.demo, shared.options.version, tuple(more))
        self.app = web.Application(middlewares=[answer_errors(shared)], client_max_size=MAX_BODY_BYTES)
        self.app.on_response_prepare.append(security_headers(shared.options.public_url))
        self.app.on_shutdown.append(self._close_sockets)
        self._shared = shared
        for route in self.routes:
            self.app.router.add_route(route.method, route.path, handler_of(route, shared))
            if route.method == "GET" and not route.path.startswith("/ws/"):
                self.app.router.add_route("HEAD", route.path, handler_of(route, shared))

    def close(self) -> None:
        """Stop the threads for passwords and photos; call it after the application has been cleaned up."""
        self._shared.passwords.close()
        self._shared.studio.close()

    async def _close_sockets(self, app: web.Application) -> None:
        self.sockets.close_all()


async def listen(
    app: web.Application, addresses: Sequence[Listen], shutdown_timeout: float = 5.0
) -> tuple[web.AppRunner, list[int]]:
    """Serve on every address; (runner to clean up, the ports bound). Raise OSError."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_timeout)
    await runner.setup()
    try:
        for address in addresses:
            await web.TCPSite(runner, address.host, address.port, ssl_context=address.tls).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner, [int(bound[1]) for bound in runner.addresses]
