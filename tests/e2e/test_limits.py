"""Networks that carry less: a paused picture for both sides to read about, and a firewall that lets no UDP pass."""

import socket
from collections.abc import Iterator
from random import Random

import pytest
from playwright.async_api import Locator, ViewportSize, WebSocketRoute

from callserver.drill.link import Link
from callserver.drill.relay import Relay
from callserver.drill.spec import parse_spec
from tests.e2e.people import Agent, Customer, People, Person
from tests.e2e.product import Product, until
from tests.e2e.test_looks import DESKTOP, PHONE, axe, look
from tests.e2e.test_recovery import through

__all__ = ["axe"]
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

SEEN_SEQ = 1
"""A number that a page has seen before, so that words put in do not change what it acknowledges."""


class Words:
    """Puts messages of the server's into a page's connection; what the server itself says goes on."""

    def __init__(self) -> None:
        self._routes: list[WebSocketRoute] = []

    async def join(self, person: Person) -> None:
        """Before the page opens its connection; what it has open is made anew by a reload."""
        await person.context.route_web_socket("**/ws/v1", self._opened)

    def _opened(self, route: WebSocketRoute) -> None:
        route.connect_to_server()
        self._routes.append(route)

    def say(self, side: str, video: str) -> None:
        message = f'{{"type":"media.limited","seq":{SEEN_SEQ},"side":"{side}","video":"{video}"}}'
        self._routes[-1].send(message)


@pytest.mark.parametrize(
    ("locale", "direction", "size"), [("en", "ltr", DESKTOP), ("ar", "rtl", PHONE)], ids=["en-desktop", "ar-phone"]
)
async def test_a_paused_picture_is_explained_and_comes_back(
    people: People, axe: str, locale: str, direction: str, size: ViewportSize
) -> None:
    where = f"{locale}-{size['width']}x{size['height']}"
    to_agent, to_customer = Words(), Words()
    agent: Agent = await people.agent(size=size, locale=locale, status="away")
    await to_agent.join(agent)
    await agent.page.reload()
    await agent.status("ready")
    customer: Customer = await people.customer(size=size, locale=locale, path=f"/shop?locale={locale}")
    await to_customer.join(customer)
    await customer.page.reload()
    await customer.open_shop(f"/shop?locale={locale}")
    await customer.call("مريم" if locale == "ar" else "Maria")
    await agent.answer()
    await customer.screen("call")
    await customer.sees()
    await agent.sees()

    to_customer.say("own", "paused")
    to_agent.say("peer", "paused")
    paused = await customer.find("callserver-widget[data-paused=true]")
    await customer.shows(paused, "that the picture is paused")
    await agent.shows(agent.page.locator(".condition-line"), "that the customer sees nothing")
    await look(customer, f"limits-widget-own-{where}", axe, direction)
    await look(agent, f"limits-console-peer-{where}", axe, direction)

    to_customer.say("own", "")
    to_customer.say("peer", "paused")
    to_agent.say("peer", "")
    to_agent.say("own", "paused")
    await customer.shows(await customer.find("[data-ref=hint]"), "that the agent sees nothing")
    await agent.shows(agent.page.locator(".stage.paused .portrait-line"), "that the picture is paused")
    await look(customer, f"limits-widget-peer-{where}", axe, direction)
    await look(agent, f"limits-console-own-{where}", axe, direction)

    to_customer.say("peer", "")
    to_agent.say("own", "")

    async def as_before() -> bool:
        left = await (await customer.find("[data-ref=hint]:not([hidden]), [data-paused=true]")).count()
        return left + await agent.page.locator(".stage.paused").count() == 0

    await until(as_before, "the notices go by themselves")
    await customer.sees()
    await agent.sees()
    assert customer.complaints + agent.complaints == []
    await agent.hang_up()
    await customer.screen("ended")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A UDP port on which everything disappears, as behind a firewall."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


async def test_where_udp_does_not_pass_the_call_is_carried_by_tcp(
    people: People, agent: Agent, silent_port: int
) -> None:
    blocked = f"""
      const take = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function ({{ type, sdp }}) {{
        return take.call(this, {{ type, sdp: sdp.replace(/( udp \\d+ \\S+) \\d+/gi, "$1 {silent_port}") }});
      }};"""
    customer = await people.customer(init=blocked)
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    await customer.hears()
    await agent.hears()
    await customer.sees()
    await agent.sees()
    assert (await customer.figures())["transports"] == ["tcp"]
    assert (await agent.figures())["transports"] == ["udp"]
    await customer.hang_up()
    await agent.ended()


async def test_a_customer_whose_way_out_carries_only_a_voice_is_heard_and_both_sides_are_told(
    people: People, agent: Agent, product: Product
) -> None:
    relay = Relay(Link(parse_spec("rate=45k,queue=500ms,delay=20"), Random(1)), Link(parse_spec("delay=20"), Random(2)))
    relay.connect_far(("127.0.0.1", product.media_port))
    customer = await people.customer(init=through(relay.near[1]))
    await customer.call()
    await agent.answer()
    await agent.shows(agent.page.locator(".stage.paused .portrait-line"), "that the customer's picture waits", 30)
    hint = await customer.find("[data-ref=hint]")
    await until(lambda: says(hint, "too weak for your picture"), "the customer reads why")
    await agent.hears()
    await customer.sees()
    await agent.screenshot("limits-console-narrow-uplink")
    await customer.screenshot("limits-widget-narrow-uplink")
    await customer.hang_up()
    await agent.ended()
    relay.close()


async def says(locator: Locator, words: str) -> bool:
    return words in (await locator.text_content() or "")


def without(*codecs: str) -> str:
    """A page whose browser does not know these codecs."""
    return f"""
      const take = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function ({{ type, sdp }}) {{
        const unknown = /^(a=rtpmap:\\d+ )(?=({"|".join(codecs)})\\/90000)/gm;
        return take.call(this, {{ type, sdp: sdp.replace(unknown, "$1x-") }});
      }};"""


async def test_a_browser_that_has_nothing_but_h264_sees_pictures_that_are_made_for_it(people: People) -> None:
    agent = await people.agent(init=without("VP8"))
    customer = await people.customer()
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    await customer.sees(30)
    await agent.sees(30)
    codecs = await agent.page.evaluate("() => callProbe.codecs()")
    assert codecs == ["video/H264"]
    assert await agent.page.locator(".stage.paused").count() == 0
    await customer.hang_up()
    await agent.ended()


async def test_a_browser_without_any_codec_of_ours_is_told_and_so_is_the_other_side(people: People) -> None:
    agent = await people.agent(init=without("VP8", "H264"))
    customer = await people.customer()
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    told = agent.page.locator(".stage.paused .portrait-line").get_by_text("Your browser cannot show")
    await agent.shows(told, "why there is no picture")
    hint = await customer.find("[data-ref=hint]")
    await until(lambda: says(hint, "browser cannot show your picture"), "the customer reads who does not see")
    await agent.hears()
    await customer.hears()
    await agent.screenshot("limits-console-no-codec")
    await customer.screenshot("limits-widget-no-codec")
    await customer.hang_up()
    await agent.ended()
