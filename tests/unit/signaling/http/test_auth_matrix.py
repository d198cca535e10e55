"""Every role × every endpoint, every role × every message. What is not listed here fails."""

import re
from typing import Any

import pytest

from signaling.http.context import Role
from signaling.http.messages import ROLES, tag_of
from signaling.http.routes import all_routes
from signaling.http.websocket import WebSockets
from signaling.protocol import ClientMessage
from tests.fakes.operations import operator_routes
from tests.fakes.quality import quality_routes
from tests.fakes.website import API_KEY, STRANGER, Website, website

EVERYBODY = set(Role)
STAFF = {Role.AGENT, Role.OPERATOR}
READERS = STAFF | {Role.SITE}
JOB = ("POST", "GET", "DELETE")
MORE = (*operator_routes(), *quality_routes())

WHO_MAY = {
    "POST /api/v1/tickets": EVERYBODY,
    "GET /api/v1/widget": EVERYBODY,
    "POST /api/v1/login": EVERYBODY,
    "POST /api/v1/logout": STAFF,
    "GET /api/v1/me": STAFF,
    "POST /api/v1/agent/tickets": STAFF,
    "POST /api/v1/calls": {Role.SITE},
    "GET /api/v1/calls": STAFF | {Role.SITE},
    "GET /api/v1/calls/{call_id}": STAFF | {Role.SITE},
    "POST /api/v1/calls/{call_id}/photos": {Role.SESSION},
    "GET /api/v1/photos/{photo_id}": STAFF | {Role.SESSION},
    "GET /api/v1/calls/{call_id}/recordings": READERS,
    "GET /api/v1/recordings/{recording_id}": READERS,
    "GET /api/v1/recordings/{recording_id}/check": READERS,
    "GET /api/v1/recordings/{recording_id}/media": READERS,
    "DELETE /api/v1/recordings/{recording_id}": READERS,
    **dict.fromkeys((f"{method} /api/v1/recordings/{{recording_id}}/export" for method in JOB), READERS),
    "GET /api/v1/recordings/{recording_id}/export/file": READERS,
    "GET /api/v1/calls/{call_id}/stills": READERS,
    "POST /api/v1/calls/{call_id}/stills/{still_id}": {Role.SESSION},
    **dict.fromkeys((f"{method} /api/v1/calls/{{call_id}}/evidence" for method in JOB), READERS),
    "GET /api/v1/calls/{call_id}/evidence/file": READERS,
    "GET /api/v1/evidence/key": EVERYBODY,
    "GET /": EVERYBODY,
    "GET /widget.js": EVERYBODY,
    "GET /widget": EVERYBODY,
    "GET /console": EVERYBODY,
    "GET /shop": EVERYBODY,
    "GET /web/{path:.+}": EVERYBODY,
    "GET /ws/v1": EVERYBODY,
    "GET /docs": EVERYBODY,
    "GET /docs/style.css": EVERYBODY,
    "GET /docs/openapi.json": EVERYBODY,
    "GET /docs/asyncapi.json": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": {Role.LOCAL, Role.OPERATOR},
    "POST /api/v1/tests": EVERYBODY,
    "GET /api/v1/tests/{test_id}": EVERYBODY,
    "POST /api/v1/tests/{test_id}/answers": EVERYBODY,
    "POST /api/v1/tests/{test_id}/end": EVERYBODY,
    "GET /ops": EVERYBODY,
    "GET /test": EVERYBODY,
    "GET /api/v1/calls/{call_id}/quality": READERS,
    "GET /api/v1/ops/live": {Role.OPERATOR},
    "GET /api/v1/ops/alerts": {Role.OPERATOR},
    "GET /api/v1/ops/history": {Role.OPERATOR},
    "POST /api/v1/ops/alerts/silence": {Role.OPERATOR},
    "POST /api/v1/ops/alerts/acknowledge": {Role.OPERATOR},
}
CUSTOMER, AGENT = frozenset({"customer"}), frozenset({"agent"})
WHO_MAY_SAY = {
    **dict.fromkeys(("call.start", "call.rate"), CUSTOMER),
    **dict.fromkeys(("agent.status", "call.accept", "call.decline", "call.hold", "call.clean"), AGENT),
    **dict.fromkeys(("recording.set", "still.take", "verification.set"), AGENT),
    "recording.consent": CUSTOMER,
    **dict.fromkeys(("hello", "resume", "ping", "leg.answer", "leg.restart", "leg.narrow"), CUSTOMER | AGENT),
    **dict.fromkeys(("call.media", "call.hangup", "chat.send", "quality.report"), CUSTOMER | AGENT),
}
BODIES: dict[str, dict[str, Any]] = {
    "hello": {"ticket": "x"},
    "resume": {"token": "x"},
    "leg.answer": {"leg_id": "l", "generation": 0, "sdp": "v=0"},
    "leg.restart": {"leg_id": "l"},
    "leg.narrow": {"leg_id": "l", "paused": True},
    "call.media": {"call_id": "c", "audio": True, "video": True},
    "call.hangup": {"call_id": "c"},
    "call.rate": {"call_id": "c", "stars": 5},
    "chat.send": {"call_id": "c", "id": "1", "text": "hi"},
    "agent.status": {"status": "away"},
    "call.accept": {"call_id": "c"},
    "call.decline": {"call_id": "c"},
    "call.hold": {"call_id": "c", "on": True},
    "call.clean": {"call_id": "c", "on": True},
    "recording.set": {"call_id": "c", "state": "on"},
    "recording.consent": {"call_id": "c", "granted": True},
    "still.take": {"call_id": "c", "id": "s"},
    "verification.set": {"call_id": "c", "on": True},
    "quality.report": {"leg_id": "l"},
}


