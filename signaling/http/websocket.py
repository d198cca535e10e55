"""GET /ws/v1: one client's connection, from the upgrade to the close frame. What a message means is the service's."""

import asyncio
from collections import Counter, deque
from typing import Any

import msgspec
from aiohttp import WSMsgType, hdrs, web

from signaling.admission import Admission, RefusedError
from signaling.http.address import browser_origin, throttle_key
from signaling.http.bodies import context_problem
from signaling.http.context import ApiError, Exchange, Web
from signaling.http.messages import KINDS, kind_of, tag_of
from signaling.http.outbox import CLOSE_TIMEOUT, Outbox
from signaling.http.tokens import TokenError
from signaling.protocol import (
    CLOSE_BAD_FIRST_MESSAGE,
    CLOSE_BAD_TICKET,
    CLOSE_RATE,
    CLOSE_RESTART,
    MAX_MESSAGE_BYTES,
    VERSION,
    CallStart,
    ClientMessage,
    Error,
    ErrorCode,
    Hello,
    Resume,
    decode,
    encode,
)
from signaling.service import Attachment

MAX_MALFORMED = 10
MALFORMED_WINDOW = 60.0
"""That many messages that cannot be understood within so many seconds end the connection."""

MAX_STRANGERS = 2_000
"""Connections that have not said who they are, of all addresses together."""


class WebSockets:
    """All WebSockets of the process."""

    def __init__(self) -> None:
        self._by_address: Counter[str] = Counter()
        self._open: set[Outbox] = set()
        self._strangers = 0

    def __len__(self) -> int:
        return len(self._open)

    def close_all(self) -> None:
        """Tell every client to come back after the restart."""
        for outbox in list(self._open):
            outbox.close(CLOSE_RESTART, "restart")

    async def serve(self, exchange: Exchange) -> web.StreamResponse:
        """The endpoint; returns when the connection is closed."""
        shared, request = exchange.shared, exchange.request
        address = throttle_key(shared.proxies.client_address(request))
        if "websocket" not in request.headers.get(hdrs.UPGRADE, "").lower():
            raise ApiError(426, "upgrade_required", "this address speaks WebSocket only")
        if self._by_address[address] >= shared.options.connections_per_address or self._strangers >= MAX_STRANGERS:
            shared.count("refused", "connections")
            raise ApiError(429, "rate_limited", "too many connections from this address", retry_after=10.0)
        socket = web.WebSocketResponse(
            heartbeat=shared.options.ping_interval,
            timeout=CLOSE_TIMEOUT,
            max_msg_size=MAX_MESSAGE_BYTES,
            compress=False,
        )
        outbox = Outbox()
        self._by_address[address] += 1
        self._open.add(outbox)
        try:
            await socket.prepare(request)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(outbox.run(socket, request))
                try:
                    await self._converse(shared, request, socket, outbox)
                finally:
                    outbox.close(1000)
        finally:
            self._open.discard(outbox)
            self._by_address[address] -= 1
            if self._by_address[address] <= 0:
                del self._by_address[address]
        return socket

    async def _converse(self, shared: Web, request: web.Request, socket: web.WebSocketResponse, outbox: Outbox) -> None:
        self._strangers += 1
        try:
            attachment = await _admit(shared, request, socket, outbox)
        except RefusedError as refusal:
            shared.count("refused", refusal.code)
            outbox.send(encode(Error(0, refusal.code, refusal.text)))
            outbox.close(refusal.close_code, refusal.code)
            return
        finally:
            self._strangers -= 1
        try:
            await _listen(shared, socket, outbox, attachment)
        finally:
            attachment.detach()


async def _admit(shared: Web, request: web.Request, socket: web.WebSocketResponse, outbox: Outbox) -> Attachment:
    """Wait for the first message and let its sender in. Raise RefusedError."""
    try:
        async with asyncio.timeout(shared.options.first_message_timeout):
            first = await socket.receive()
    except TimeoutError:
        raise RefusedError("bad_message", "no first message in time", CLOSE_BAD_FIRST_MESSAGE) from None
    if first.type is not WSMsgType.TEXT:
        raise RefusedError("bad_message", "the first message must be hello or resume", CLOSE_BAD_FIRST_MESSAGE)
    try:
        message = decode(first.data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise RefusedError("bad_message", str(error)[:200], CLOSE_BAD_FIRST_MESSAGE) from None
    if not isinstance(message, Hello | Resume):
        raise RefusedError("bad_message", "the first message must be hello or resume", CLOSE_BAD_FIRST_MESSAGE)
    if message.version != VERSION:
        raise RefusedError("version", f"this server speaks version {VERSION}: reload the page", CLOSE_BAD_FIRST_MESSAGE)
    _count(shared, message)
    if isinstance(message, Resume):
        return await shared.service.resume(outbox, message)
    try:
        ticket = shared.tokens.read_ticket(message.ticket, browser_origin(request))
    except TokenError as error:
        raise RefusedError("bad_ticket", str(error), CLOSE_BAD_TICKET) from None
    if not await shared.records.use_ticket(ticket.ticket_id, ticket.expires_at):
        raise RefusedError("bad_ticket", "the ticket was used before", CLOSE_BAD_TICKET)
    return await shared.service.attach(outbox, await _with_policy(shared, ticket.admission))


async def _with_policy(shared: Web, admission: Admission) -> Admission:
    """What the customer's site wants of its calls, as it is now."""
    if admission.role != "customer":
        return admission
    site = await shared.records.site(admission.site_id)
    policy = site.policy if site is not None else None
    return msgspec.structs.replace(admission, policy=policy or shared.options.policy)


async def _listen(shared: Web, socket: web.WebSocketResponse, outbox: Outbox, attachment: Attachment) -> None:
    malformed: deque[float] = deque(maxlen=MAX_MALFORMED)
    async for received in socket:
        if outbox.closing:
            return
        if received.type is WSMsgType.ERROR:
            return
        refusal = await _take(shared, attachment, received)
        if refusal is None:
            continue
        code, text, ref = refusal
        shared.count("refused", code)
        await attachment.refuse(code, text, ref)
        now = shared.clock()
        malformed.append(now)
        if len(malformed) == MAX_MALFORMED and now - malformed[0] < MALFORMED_WINDOW:
            outbox.close(CLOSE_RATE, "too many malformed messages")
            return


async def _take(shared: Web, attachment: Attachment, received: Any) -> tuple[ErrorCode, str, str] | None:
    """Hand one message to the service; or what is wrong with it: code, text, type."""
    if received.type is not WSMsgType.TEXT:
        return "bad_message", "text frames only", ""
    try:
        message = decode(received.data)
    except (msgspec.DecodeError, RecursionError) as error:
        kind = kind_of(received.data)
        if kind and kind not in KINDS:
            return "unknown_type", "no message of this type", kind
        return "bad_message", str(error)[:200], kind
    if isinstance(message, CallStart):
        problem = context_problem(message.context)
        if problem:
            return "bad_message", problem, "call.start"
        reason = shared.overload()
        if reason:
            shared.count("refused", "at_capacity")
            await attachment.refuse("at_capacity", f"no new calls at the moment: {reason}", "call.start")
            return None
    _count(shared, message)
    await attachment.receive(message)
    return None


def _count(shared: Web, message: ClientMessage) -> None:
    shared.count("message", tag_of(type(message)))
