"""GET /api/v1/calls/{call_id}/quality."""

from callserver.quality.answers import MAX_POINTS, call_quality
from callserver.quality.recorder import Recorder
from signaling.http.agents import may_see
from signaling.http.context import Exchange, Role, Route, refuse
from signaling.quality_values import CallQuality

_READERS = frozenset({Role.AGENT, Role.OPERATOR, Role.SITE})


def routes(recorder: Recorder) -> list[Route]:
    """The endpoints of quality data."""

    async def quality(exchange: Exchange) -> CallQuality:
        limit = _points(exchange.request.query.get("points", ""))
        found = await exchange.shared.records.get_call(exchange.request.match_info["call_id"])
        if found is None or not may_see(exchange.caller, found[0]):
            refuse(404, "not_found", "no such call")
        state, events, _ = found
        return await call_quality(recorder, state, events, limit)

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


def _points(text: str) -> int:
    if not text:
        return MAX_POINTS
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) < 1:
        refuse(400, "bad_request", f"points: expected a whole number from 1 to {MAX_POINTS}")
    return min(int(text), MAX_POINTS)
