"""Endpoints of the dashboard: the live picture, alerts, silencing and acknowledging them."""

import re
from typing import Annotated

import msgspec
from aiohttp import hdrs, web

from callserver.ops.alarm import Alarm, AlertsView
from callserver.ops.alerts import MAX_SILENCES, MAX_SUBJECT_CHARACTERS
from callserver.ops.live import LiveFeed
from signaling.http.context import Exchange, Role, Route, refuse

OPERATORS = frozenset({Role.OPERATOR})
_COUNT = re.compile(r"[0-9]{1,15}")

Rule = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Subject = Annotated[str, msgspec.Meta(max_length=MAX_SUBJECT_CHARACTERS)]


class SilenceRequest(msgspec.Struct, frozen=True):
    """Tell nobody of this rule (for one subject, or all) for so many seconds; 0 ends the silence."""

    rule: Rule
    subject: Subject = ""
    seconds: Annotated[float, msgspec.Meta(ge=0, le=30 * 86_400)] = 3600.0


class AcknowledgeRequest(msgspec.Struct, frozen=True):
    """Somebody takes care of this alert: it is not said again."""

    rule: Rule
    subject: Subject = ""


def routes(feed: LiveFeed, alarm: Alarm) -> list[Route]:
    """The dashboard's own endpoints."""

    async def live(exchange: Exchange) -> web.Response:
        seen = exchange.request.query.get("after", "")
        body = await feed.after(int(seen)) if _COUNT.fullmatch(seen) else feed.body()
        headers = {hdrs.CONTENT_TYPE: "application/json", hdrs.VARY: hdrs.ACCEPT_ENCODING}
        if "gzip" in exchange.request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            return web.Response(body=body.compressed, headers=headers)
        return web.Response(body=body.plain, headers=headers)

    async def alerts(_exchange: Exchange) -> AlertsView:
        return alarm.view()

    async def silence(exchange: Exchange) -> AlertsView:
        wanted = exchange.body
        assert isinstance(wanted, SilenceRequest)
        if wanted.rule not in {rule.name for rule in alarm.evaluator.rules}:
            refuse(404, "not_found", "no such rule")
        if not alarm.silence(wanted.rule, wanted.subject, wanted.seconds, _who(exchange)):
            refuse(409, "wrong_state", f"there are {MAX_SILENCES} silences already")
        await alarm.keep()
        return alarm.view()

    async def acknowledge(exchange: Exchange) -> AlertsView:
        wanted = exchange.body
        assert isinstance(wanted, AcknowledgeRequest)
        if not alarm.evaluator.acknowledge(wanted.rule, wanted.subject, _who(exchange)):
            refuse(404, "not_found", "no such alert holds now")
        await alarm.keep()
        return alarm.view()

    base = "/api/v1/ops"
    return [
        Route(
            "GET",
            f"{base}/live",
            live,
            OPERATORS,
            "Everything that is now, for /ops",
            gives="application/json",
            query=(("after", "`news` of the last answer: wait for more of it, two seconds at most"),),
        ),
        Route("GET", f"{base}/alerts", alerts, OPERATORS, "Alerts, rules and where they go", response=AlertsView),
        Route("POST", f"{base}/alerts/silence", silence, OPERATORS, "Silence a rule", SilenceRequest, AlertsView),
        Route(
            "POST",
            f"{base}/alerts/acknowledge",
            acknowledge,
            OPERATORS,
            "Take care of an alert",
            AcknowledgeRequest,
            AlertsView,
        ),
    ]


def _who(exchange: Exchange) -> str:
    agent = exchange.caller.agent
    return agent.name if agent is not None else ""
