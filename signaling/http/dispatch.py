"""From a route in the table to an aiohttp handler: authenticate, authorize, decode, call, encode."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import hdrs, web

from signaling.admission import RefusedError
from signaling.http.bodies import MAX_BODY_BYTES, ErrorAnswer, Problem
from signaling.http.callers import identify
from signaling.http.context import ApiError, Caller, Exchange, Role, Route, Web, refuse
from signaling.http.library import LibraryError
from signaling.records import StorageFullError

logger = logging.getLogger(__name__)

BODY_TIMEOUT = 30.0
"""Seconds a body may take to arrive."""

CSRF_HEADER = "X-Callserver"

_STATUS_OF_REFUSAL = {
    "not_allowed": 403,
    "not_found": 404,
    "wrong_state": 409,
    "rate_limited": 429,
    "at_capacity": 503,
}

_FULL_RETRY = "30"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def handler_of(route: Route, shared: Web) -> Handler:
    """The handler that aiohttp calls."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = await _authorize(route, shared, request)
        body = await _decode(route, request) if route.request is not None else None
        answer = await route.endpoint(Exchange(shared, request, caller, body))
        if isinstance(answer, web.StreamResponse):
            return answer
        if answer is None:
            return web.Response(status=204)
        return as_json(answer, route.status)

    return handle


async def _authorize(route: Route, shared: Web, request: web.Request) -> Caller:
    if Role.ANYONE in route.roles:
        return Caller()
    caller = await identify(shared, request)
    if caller.role not in route.roles:
        if caller.role in (Role.ANYONE, Role.LOCAL):
            shared.count("refused", "unauthorized")
            refuse(401, "unauthorized", "log in first, or send the right Authorization")
        shared.count("refused", "not_allowed")
        refuse(403, "not_allowed", f"not for the role {caller.role.value}")
    if caller.agent is not None and request.method not in ("GET", "HEAD") and request.headers.get(CSRF_HEADER) != "1":
        # A page of another origin cannot send it without asking first (RFC 6454, Fetch §3.2 CORS preflight).
        refuse(403, "not_allowed", f"the header {CSRF_HEADER}: 1 is missing")
    return caller


async def _decode(route: Route, request: web.Request) -> Any:
    if request.content_type != "application/json":
        refuse(415, "wrong_type", "the body must be application/json")
    content = await read_bounded(request, MAX_BODY_BYTES)
    try:
        return msgspec.json.decode(content, type=route.request)
    except msgspec.DecodeError as error:  # ValidationError is one
        refuse(400, "bad_request", str(error)[:300])
    except RecursionError:
        refuse(400, "bad_request", "nested too deeply")


async def read_bounded(request: web.Request, limit: int) -> bytes:
    """The whole body, if it is no longer than `limit` bytes and comes in time; else ApiError 413 or 408."""
    if (request.content_length or 0) > limit:
        refuse(413, "too_large", f"at most {limit} bytes are taken")
    content = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            async for chunk in request.content.iter_any():
                content += chunk
                if len(content) > limit:
                    refuse(413, "too_large", f"at most {limit} bytes are taken")
    except TimeoutError:
        refuse(408, "too_slow", "the body did not arrive in time")
    return bytes(content)


def as_json(value: msgspec.Struct, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def _error(status: int, code: str, message: str) -> web.Response:
    return as_json(ErrorAnswer(Problem(code, message)), status)


def answer_errors(shared: Web) -> Any:
    """The middleware that turns every failure into {"error": …}; our own faults are logged, never shown."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await handler(request)
        except ApiError as error:
            response = _error(error.status, error.code, error.message)
            if error.retry_after > 0:
                response.headers[hdrs.RETRY_AFTER] = str(math.ceil(error.retry_after))
        except RefusedError as error:
            response = _error(_STATUS_OF_REFUSAL.get(error.code, 503), error.code, error.text)
        except LibraryError as error:
            response = _error(error.status, error.code, error.message)
        except StorageFullError:
            response = _error(503, "storage_full", "the server's disk is full: nothing can be saved")
            response.headers[hdrs.RETRY_AFTER] = _FULL_RETRY
        except web.HTTPRedirection:
            raise
        except web.HTTPException as error:
            response = _error(error.status, error.reason.lower().replace(" ", "_"), error.reason)
            if hdrs.ALLOW in error.headers:
                response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        except Exception:
            logger.exception("a request failed", extra={"method": request.method, "path": request.path})
            response = _error(500, "internal", "our fault; it was written to the log")
        shared.count("http", f"{response.status // 100}xx")
        return response

    return middleware
