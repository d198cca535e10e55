"""GET /api/v1/calls/{call_id}/quality."""

import asyncio
import gzip

import msgspec
from aiohttp import hdrs, web

from callserver.quality.answers import MAX_POINTS, call_quality
from callserver.quality.recorder import Recorder
from signaling.http.agents import may_see
from signaling.http.context import Exchange, Role, Route, refuse
from signaling.quality_values import CallQuality

WORTH_BYTES = 2_000
_READERS = frozenset({Role.AGENT, Role.OPERATOR, Role.SITE})


def routes(recorder: Recorder) -> list[Route]:
    """The endpoints of quality data."""
    one_at_a_time = asyncio.Semaphore(1)

    async def quality(exchange: Exchange) -> web.Response:
        limit = _points(exchange.request.query.get("points", ""))
        found = await exchange.shared.records.get_call(exchange.request.match_info["call_id"])
        if found is None or not may_see(exchange.caller, found[0]):
            refuse(404, "not_found", "no such call")
        state, events, _ = found
        async with one_at_a_time:  # a call of days takes seconds: they are not to be all the process does
            answer = await call_quality(recorder, state, events, limit)
            return await asyncio.to_thread(_response, answer, exchange.request.headers.get(hdrs.ACCEPT_ENCODING, ""))

    return [
        Route(
            "GET",
            "/api/v1/calls/{call_id}/quality",
            quality,
            _READERS,
            "What was measured of a call, its scores and verdicts",
            response=CallQuality,
            query=(("points", f"1 to {MAX_POINTS}, the longest a series may be (default: {MAX_POINTS})"),),
        )
    ]


def _response(answer: CallQuality, accepted: str) -> web.Response:
    """An hour's call is half a megabyte, a seventh of it when compressed; both take a few milliseconds."""
    body = msgspec.json.encode(answer)
    headers = {hdrs.CONTENT_TYPE: "application/json", hdrs.VARY: hdrs.ACCEPT_ENCODING}
    if "gzip" in accepted and len(body) > WORTH_BYTES:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        body = gzip.compress(body, 1, mtime=0)
    return web.Response(body=body, headers=headers)


def _points(text: str) -> int:
    if not text:
        return MAX_POINTS
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) < 1:
        refuse(400, "bad_request", f"points: expected a whole number from 1 to {MAX_POINTS}")
    return min(int(text), MAX_POINTS)
