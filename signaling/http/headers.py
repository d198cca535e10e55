"""Security headers of every response: what a page may load, who may frame it, which devices it may ask for."""

import re
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import hdrs, web

Signal = Callable[[web.Request, web.StreamResponse], Awaitable[None]]

_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,260}")
_DEVICES = "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), autoplay=(self)"
PERMISSIONS = f"{_DEVICES}, fullscreen=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=()"
"""The widget's own page inherits the devices only if the shop's iframe delegates them (allow="camera; microphone")."""


def content_security_policy(request: web.Request, framed_by: Iterable[str] = ("'self'",)) -> str:
    """No inline script or style, nothing from other origins, framed only by the exact origins given."""
    host = request.host if _HOST.fullmatch(request.host) else "localhost"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            # Safari before 15.4 does not count WebSockets of our own host as 'self'.
            f"connect-src 'self' ws://{host} wss://{host}",
            "worker-src 'self'",
            "manifest-src 'self'",
            "frame-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            f"frame-ancestors {' '.join(framed_by)}",
        )
    )


def security_headers(public_url: str) -> Signal:
    """aiohttp's on_response_prepare signal; a response that set its own value keeps it."""
    defaults = {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": PERMISSIONS,
        "Cross-Origin-Resource-Policy": "same-origin",
        hdrs.CACHE_CONTROL: "no-store",
    }
    if public_url.startswith("https:"):
        # Never for a host name we were not told about: it would hold for every port of localhost.
        defaults["Strict-Transport-Security"] = "max-age=31536000"

    async def add(_request: web.Request, response: web.StreamResponse) -> None:
        for name, value in defaults.items():
            response.headers.setdefault(name, value)
        response.headers[hdrs.SERVER] = "callserver"

    return add
