import json

import pytest

from signaling.http.tokens import identity_hash
from tests.fakes.website import API_KEY, OTHER_KEY, SECRET, SHOP_ORIGIN, STRANGER, Website


async def test_a_customer_gets_a_ticket_and_is_welcomed_with_it_once(site: Website) -> None:
    ticket = await site.customer_ticket()
    socket = await site.connect(ticket)
    assert socket.welcome["snapshot"]["role"] == "customer"
    again = await site.open_socket()
    await again.send(type="hello", ticket=ticket)
    assert (await again.until("error"))["code"] == "bad_ticket"
    assert await again.closed() == 4001


async def test_an_expired_ticket_is_refused(site: Website) -> None:
    ticket = await site.customer_ticket()
    site.clock.advance(61)
    socket = await site.open_socket()
    await socket.send(type="hello", ticket=ticket)
    assert (await socket.until("error"))["code"] == "bad_ticket"
    assert await socket.closed() == 4001


async def test_a_ticket_works_from_its_own_origin_only(site: Website) -> None:
    socket = await site.open_socket(Origin="https://evil.example")
    await socket.send(type="hello", ticket=await site.customer_ticket())
    assert (await socket.until("error"))["code"] == "bad_ticket"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "", "null", "https://shop.example.evil", SHOP_ORIGIN + ":8443"]
)
async def test_other_origins_get_no_ticket(site: Website, origin: str) -> None:
    status, answer = await site.ask("POST", "/api/v1/tickets", {"site": "shop"}, {"Origin": origin})
    assert (status, answer["error"]["code"]) == (403, "not_allowed")


async def test_the_sites_own_origin_may_ask(site: Website) -> None:
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop"}, {"Origin": SHOP_ORIGIN.upper()}))[0] == 201
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "nowhere"}))[0] == 404


async def test_a_signed_identity_is_believed_and_a_wrong_one_is_not(site: Website) -> None:
    identity = {"id": "u7", "name": "Ana Müller", "hash": identity_hash(SECRET, "u7", "Ana Müller")}
    socket = await site.connect(await site.customer_ticket(identity=identity))
    assert socket.welcome["snapshot"]["person"] == {"name": "Ana Müller", "verified": True}
    for change in ({"id": "u8"}, {"name": "Eve"}, {"hash": "0" * 64}):
        status, answer = await site.ask("POST", "/api/v1/tickets", {"site": "shop", "identity": identity | change})
        assert (status, answer["error"]["code"]) == (403, "bad_identity")
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop", "identity": identity | {"hash": "x"}}))[0] == 400


async def test_the_context_reaches_the_agent(site: Website) -> None:
    agent = await site.agent()
    await agent.send(type="agent.status", status="ready")
    await agent.until("agent.state")
    customer = await site.connect(await site.customer_ticket(context={"order": "A-42", "extra": {"vip": "yes"}}))
    await customer.send(type="call.start")
    rings = await agent.until("call.incoming")
    assert rings["call"]["context"] == {"order": "A-42", "extra": {"vip": "yes"}}


async def test_contexts_are_bounded(site: Website) -> None:
    many = {"extra": {f"k{n}": "v" for n in range(21)}}
    long = {"extra": {"k": "v" * 501}}
    for context in (many, long, {"order": "x" * 201}):
        assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop", "context": context}))[0] == 400
    largest = {"extra": {f"k{n}": "ü" * 500 for n in range(20)}}
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop", "context": largest}))[0] == 413


async def test_tickets_are_rationed_by_address(site: Website) -> None:
    for _ in range(60):
        assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop"}, STRANGER))[0] == 201
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop"}, STRANGER))[0] == 429
    elsewhere = {"X-Forwarded-For": "203.0.113.9, 203.0.113.10"}
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop"}, elsewhere))[0] == 201
    site.clock.advance(2)
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "shop"}, STRANGER))[0] == 201


async def test_an_overloaded_server_takes_no_new_calls_and_keeps_the_old(site: Website) -> None:
    customer = await site.customer()
    site.overload.append("the server is too busy")
    status, answer = await site.ask("POST", "/api/v1/tickets", {"site": "shop"})
    assert (status, answer["error"]["code"]) == (503, "at_capacity")
    await customer.send(type="call.start")
    assert (await customer.until("error"))["code"] == "at_capacity"
    site.overload.clear()
    await customer.send(type="call.start")
    assert (await customer.until("call.updated"))["call"]["phase"] in ("waiting", "created")


