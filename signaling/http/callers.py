"""Who is calling: a cookie of a logged-in agent, or a bearer (photo token, a shop's API key)."""

import hashlib
import secrets

from aiohttp import hdrs, web

from signaling.http.context import ApiError, Caller, Role, Web
from signaling.http.tokens import API_KEY_PREFIX, PHOTO_PREFIX, TokenError, api_key_hash
from signaling.records import AgentAccount

LOGIN_LIFETIME = 12 * 3600.0
"""Seconds without any request after which an agent must log in again."""

_PROLONG_AFTER = 600.0
_COOKIE_LIFETIME = 30 * 86_400
"""The browser keeps the cookie this long; whether it still means anything is decided here, by LOGIN_LIFETIME."""


async def identify(shared: Web, request: web.Request) -> Caller:
    """The caller as far as the request proves it; a bearer that is wrong is an error, a stale cookie is nobody."""
    authorization = request.headers.get(hdrs.AUTHORIZATION, "")
    if authorization:
        return await _by_bearer(shared, authorization)
    cookie = request.cookies.get(_cookie_name(shared, request), "")
    if cookie:
        caller = await _by_cookie(shared, cookie)
        if caller is not None:
            return caller
    return Caller(Role.LOCAL if shared.proxies.is_local(request) else Role.ANYONE)


async def log_in(shared: Web, request: web.Request, response: web.Response, agent: AgentAccount) -> None:
    """Give the browser a new cookie, for a login that was just proven by password."""
    token = secrets.token_urlsafe(32)
    await shared.records.save_login(_hash(token), agent.agent_id, shared.wall_clock() + LOGIN_LIFETIME)
    response.set_cookie(
        _cookie_name(shared, request),
        token,
        max_age=_COOKIE_LIFETIME,
        path="/",
        secure=shared.proxies.is_secure(request),
        httponly=True,
        samesite="Strict",
    )


async def log_out(shared: Web, request: web.Request, response: web.Response, caller: Caller) -> None:
    """Forget the browser, here and there."""
    await shared.records.end_login(caller.login_hash)
    response.del_cookie(
        _cookie_name(shared, request),
        path="/",
        secure=shared.proxies.is_secure(request),
        httponly=True,
        samesite="Strict",
    )


async def _by_bearer(shared: Web, authorization: str) -> Caller:
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() == "bearer" and token.startswith(API_KEY_PREFIX):
        site = await shared.records.site_by_key(api_key_hash(token))
        if site is not None:
            return Caller(Role.SITE, site=site)
    elif scheme.lower() == "bearer" and token.startswith(PHOTO_PREFIX):
        try:
            session_id = shared.tokens.read_photo_token(token)
        except TokenError as error:
            raise ApiError(401, "unauthorized", str(error)) from error
        if shared.service.session_exists(session_id):
            return Caller(Role.SESSION, session_id=session_id)
    raise ApiError(401, "unauthorized", "this Authorization is not valid here")


async def _by_cookie(shared: Web, cookie: str) -> Caller | None:
    token_hash, now = _hash(cookie), shared.wall_clock()
    found = await shared.records.login(token_hash)
    if found is None or found[1] <= now:
        return None
    agent = await shared.records.agent(found[0])
    if agent is None:
        return None
    if found[1] - now < LOGIN_LIFETIME - _PROLONG_AFTER:
        await shared.records.save_login(token_hash, agent.agent_id, now + LOGIN_LIFETIME)
    return Caller(Role(agent.role), agent=agent, login_hash=token_hash)


def _cookie_name(shared: Web, request: web.Request) -> str:
    # The prefix makes browsers insist on Secure, this host only and Path=/ (RFC 6265bis §4.1.3.2).
    return "__Host-callserver" if shared.proxies.is_secure(request) else "callserver"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
