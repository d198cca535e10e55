"""What must not hurt the running product: broken, huge, greedy and unauthorised clients. Others do not notice."""

import asyncio
import io
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.product import DEMO_AGENTS, DEMO_SITE, Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]
JSON = dict[str, Any]


class Client:
    """A bare client of the WebSocket and REST, that says what no page would."""

    def __init__(self, product: Product, http: aiohttp.ClientSession) -> None:
        self.product = product
        self.http = http
        self.own = {"Origin": product.url, "X-Callserver": "1"}
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []

    async def post(self, path: str, body: JSON | bytes, **headers: str) -> tuple[int, JSON]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {
            "Content-Type": "application/json",
            **self.own,
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }
        async with self.http.post(self.product.url + path, data=io.BytesIO(data), headers=headers) as answer:
            return answer.status, await _json(answer)

    async def get(self, path: str, **headers: str) -> tuple[int, JSON]:
        async with self.http.get(self.product.url + path, headers=headers) as answer:
            return answer.status, await _json(answer)

    async def customer_ticket(self) -> str:
        status, body = await self.post("/api/v1/tickets", {"site": DEMO_SITE})
        assert status == 201, body
        return str(body["ticket"])

    async def agent_ticket(self, index: int = 0) -> str:
        login, password = DEMO_AGENTS[index]
        status, body = await self.post("/api/v1/login", {"login": login, "password": password})
        assert status == 200, body
        status, body = await self.post("/api/v1/agent/tickets", {})
        assert status == 201, body
        return str(body["ticket"])

    async def socket(self) -> aiohttp.ClientWebSocketResponse:
        opened = await self.http.ws_connect(self.product.url + "/ws/v1", headers=self.own, max_msg_size=0)
        self._sockets.append(opened)
        return opened

    async def close(self) -> None:
        for opened in self._sockets:
            await opened.close()

    async def session(self, ticket: str) -> tuple[aiohttp.ClientWebSocketResponse, JSON]:
        ws = await self.socket()
        await ws.send_json({"type": "hello", "ticket": ticket})
        return ws, await answer_of(ws, "welcome")


async def _json(answer: aiohttp.ClientResponse) -> JSON:
    if "json" not in answer.content_type:
        return {}
    found = json.loads(await answer.read())
    return found if isinstance(found, dict) else {}


async def answer_of(ws: aiohttp.ClientWebSocketResponse, *types: str) -> JSON:
    """The next message of one of these types."""
    async with asyncio.timeout(10):
        while True:
            message = await ws.receive()
            assert message.type == aiohttp.WSMsgType.TEXT, f"closed with {ws.close_code}"
            decoded: JSON = json.loads(message.data)
            if decoded["type"] in types:
                return decoded


async def close_code_of(ws: aiohttp.ClientWebSocketResponse, seconds: float = 15) -> int:
    """Read until the server ends the connection."""
    async with asyncio.timeout(seconds):
        while not ws.closed:
            message = await ws.receive()
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                break
    return ws.close_code or 0


@pytest_asyncio.fixture(loop_scope="session")
async def client(product: Product) -> AsyncIterator[Client]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=aiohttp.ClientTimeout(total=20)) as http:
        client = Client(product, http)
        yield client
        await client.close()
    assert (await product.get("/healthz"))[0] == 200
    assert len(product.pids("control")) == 1


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"type": "hello"}',
        b'{"type": "hello", "ticket": 7}',
        b'{"type": "call.start"}',
        b'{"type": "hello", "ticket": "made up"}',
        b'{"type": "resume", "token": "made up"}',
        b"[" * 30_000,
        b'{"type": "hello", "ticket": "' + b"x" * 70_000 + b'"}',
        b"\xff\xfe\x00",
    ],
    ids=lambda first: first[:30].decode(errors="replace"),
)
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
async def test_a_bad_first_message_ends_the_connection(client: Client, first: bytes, binary: bool) -> None:
    ws = await client.socket()
    await (ws.send_bytes(first) if binary else ws.send_str(first.decode(errors="replace")))
    assert await close_code_of(ws) in {1002, 1003, 1007, 1008, 1009, 4000, 4001, 4003}


