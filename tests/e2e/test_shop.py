"""A shop of its own: the button on a page of another origin, signed identities, calls made by its back end."""

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
import pytest_asyncio
from aiohttp import web

from tests.e2e.people import Agent, Customer, People
from tests.e2e.product import Product, free_ports, until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

CONTEXT = {"order": "A-1042", "product": "Blue kettle", "note": "asked about the guarantee"}


class Shop(NamedTuple):
    site: str
    key: str
    secret: str
    origin: str
    elsewhere: str
    """An origin that is not the shop's."""
    settings: dict[str, object]
    """What its page says to the button."""

    def sign(self, customer: str, name: str) -> str:
        """As the README tells a back end to."""
        return hmac.new(self.secret.encode(), f"{customer}\n{name}".encode(), hashlib.sha256).hexdigest()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shop(product: Product) -> AsyncIterator[Shop]:
    """A shop whose web server is another one than ours, on two origins of which we know one."""
    first = free_ports(2)
    origin, elsewhere = (f"http://127.0.0.1:{port}" for port in (first, first + 1))
    printed = await product.command("site", "add", "shop", "--name", "Kettles", "--origin", origin)
    key, secret = (re.search(rf"{what}[^:]*: (\S+)", printed) for what in ("API key", "identity secret"))
    assert key is not None
    assert secret is not None
    made = Shop("shop", key[1], secret[1], origin, elsewhere, {})

    async def page(_: web.Request) -> web.Response:
        text = f"""<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1>
            <script>window.callserverSettings = {json.dumps(made.settings)}</script>
            <script async src="{product.url}/widget.js" data-site="shop"></script>"""
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/kettle.html", page)
    runner = web.AppRunner(app)
    await runner.setup()
    for port in (first, first + 1):
        await web.TCPSite(runner, "127.0.0.1", port).start()
    yield made
    await runner.cleanup()


async def press(customer: Customer, shop: Shop, origin: str, **settings: object) -> None:
    """Open the shop's page with these settings and press its button."""
    shop.settings.clear()
    shop.settings.update(settings)
    await customer.page.goto(f"{origin}/kettle.html")
    await customer.page.locator("callserver-button button").click()


async def sees_who_and_why(agent: Agent) -> None:
    await agent.rings()
    card = agent.page.locator(".ring-card")
    for text in ("Maria Lopez", "A-1042", "Blue kettle", "asked about the guarantee"):
        await agent.shows(card.get_by_text(text).first, text)


async def test_a_signed_customer_on_the_shops_own_page(people: People, product: Product, shop: Shop) -> None:
    agent, customer = await people.agent(), await people.shopper()
    identity = {"id": "4711", "name": "Maria Lopez", "hash": shop.sign("4711", "Maria Lopez")}
    await press(customer, shop, shop.origin, identity=identity, context=CONTEXT)
    await customer.in_lobby()
    await customer.call()
    await sees_who_and_why(agent)
    await agent.answer()
    await customer.hears()
    await agent.sees()
    await customer.hang_up()
    await agent.ended()
    status, text = await product.get("/api/v1/calls", Authorization=f"Bearer {shop.key}")
    assert status == 200
    calls = json.loads(text)["calls"]
    assert calls[0]["customer"] == {"name": "Maria Lopez", "verified": True}
    assert calls[0]["context"]["order"] == "A-1042"


async def test_a_forged_identity_is_refused(people: People, shop: Shop) -> None:
    customer = await people.shopper()
    identity = {"id": "1", "name": "The boss", "hash": shop.sign("4711", "Maria Lopez")}
    await press(customer, shop, shop.origin, identity=identity)
    await customer.screen("trouble")


async def test_a_page_of_an_unknown_origin_shows_no_widget(people: People, shop: Shop) -> None:
    customer = await people.shopper()
    await press(customer, shop, shop.elsewhere)

    def refused() -> bool:
        return any("frame-ancestors" in complaint for complaint in customer.complaints)

    await until(refused, "the browser says that it may not be framed there")


async def test_a_call_made_by_the_shops_back_end(people: People, product: Product, shop: Shop) -> None:
    wanted = {"customer": {"id": "4711", "name": "Maria Lopez"}, "language": "en", "media": "video", "context": CONTEXT}
    headers = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
    status, text = await product.request("POST", "/api/v1/calls", json.dumps(wanted).encode(), headers)
    assert status == 201, text
    made = json.loads(text)
    agent, customer = await people.agent(), await people.shopper()
    await customer.page.goto(made["join_url"])
    await customer.in_lobby()
    await customer.call()
    await sees_who_and_why(agent)
    await agent.answer()
    await customer.sees()
    await agent.hears()
    await customer.hang_up()
    await agent.ended()
    status, text = await product.get(f"/api/v1/calls/{made['call_id']}", Authorization=f"Bearer {shop.key}")
    assert status == 200
    assert json.loads(text)["call"]["phase"] == "ended"
