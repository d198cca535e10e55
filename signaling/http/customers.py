"""Endpoints of customers' pages and of shops' back ends."""

from urllib.parse import urlencode

import msgspec

from signaling.admission import Admission
from signaling.http.address import browser_origin, throttle_key
from signaling.http.bodies import (
    CallCreated,
    CreateCall,
    Identity,
    TicketAnswer,
    TicketRequest,
    WidgetInfo,
    context_problem,
)
from signaling.http.context import ApiError, Exchange, Web, refuse
from signaling.http.pages import CATALOGUES
from signaling.http.tokens import Invitation, TokenError, identity_holds
from signaling.ids import new_id
from signaling.protocol import Person
from signaling.records import CallState, Site


async def create_ticket(exchange: Exchange) -> TicketAnswer:
    """A customer's ticket. The page must be ours (the widget's frame) or one of the site's origins."""
    shared, request, body = exchange.shared, exchange.request, exchange.body
    assert isinstance(body, TicketRequest)
    client = shared.proxies.client_address(request)
    if not shared.tickets.allow(throttle_key(client), shared.clock()):
        shared.count("refused", "rate_limited")
        raise ApiError(429, "rate_limited", "too many tickets for this address; wait a minute", retry_after=60.0)
    site = await _site(shared, body.site)
    origin = browser_origin(request)
    if not origin or origin not in {shared.proxies.origin(request).lower(), *map(str.lower, site.origins)}:
        shared.count("refused", "origin")
        refuse(403, "not_allowed", "this page may not call: its origin is not one of the site's")
    problem = context_problem(body.context)
    if problem:
        refuse(400, "bad_request", problem)
    if body.call_token:
        admission = _invited(shared, site, body, origin)
    else:
        _check_load(shared)
        person, customer_id = _identified(site, body.identity)
        admission = Admission("customer", site.site_id, person, customer_id, context=body.context, origin=origin)
    admission = msgspec.structs.replace(admission, country=shared.country(client))
    try:
        return TicketAnswer(*shared.tokens.make_ticket(admission))
    except TokenError as error:
        refuse(413, "too_large", str(error))


async def widget_info(exchange: Exchange) -> WidgetInfo:
    """What the button can say."""
    shared, request = exchange.shared, exchange.request
    if not shared.lookups.allow(throttle_key(shared.proxies.client_address(request)), shared.clock()):
        raise ApiError(429, "rate_limited", "too many requests", retry_after=10.0)
    site = await _site(shared, request.query.get("site", ""))
    service = shared.service
    ready, waiting = service.agents_ready(site.site_id), service.waiting(site.site_id)
    languages = dict.fromkeys([site.default_language, *shared.tree.stems(CATALOGUES, ".json")])
    return WidgetInfo(site.site_id, site.name, list(languages), ready, waiting)


async def create_call(exchange: Exchange) -> CallCreated:
    """A shop's back end prepares a call for a customer it knows."""
    shared, site, body = exchange.shared, exchange.caller.site, exchange.body
    assert isinstance(body, CreateCall)
    assert site is not None
    problem = context_problem(body.context)
    if problem:
        refuse(400, "bad_request", problem)
    _check_load(shared)
    person = Person(body.customer.name, verified=True)
    state = CallState(
        new_id("call"),
        site.site_id,
        "created",
        body.media,
        body.language,
        shared.wall_clock(),
        customer=person,
        customer_id=body.customer.id,
        context=body.context,
    )
    await shared.service.create_call(state)
    token = shared.tokens.make_invitation(Invitation(site.site_id, state.call_id, person, body.customer.id))
    query = urlencode({"site": site.site_id, "locale": body.language, "call": token})
    return CallCreated(state.call_id, token, f"{shared.proxies.origin(exchange.request)}/widget?{query}")


async def _site(shared: Web, site_id: str) -> Site:
    site = await shared.records.site(site_id) if site_id.isascii() and len(site_id) <= 64 else None
    if site is None:
        refuse(404, "not_found", "no such site")
    return site


def _check_load(shared: Web) -> None:
    reason = shared.overload()
    if reason:
        shared.count("refused", "at_capacity")
        raise ApiError(503, "at_capacity", f"no new calls at the moment: {reason}", retry_after=10.0)


def _identified(site: Site, identity: Identity | None) -> tuple[Person, str]:
    if identity is None:
        return Person(), ""
    if not identity_holds(site.secret, identity.id, identity.name, identity.hash):
        refuse(403, "bad_identity", "the signature of this identity does not match")
    return Person(identity.name, verified=True), identity.id


def _invited(shared: Web, site: Site, body: TicketRequest, origin: str) -> Admission:
    try:
        invitation = shared.tokens.read_invitation(body.call_token)
    except TokenError as error:
        refuse(403, "bad_ticket", str(error))
    if invitation.site_id != site.site_id:
        refuse(403, "bad_ticket", "the link is for another site")
    return Admission(
        "customer", site.site_id, invitation.person, invitation.customer_id, invitation.call_id, origin=origin
    )