async def test_a_frame_of_four_megabytes_is_refused(client: Client) -> None:
    ws, _ = await client.session(await client.customer_ticket())
    try:
        await ws.send_str(json.dumps({"type": "chat.send", "call_id": "c", "id": "1", "text": "x" * 4_000_000}))
    except ConnectionError:
        return
    assert await close_code_of(ws) in {1009, 1006}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ('{"type": "make.coffee"}', "unknown_type"),
        ('{"type": "ping", "t": "soon"}', "bad_message"),
        ('{"no": "type"}', "bad_message"),
        ("{", "bad_message"),
        ('{"type": "leg.answer", "leg_id": "nobodys", "generation": 0, "sdp": "v=0"}', None),
        ('{"type": "leg.answer", "leg_id": "../../x", "generation": 0, "sdp": "v=0"}', "bad_message"),
        ('{"type": "call.hangup", "call_id": "somebody-elses"}', None),
        ('{"type": "call.accept", "call_id": "somebody-elses"}', "not_allowed"),
        ('{"type": "call.decline", "call_id": "somebody-elses"}', "not_allowed"),
        ('{"type": "call.hold", "call_id": "somebody-elses", "on": true}', "not_allowed"),
        ('{"type": "agent.status", "status": "ready"}', "not_allowed"),
    ],
)
async def test_a_refused_message_is_answered_and_the_session_goes_on(
    client: Client, message: str, code: str | None
) -> None:
    ws, _ = await client.session(await client.customer_ticket())
    await ws.send_str(message)
    error = await answer_of(ws, "error")
    assert error["message"]
    if code:
        assert error["code"] == code
    await ws.send_json({"type": "ping", "t": 1.5})
    assert (await answer_of(ws, "pong"))["t"] == 1.5
    await ws.close()


@pytest.mark.parametrize(
    "message",
    [{"type": "call.start"}, {"type": "call.rate", "call_id": "somebody-elses", "stars": 5}],
    ids=lambda message: str(message["type"]),
)
async def test_an_agent_may_not_act_as_a_customer(client: Client, message: JSON) -> None:
    ws, _ = await client.session(await client.agent_ticket(1))
    await ws.send_json(message)
    assert (await answer_of(ws, "error"))["code"] == "not_allowed"
    await ws.close()


async def test_a_ticket_works_once(client: Client) -> None:
    ticket = await client.customer_ticket()
    ws, _ = await client.session(ticket)
    again = await client.socket()
    await again.send_json({"type": "hello", "ticket": ticket})
    assert await close_code_of(again) == 4001
    await ws.close()


async def test_sdp_with_a_thousand_candidates_is_refused_at_once(client: Client) -> None:
    ws, _ = await client.session(await client.customer_ticket())
    await ws.send_json({"type": "call.start"})
    offered = await answer_of(ws, "leg.offer")
    leg = offered["offer"]["leg_id"]
    sdp = "v=0\r\n" + "".join(f"a=candidate:{n} 1 udp 1 10.0.0.1 {n} typ host\r\n" for n in range(300))
    await ws.send_json({"type": "leg.answer", "leg_id": leg, "generation": 0, "sdp": sdp})
    assert (await answer_of(ws, "error"))["code"] == "bad_sdp"
    await ws.send_json({"type": "leg.answer", "leg_id": leg, "generation": 0, "sdp": "x" * 17_000})
    assert (await answer_of(ws, "error"))["code"] in {"bad_message", "bad_sdp"}
    await ws.send_json({"type": "call.hangup", "call_id": offered["call_id"]})
    await ws.close()


async def test_a_flood_is_cut_off_and_others_do_not_notice(client: Client) -> None:
    calm, _ = await client.session(await client.customer_ticket())
    loud, _ = await client.session(await client.customer_ticket())
    line = json.dumps({"type": "ping", "t": 1.0})
    try:
        for _ in range(5000):
            await loud.send_str(line)
    except (ConnectionError, RuntimeError):
        pass
    assert await close_code_of(loud) in {4008, 1013, 1006}
    await calm.send_json({"type": "ping", "t": 2.0})
    assert (await answer_of(calm, "pong"))["t"] == 2.0
    await calm.close()


