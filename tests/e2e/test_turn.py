"""Calls of somebody who reaches the server only through a TURN server, with the credentials that we hand out."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.e2e.chromium import chromium_flags, chromium_path
from tests.e2e.people import People
from tests.e2e.product import ARTIFACTS, Product
from tests.e2e.turn import Turn, running

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def only(scheme: str) -> str:
    """A page's script: as behind a firewall that lets out nothing but this kind of relaying."""
    return f"""
      const Open = RTCPeerConnection;
      window.RTCPeerConnection = class extends Open {{
        constructor(settings = {{}}) {{
          const iceServers = (settings.iceServers ?? []).map((one) => ({{
            ...one, urls: [one.urls].flat().filter((url) => url.startsWith("{scheme}:")),
          }}));
          super({{ ...settings, iceServers, iceTransportPolicy: "relay" }});
        }}
      }};"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def turn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Turn]:
    async with running(tmp_path_factory.mktemp("turn")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def relayed(turn: Turn, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """The product as somebody sets it up with a TURN server."""
    settings = {"TURN__URLS": turn.urls, "TURN__SECRET": turn.secret}
    product = Product(tmp_path_factory.mktemp("relayed"), ARTIFACTS / "relayed.log", **settings)
    await product.start()
    yield product
    await product.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def crowd(relayed: Product) -> AsyncIterator[People]:
    """In a Chromium that takes the TURN server's certificate, which nobody signed."""
    async with async_playwright() as playwright:
        flags = [*chromium_flags(), "--ignore-certificate-errors"]
        browser = await playwright.chromium.launch(executable_path=chromium_path(), args=flags)
        people = People(browser, relayed)
        yield people
        await people.leave()
        await browser.close()


@pytest.mark.parametrize(("scheme", "transport"), [("turn", "udp"), ("turns", "tls")])
async def test_a_call_through_a_relay(crowd: People, scheme: str, transport: str) -> None:
    customer = await crowd.customer(init=only(scheme))
    agent = await crowd.agent()
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    await customer.hears()
    await agent.hears()
    await customer.sees()
    await agent.sees()
    assert (await customer.figures())["relays"] == [transport]
    assert (await agent.figures())["relays"] == [""], "who needs no relay takes none"
    await customer.hang_up()
    await agent.ended()
    await agent.let_go()
