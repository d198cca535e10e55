"""Every endpoint there is, as a table. Routing, the documents and the auth matrix test are made from it."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from signaling.http import agents, customers, docs, pages
from signaling.http.address import throttle_key
from signaling.http.bodies import (
    AgentAnswer,
    CallCreated,
    CallDetail,
    CallList,
    CreateCall,
    LoginRequest,
    TicketAnswer,
    TicketRequest,
    WidgetInfo,
)
from signaling.http.call_photos import TAKEN, Photos
from signaling.http.context import ApiError, Endpoint, Exchange, Role, Route
from signaling.http.routes_kept import kept_routes
from signaling.http.static import Tree
from signaling.http.websocket import WebSockets
from signaling.protocol import ChatItem

ANYONE = frozenset({Role.ANYONE})
STAFF = frozenset({Role.AGENT, Role.OPERATOR})
SESSION = frozenset({Role.SESSION})
SITE = frozenset({Role.SITE})

_PAGING = (
    ("before", "created_at of the last call of the previous page"),
    ("limit", "1 to 200, default 50"),
    ("phase", "only calls in this phase"),
)


def all_routes(sockets: WebSockets, demo: bool, version: str, more: tuple[Route, ...]) -> list[Route]:
    """The table; `more` are the application's own (health, metrics)."""
    routes = [*_rest(Photos()), *kept_routes(), *_pages(demo), _websocket(sockets), *more]
    return [*routes, *_docs(routes, version)]


def _rest(photos: Photos) -> list[Route]:
    return [
        Route(
            "POST",
            "/api/v1/tickets",
            customers.create_ticket,
            ANYONE,
            "A customer's page asks for a ticket to connect",
            TicketRequest,
            TicketAnswer,
            201,
        ),
        Route(
            "GET",
            "/api/v1/widget",
            customers.widget_info,
            ANYONE,
            "What the button can say",
            response=WidgetInfo,
            query=(("site", "the site's id"),),
        ),
        Route("POST", "/api/v1/login", agents.login, ANYONE, "An agent logs in", LoginRequest, AgentAnswer),
        Route("POST", "/api/v1/logout", agents.logout, STAFF, "The agent logs out", status=204),
        Route("GET", "/api/v1/me", agents.me, STAFF, "Who is logged in", response=AgentAnswer),
        Route(
            "POST",
            "/api/v1/agent/tickets",
            agents.create_ticket,
            STAFF,
            "The agent's page asks for a ticket to connect",
            response=TicketAnswer,
            status=201,
        ),
        Route(
            "POST",
            "/api/v1/calls",
            customers.create_call,
            SITE,
            "A shop's back end prepares a call for a customer it knows",
            CreateCall,
            CallCreated,
            201,
        ),
        Route(
            "GET",
            "/api/v1/calls",
            agents.list_calls,
            STAFF | SITE,
            "Calls, newest first",
            response=CallList,
            query=_PAGING,
        ),
        Route(
            "GET",
            "/api/v1/calls/{call_id}",
            agents.call_detail,
            STAFF | SITE,
            "A call with its history and chat",
            response=CallDetail,
        ),
        Route(
            "POST",
            "/api/v1/calls/{call_id}/photos",
            photos.upload,
            SESSION,
            "Put a photo into the chat",
            response=ChatItem,
            status=201,
            takes=TAKEN,
        ),
        Route(
            "GET",
            "/api/v1/photos/{photo_id}",
            photos.view,
            SESSION | STAFF,
            "A photo of a chat",
            gives="image/jpeg",
        ),
    ]


def _pages(demo: bool) -> list[Route]:
    def get(path: str, endpoint: Endpoint, summary: str, gives: str = "text/html", status: int = 200) -> Route:
        return Route("GET", path, endpoint, ANYONE, summary, gives=gives, status=status)

    async def home(exchange: Exchange) -> web.Response:
        raise web.HTTPFound("/shop" if exchange.shared.options.demo else "/console")

    routes = [
        get("/", home, "To the console, or to the demo store", status=302),
        get("/widget.js", _file(pages.loader), "The script of a shop's page", "text/javascript"),
        get("/widget", _widget, "The widget's page, for the shop's iframe"),
        get("/console", _page(pages.CONSOLE), "The agent console"),
        get("/ops", _page(pages.OPS), "The operator's dashboard"),
        get("/test", _page(pages.TEST), "The test before a call, for customers and agents"),
        get("/web/{path:.+}", _module, "Modules, styles and pictures of the pages", "*/*"),
    ]
    return [*routes, get("/shop", _page(pages.SHOP), "The demo store")] if demo else routes


def _websocket(sockets: WebSockets) -> Route:
    return Route("GET", "/ws/v1", sockets.serve, ANYONE, "WebSocket: see the AsyncAPI document", status=101)


def _docs(described: list[Route], version: str) -> list[Route]:
    openapi, asyncapi = docs.openapi(described, version), docs.asyncapi(version)
    text = docs.page(described)

    async def show(exchange: Exchange) -> web.Response:
        policy = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})

    async def style(exchange: Exchange) -> web.Response:
        return web.Response(text=docs.STYLE, content_type="text/css")

    async def show_openapi(exchange: Exchange) -> web.Response:
        return web.json_response(openapi)

    async def show_asyncapi(exchange: Exchange) -> web.Response:
        return web.json_response(asyncapi)

    return [
        Route("GET", "/docs", show, ANYONE, "Both documents for people", gives="text/html"),
        Route("GET", "/docs/style.css", style, ANYONE, "Style of /docs", gives="text/css"),
        Route("GET", "/docs/openapi.json", show_openapi, ANYONE, "OpenAPI 3.1", gives="application/json"),
        Route("GET", "/docs/asyncapi.json", show_asyncapi, ANYONE, "AsyncAPI 3.0", gives="application/json"),
    ]


def _page(path: str) -> Endpoint:
    async def show(exchange: Exchange) -> web.Response:
        return pages.page(exchange.request, exchange.shared.tree, path)

    return show


def _file(answer: Callable[[web.Request, Tree], web.Response]) -> Callable[[Exchange], Awaitable[web.Response]]:
    async def show(exchange: Exchange) -> web.Response:
        return answer(exchange.request, exchange.shared.tree)

    return show


async def _module(exchange: Exchange) -> web.Response:
    return pages.module(exchange.request, exchange.shared.tree, exchange.request.match_info["path"])


async def _widget(exchange: Exchange) -> web.Response:
    """Framed only by the site's own origins and ours; without a site, by ours."""
    shared, request = exchange.shared, exchange.request
    if not shared.lookups.allow(throttle_key(shared.proxies.client_address(request)), shared.clock()):
        raise ApiError(429, "rate_limited", "too many requests", retry_after=10.0)
    site_id = request.query.get("site", "")
    site = await shared.records.site(site_id) if 0 < len(site_id) <= 64 else None
    origins = site.origins if site is not None else ()
    return pages.page(request, shared.tree, pages.WIDGET, ("'self'", *origins))
