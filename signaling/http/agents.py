"""Endpoints of the agent console (log in, ticket), and the call list and detail that shops may read, too."""

import math
from typing import get_args

from aiohttp import web

from signaling.admission import Admission
from signaling.http.address import browser_origin, throttle_key
from signaling.http.bodies import (
    AgentAnswer,
    AgentInfo,
    CallDetail,
    CallList,
    CallSummary,
    EventInfo,
    LoginRequest,
    TicketAnswer,
)
from signaling.http.callers import log_in, log_out
from signaling.http.context import ApiError, Caller, Exchange, refuse
from signaling.http.dispatch import as_json
from signaling.http.passwords import TooManyAttemptsError
from signaling.protocol import Person, Phase
from signaling.records import CallFilter, CallState

MAX_PAGE = 200


async def login(exchange: Exchange) -> web.Response:
    """Check the password; the answer sets the cookie."""
    shared, request, body = exchange.shared, exchange.request, exchange.body
    assert isinstance(body, LoginRequest)
    origin = browser_origin(request)
    if origin and origin != shared.proxies.origin(request).lower():
        refuse(403, "not_allowed", "log in from a page of this server")
    address = throttle_key(shared.proxies.client_address(request))
    agent = await shared.records.agent_by_login(body.login)
    try:
        right = await shared.passwords.check(body.login, address, agent.password_hash if agent else None, body.password)
    except TooManyAttemptsError as error:
        shared.count("refused", "rate_limited")
        raise ApiError(429, "rate_limited", str(error), retry_after=error.pause) from error
    if agent is None or not right:
        shared.count("refused", "password")
        refuse(401, "unauthorized", "login or password is wrong")
    response = as_json(AgentAnswer(AgentInfo.of(agent)))
    await log_in(shared, request, response, agent)
    return response


async def logout(exchange: Exchange) -> web.Response:
    response = web.Response(status=204)
    await log_out(exchange.shared, exchange.request, response, exchange.caller)
    return response


async def me(exchange: Exchange) -> AgentAnswer:
    agent = exchange.caller.agent
    assert agent is not None
    return AgentAnswer(AgentInfo.of(agent))


async def create_ticket(exchange: Exchange) -> TicketAnswer:
    """A logged-in agent's ticket for the WebSocket."""
    shared, agent = exchange.shared, exchange.caller.agent
    assert agent is not None
    admission = Admission(
        "agent",
        person=Person(agent.name, verified=True),
        agent_id=agent.agent_id,
        sites=agent.sites,
        languages=agent.languages,
        skills=agent.skills,
        origin=browser_origin(exchange.request),
    )
    return TicketAnswer(*shared.tokens.make_ticket(admission))


async def list_calls(exchange: Exchange) -> CallList:
    """Calls of the agent's sites, or of the shop whose key it is; newest first."""
    query = exchange.request.query
    phase = query.get("phase", "")
    if phase and phase not in get_args(Phase):
        refuse(400, "bad_request", f"phase: expected one of {', '.join(get_args(Phase))}")
    wanted = CallFilter(
        _sites(exchange.caller),
        phase=phase,
        before=_number(query.get("before", ""), "before"),
        limit=int(min(max(_number(query.get("limit", ""), "limit") or 50.0, 1.0), MAX_PAGE)),
    )
    return CallList([CallSummary.of(state) for state in await exchange.shared.records.list_calls(wanted)])


async def call_detail(exchange: Exchange) -> CallDetail:
    found = await exchange.shared.records.get_call(exchange.request.match_info["call_id"])
    if found is None or not may_see(exchange.caller, found[0]):
        refuse(404, "not_found", "no such call")
    state, events, chat = found
    return CallDetail(CallSummary.of(state), [EventInfo.of(event) for event in events], list(chat))


def may_see(caller: Caller, call: CallState) -> bool:
    """Whether the call is one of the caller's sites."""
    sites = _sites(caller)
    return not sites or call.site_id in sites


def _sites(caller: Caller) -> tuple[str, ...]:
    """Whose calls the caller may read; empty: everybody's."""
    if caller.site is not None:
        return (caller.site.site_id,)
    assert caller.agent is not None, "the route admits nobody else"
    return caller.agent.sites


def _number(text: str, name: str) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        refuse(400, "bad_request", f"{name}: expected a number")
    if value is not None and not math.isfinite(value):
        refuse(400, "bad_request", f"{name}: expected a number")
    return value