def every_route() -> list[str]:
    return [f"{route.method} {route.path}" for route in all_routes(WebSockets(), True, "1", MORE)]


def test_every_endpoint_and_every_message_is_listed() -> None:
    assert sorted(every_route()) == sorted(WHO_MAY)
    assert {tag_of(kind) for kind in ClientMessage.__args__} == set(WHO_MAY_SAY)
    assert {tag_of(kind): roles for kind, roles in ROLES.items()} == WHO_MAY_SAY


async def credentials(site: Website) -> dict[Role, dict[str, str]]:
    customer = await site.customer()
    return {
        Role.ANYONE: STRANGER,
        Role.LOCAL: {},
        Role.SESSION: STRANGER | {"Authorization": f"Bearer {customer.welcome['photo_token']}"},
        Role.AGENT: STRANGER | await site.log_in("anna"),
        Role.OPERATOR: STRANGER | await site.log_in("olga"),
        Role.SITE: STRANGER | {"Authorization": f"Bearer {API_KEY}"},
    }


async def test_every_role_at_every_endpoint(tmp_path: Any, web_root: Any) -> None:
    async with website(tmp_path, web_root, MORE) as site:
        known = await credentials(site)
        for name, allowed in WHO_MAY.items():
            method, path = name.split(" ", 1)
            path = re.sub(r"{\w+}", "x1", path.replace("{path:.+}", "shared/tokens.css"))
            for role, headers in known.items():
                status, answer = await site.ask(method, path, headers=headers)
                code = answer.get("error", {}).get("code") if isinstance(answer, dict) else None
                if role in allowed:
                    # "not your call" comes from the endpoint itself: the role got in.
                    own = answer["error"]["message"] == "not your call" if code == "not_allowed" else False
                    assert status not in (401, 403) or own, (name, role, status, answer)
                else:
                    wanted = 401 if role in (Role.ANYONE, Role.LOCAL) else 403
                    assert status == wanted, (name, role, status, answer)
                if name == "POST /api/v1/logout":
                    known = await credentials(site)


@pytest.mark.parametrize("role", ["customer", "agent"])
async def test_every_role_with_every_message(site: Website, role: str) -> None:
    socket = await (site.customer() if role == "customer" else site.agent())
    for kind, allowed in WHO_MAY_SAY.items():
        if kind == "call.start" and role == "customer":
            continue
        await socket.send(type=kind, **BODIES.get(kind, {}))
        await socket.send(type="ping", t=77.0)
        codes = []
        while (message := await socket.next()) != {"type": "pong", "t": 77.0}:
            codes += [message["code"]] if message["type"] == "error" else []
        assert ("not_allowed" in codes) == (role not in allowed), (kind, role, codes)
    await socket.raw.close()


@pytest.mark.parametrize(
    "authorization",
    ["Bearer csk_wrong", "Bearer csp_x.y", "Bearer ", "Basic YTpi", "Bearer eyJhbGciOiJub25lIn0.e30.", "\u00ff"],
)
async def test_a_wrong_authorization_is_refused_even_beside_a_good_cookie(site: Website, authorization: str) -> None:
    headers = await site.log_in() | {"Authorization": authorization}
    assert (await site.ask("GET", "/api/v1/me", headers=headers))[0] == 401


async def test_a_cookie_alone_does_not_change_anything(site: Website) -> None:
    """A form of another page can send the cookie's browser here, but not our header."""
    headers = await site.log_in()
    del headers["X-Callserver"]
    assert (await site.ask("GET", "/api/v1/me", headers=headers))[0] == 200
    assert (await site.ask("POST", "/api/v1/agent/tickets", headers=headers))[0] == 403


async def test_nobody_is_let_in_by_a_forwarded_header_we_do_not_trust(tmp_path: Any, web_root: Any) -> None:
    async with website(tmp_path, web_root, MORE) as site:
        assert (await site.ask("GET", "/metrics"))[0] == 200
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            assert (await site.ask("GET", "/metrics", headers={name: "127.0.0.1"}))[0] == 401