async def test_a_shop_prepares_a_call_and_its_customer_joins(site: Website) -> None:
    key = {"Authorization": f"Bearer {API_KEY}"} | STRANGER
    body = {"customer": {"id": "u7", "name": "Ana"}, "language": "de", "context": {"order": "A-42"}, "media": "audio"}
    status, made = await site.ask("POST", "/api/v1/calls", body, key)
    assert status == 201
    assert made["join_url"].startswith(f"{site.url}/widget?site=shop&locale=de&call=")
    customer = await site.connect(await site.customer_ticket(call_token=made["call_token"]))
    assert customer.welcome["snapshot"]["person"] == {"name": "Ana", "verified": True}
    await customer.send(type="call.start", media="audio")
    assert (await customer.until("call.updated"))["call"]["call_id"] == made["call_id"]
    status, found = await site.ask("GET", "/api/v1/calls", headers=key)
    assert [call["call_id"] for call in found["calls"]] == [made["call_id"]]
    assert not {"customer_session", "legs", "ringing"} & set(found["calls"][0])
    status, detail = await site.ask("GET", f"/api/v1/calls/{made['call_id']}", headers=key)
    assert (status, detail["call"]["customer_id"], detail["events"][0]["name"]) == (200, "u7", "created")
    # Another shop, and another shop's agents, see nothing of it.
    other = {"Authorization": f"Bearer {OTHER_KEY}"} | STRANGER
    assert (await site.ask("GET", f"/api/v1/calls/{made['call_id']}", headers=other))[0] == 404
    assert (await site.ask("GET", "/api/v1/calls", headers=other))[1] == {"calls": []}
    assert (await site.ask("GET", "/api/v1/calls", headers=await site.log_in("ben")))[1] == {"calls": []}
    assert len((await site.ask("GET", "/api/v1/calls", headers=await site.log_in("anna")))[1]["calls"]) == 1


@pytest.mark.parametrize("token", ["x", "a.b.c", "é" * 50, "eyJhbGciOiJub25lIn0.eyJhdWQiOiJ4In0."])
async def test_wrong_invitations_are_refused(site: Website, token: str) -> None:
    status, answer = await site.ask("POST", "/api/v1/tickets", {"site": "shop", "call_token": token})
    assert (status, answer["error"]["code"]) == (403, "bad_ticket")


async def test_an_invitation_is_for_its_site_only_and_is_no_ticket(site: Website) -> None:
    key = {"Authorization": f"Bearer {API_KEY}"}
    made = (await site.ask("POST", "/api/v1/calls", {}, key))[1]
    assert (await site.ask("POST", "/api/v1/tickets", {"site": "other", "call_token": made["call_token"]}))[0] == 403
    socket = await site.open_socket()
    await socket.send(type="hello", ticket=made["call_token"])
    assert (await socket.until("error"))["code"] == "bad_ticket"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"site":5}', "application/json", 400),
        (b'{"site":"shop"}', "text/plain", 415),
        (json.dumps({"site": "shop", "context": {"note": "x" * 70_000}}).encode(), "application/json", 413),
        (b"\xff\xfe", "application/json", 400),
        (b'{"site":"../../etc"}', "application/json", 400),
    ],
)
async def test_bad_bodies_are_refused_with_a_reason(site: Website, content: bytes, kind: str, status: int) -> None:
    found, answer = await site.ask("POST", "/api/v1/tickets", headers={"Content-Type": kind}, data=content)
    assert found == status
    assert answer["error"]["message"]


async def test_what_the_button_may_know(site: Website) -> None:
    expected = {"site": "shop", "name": "The shop", "languages": ["de", "en"], "agents_ready": False, "waiting": 0}
    assert await site.ask("GET", "/api/v1/widget?site=shop") == (200, expected)
    agent = await site.agent()
    await agent.send(type="agent.status", status="ready")
    await agent.until("agent.state")
    assert (await site.ask("GET", "/api/v1/widget?site=shop"))[1]["agents_ready"] is True
    assert (await site.ask("GET", "/api/v1/widget"))[0] == 404
    assert (await site.ask("GET", "/api/v1/widget?site=%00%ff"))[0] == 404
