"""/healthz, /readyz and /metrics."""

from collections.abc import Callable

from aiohttp import web

from callserver.ops.health import Health
from callserver.ops.metrics import CONTENT_TYPE, Metrics, Snapshot
from signaling.http.context import Exchange, Role, Route

_ANYONE = frozenset({Role.ANYONE})
_MONITORING = frozenset({Role.LOCAL, Role.OPERATOR})


def routes(health: Health, metrics: Metrics, snapshot: Callable[[], Snapshot]) -> list[Route]:
    """The operator's endpoints; `snapshot` gives what is asked of others just before a scrape."""

    async def healthz(_exchange: Exchange) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(_exchange: Exchange) -> web.Response:
        problems = health.problems()
        return web.json_response(
            {"status": "unavailable" if problems else "ready", "reasons": problems}, status=503 if problems else 200
        )

    async def show_metrics(_exchange: Exchange) -> web.Response:
        return web.Response(body=metrics.render(snapshot()), headers={"Content-Type": CONTENT_TYPE})

    return [
        Route("GET", "/healthz", healthz, _ANYONE, "The process is alive", gives="application/json"),
        Route("GET", "/readyz", readyz, _ANYONE, "Ready for visitors, or why not (503)", gives="application/json"),
        Route("GET", "/metrics", show_metrics, _MONITORING, "Prometheus metrics", gives="text/plain"),
    ]