async def test_a_client_that_never_reads_is_closed(client: Client, product: Product) -> None:
    """It asks for answers and never takes one: the server must not keep them for ever."""
    ticket = await client.customer_ticket()
    plain = socket.create_connection(("127.0.0.1", product.port))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    request = (
        f"GET /ws/v1 HTTP/1.1\r\nHost: 127.0.0.1:{product.port}\r\nOrigin: {product.url}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    hello = json.dumps({"type": "hello", "ticket": ticket}).encode()
    await loop.sock_sendall(plain, request.encode() + _masked(hello))
    ping = _masked(b'{"type": "make.coffee", "t": 1}') * 20
    closed = False
    try:
        async with asyncio.timeout(20):
            while not closed:
                await loop.sock_sendall(plain, ping)
                await asyncio.sleep(0.01)
    except ConnectionError:
        closed = True
    finally:
        plain.close()
    assert closed


def _masked(payload: bytes) -> bytes:
    """A text frame with the mask 0 (RFC 6455 §5.2)."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/calls"),
        ("GET", "/api/v1/calls/0"),
        ("POST", "/api/v1/calls"),
        ("POST", "/api/v1/agent/tickets"),
        ("POST", "/api/v1/calls/0/photos"),
        ("GET", "/api/v1/photos/0"),
    ],
)
@pytest.mark.parametrize("bearer", ["", "made-up"], ids=["nobody", "a made-up key"])
async def test_nobody_gets_nothing(client: Client, method: str, path: str, bearer: str) -> None:
    headers = client.own | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    async with client.http.request(method, client.product.url + path, headers=headers, data=b"{}") as answer:
        assert answer.status in {401, 403}
        assert (await answer.json())["error"]["message"]


async def test_a_customers_photo_token_opens_no_other_door(client: Client) -> None:
    ws, welcome = await client.session(await client.customer_ticket())
    bearer = {"Authorization": f"Bearer {welcome['photo_token']}"}
    for path in ("/api/v1/calls", "/api/v1/me", "/api/v1/calls/0"):
        assert (await client.get(path, **bearer))[0] in {401, 403}
    await ws.close()


async def test_another_origin_gets_no_ticket(client: Client) -> None:
    status, body = await client.post("/api/v1/tickets", {"site": DEMO_SITE}, Origin="https://elsewhere.example")
    assert status == 403
    assert body["error"]["code"]


async def test_an_agents_cookie_alone_is_not_enough_to_change_something(client: Client) -> None:
    """Another site's form would send the cookie, but not our header."""
    await client.agent_ticket(1)
    headers = {"Origin": "https://elsewhere.example", "Content-Type": "text/plain"}
    async with client.http.post(f"{client.product.url}/api/v1/agent/tickets", data=b"{}", headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"site": 7}', b'{"site": "nobodys"}', b"[" * 50_000, b"x" * 3_000_000]
)
async def test_bad_bodies_are_refused(client: Client, body: bytes) -> None:
    status, answer = await client.post("/api/v1/tickets", body)
    assert status in {400, 403, 404, 413, 422}
    assert answer["error"]["message"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/svg+xml"),
        (b"<html><script>alert(1)</script>", "image/png"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 100, "image/png"),
        (b"\xff\xd8\xff" + b"\0" * 5_000_000, "image/jpeg"),
    ],
    ids=["svg", "html called png", "broken png", "5 MB"],
)
async def test_a_photo_that_is_none_is_refused(client: Client, content: bytes, kind: str) -> None:
    ws, welcome = await client.session(await client.customer_ticket())
    await ws.send_json({"type": "call.start"})
    call = (await answer_of(ws, "leg.offer"))["call_id"]
    status, body = await client.post(
        f"/api/v1/calls/{call}/photos", content, Authorization=f"Bearer {welcome['photo_token']}", Content_Type=kind
    )
    assert status in {400, 413, 415, 422}
    assert body["error"]["message"]
    await ws.send_json({"type": "call.hangup", "call_id": call})
    await ws.close()


async def test_guessing_passwords_is_slowed_down(client: Client) -> None:
    async def guess() -> bool:
        return (await client.post("/api/v1/login", {"login": "nobody", "password": "wrong"}))[0] == 429

    await until(guess, "guesses are refused")


async def test_secrets_are_not_in_the_log(client: Client, product: Product) -> None:
    ticket = await client.customer_ticket()
    ws, welcome = await client.session(ticket)
    await ws.close()
    log = product.log.read_text()
    for secret in (ticket, welcome["resume_token"], welcome["photo_token"]):
        assert secret not in log
