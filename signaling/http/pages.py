"""The pages and their modules: widget, console, demo store, loader script."""

from collections.abc import Iterable

from aiohttp import hdrs, web

from signaling.http.headers import content_security_policy
from signaling.http.static import Tree, respond

LOADER = "widget/loader.js"
WIDGET = "widget/index.html"
CATALOGUES = "widget/locales"
CONSOLE = "console/index.html"
SHOP = "shop/index.html"
OPS = "ops/index.html"
TEST = "test/index.html"


def page(request: web.Request, tree: Tree, path: str, framed_by: Iterable[str] = ("'self'",)) -> web.Response:
    """An HTML page with its policy; `framed_by` are exact origins besides our own."""
    response = file(request, tree, path)
    response.headers["Content-Security-Policy"] = content_security_policy(request, framed_by)
    return response


def file(request: web.Request, tree: Tree, path: str) -> web.Response:
    """A file of the tree or 404."""
    asset = tree.get(path)
    if asset is None:
        raise web.HTTPNotFound
    return respond(request, asset)


def module(request: web.Request, tree: Tree, path: str) -> web.Response:
    """Anything under /web/ but pages: those have routes of their own, with their own framing rules."""
    if path.endswith(".html"):
        raise web.HTTPNotFound
    return file(request, tree, path)


def loader(request: web.Request, tree: Tree) -> web.Response:
    """The script of the shop's page: the one thing other origins may load."""
    response = file(request, tree, LOADER)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers[hdrs.CACHE_CONTROL] = "public, max-age=300"
    return response
