"""Security headers of every response: what a page may load, who may frame it, which devices it may ask for."""

from collections.abc import Iterable

from aiohttp import hdrs, web

_DEVICES = "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), autoplay=(self)"
PERMISSIONS = f"{_DEVICES}, fullscreen=(self), screen-wake-lock=(self), geolocation=(), payment=(), usb=()"
"""The widget's own page inherits the devices only if the shop's iframe delegates them (allow="camera; microphone")."""


def content_security_policy(request: web.Request, framed_by: Iterable[str] = ("'self'",)) -> str:
    """No inline script or style, nothing from other origins, framed only by the exact origins given."""
    host = request.host
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


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """aiohttp's on_response_prepare signal; a page that set its own policy keeps it."""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    headers.setdefault("Permissions-Policy", PERMISSIONS)
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers[hdrs.SERVER] = "callserver"
    if request.secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
