"""Two people in two browsers: sound and moving picture both ways, chat, photos, mute, hold, the end and the rating."""

from pathlib import Path

import av
import pytest

from tests.e2e.people import PHONE, Agent, Customer, People
from tests.e2e.product import ROOT, Product, until
from tests.e2e.timing import Timings, note_call

HOLD_PICTURE = ROOT / "media/announcements/hold_picture.ivf"
pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_a_whole_call(customer: Customer, agent: Agent, product: Product, photo: Path, timings: Timings) -> None:
    await customer.call("Maria Lopez")
    await agent.rings()
    await customer.media_connected()
    await agent.media_connected()
    for person in (customer, agent):  # connected at ring, but nothing is forwarded before the answer
        await person.gets_nothing(0.5)
        assert (await person.figures())["mediaReceived"] == 0
    await until(agent.listens, "the agent's page plays (silence) before the answer, so that no word is lost by it")

    await agent.answer()
    await customer.screen("call")
    await customer.hears()
    await agent.hears()
    await customer.sees()
    await agent.sees()
    await note_call(timings, customer, agent)

    await customer.say("It does not boil <b>any more</b>")
    await agent.reads("It does not boil <b>any more</b>")
    await agent.say("Please show me the base")
    await customer.reads("Please show me the base")
    await customer.send_photo(photo)
    await agent.sees_photos(1)
    await agent.send_photo(photo)
    await customer.sees_photos(2)

    await agent.hang_up()
    await customer.screen("ended")
    await customer.rate(5, "quick and friendly")
    await agent.ended()
    assert [record for record in product.log_records() if record.get("level") == "error"] == []


async def test_mute_camera_off_and_hold_are_heard_seen_and_shown(customer: Customer, agent: Agent) -> None:
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    await agent.sees()

    await customer.do("mute")
    await agent.shows(agent.page.locator(".condition-line"), "that the customer is muted")
    await agent.hears_silence()
    await customer.do("mute")
    await agent.hears()

    await customer.do("camera")
    await agent.shows(agent.page.locator(".portrait"), "initials instead of a picture")
    await customer.do("camera")
    await agent.sees()

    await agent.key("O").click()
    await until(lambda: _shows_hold(customer), "the customer sees that the call is on hold")
    await customer.hears()  # the hold music
    await sees_hold_picture(customer)
    await customer.screenshot("widget-hold")
    await agent.gets_nothing()
    await agent.key("O").click()
    await customer.hears()
    await customer.sees()
    await agent.hears()

    await customer.hang_up()
    await customer.screen("ended")
    await agent.ended()


async def test_an_agent_who_looks_something_up_goes_on_listening(customer: Customer, agent: Agent) -> None:
    await customer.call()
    await agent.answer()
    await agent.hears()
    await agent.page.evaluate("location.hash = '#/calls'")
    await agent.shows(agent.page.locator(".calls-list"), "past calls")
    assert await agent.listens()
    await agent.hears()
    await agent.page.evaluate("location.hash = ''")
    await agent.in_call()
    await agent.sees()
    await customer.hang_up()
    await agent.ended()


async def sees_hold_picture(customer: Customer) -> None:
    """What people see is that very picture."""
    with av.open(str(HOLD_PICTURE)) as film:
        picture = next(film.decode(video=0)).to_image().resize((32, 24))
    wanted = [pixel[1] for pixel in picture.get_flattened_data()]

    async def same() -> bool:
        pictures = await (await customer.frame()).evaluate("() => callProbe.pictures(true)")
        return any(sum(abs(a - b) for a, b in zip(one, wanted, strict=True)) < 8 * len(wanted) for one in pictures)

    await until(same, "the customer sees the hold picture", every=0.2)


async def _shows_hold(customer: Customer) -> bool:
    return await (await customer.find("[data-ref=nobody]")).is_visible()


async def test_a_call_with_the_voice_only(customer: Customer, agent: Agent) -> None:
    await customer.call(voice_only=True)
    await agent.answer()
    await customer.screen("call")
    await customer.hears()
    await agent.hears()
    assert (await agent.figures())["framesDecoded"] == 0
    assert (await customer.figures())["framesDecoded"] == 0

    await agent.page.locator(".control-box > button").click()
    await agent.page.get_by_role("switch").check()
    await agent.shows(agent.page.locator("[role=switch][aria-busy=false]"), "that the voice is cleaned")
    assert "keeps the original" in await agent.page.locator("#less-noise").inner_text()
    await agent.hears()
    await agent.screenshot("console-less-noise")
    await agent.page.get_by_role("switch").uncheck()
    await agent.hears()
    await customer.hang_up()
    await agent.ended()


async def test_a_customer_without_a_camera_can_talk(people: People) -> None:
    """No camera there: the browser says NotFoundError for video and lists only microphones."""
    no_camera = """(() => {
      const media = navigator.mediaDevices;
      const [get, list] = [media.getUserMedia.bind(media), media.enumerateDevices.bind(media)];
      media.getUserMedia = (wanted) =>
        wanted.video ? Promise.reject(new DOMException("no camera", "NotFoundError")) : get(wanted);
      media.enumerateDevices = async () => (await list()).filter((one) => one.kind !== "videoinput");
    })()"""
    agent = await people.agent()
    customer = await people.customer(init=no_camera)
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    await agent.hears()
    await customer.hears()
    await customer.hang_up()
    await agent.ended()


async def test_a_call_without_a_mouse(people: People) -> None:
    """On a phone's screen the focus stays inside; every button on the way has a name."""
    agent = await people.agent()
    customer = await people.customer(size=PHONE)
    await customer.tab_to("[data-do=call]")
    await customer.page.keyboard.press("Enter")
    await customer.screen("waiting")
    await agent.rings()
    await agent.page.keyboard.press("Alt+A")
    await agent.in_call()
    await customer.screen("call")
    await customer.hears()
    for button in ("mute", "hangup", "mute"):  # round the end of the page
        await customer.tab_to(f"[data-do={button}]")
    await customer.page.keyboard.press("Enter")
    await agent.shows(agent.page.get_by_text("The customer is muted"), "that the customer is muted")
    await customer.tab_to("[data-ref=chatButton]")
    await customer.page.keyboard.press("Enter")
    await customer.page.keyboard.type("typed")
    await customer.page.keyboard.press("Enter")
    await agent.reads("typed")
    await customer.page.keyboard.press("Escape")
    await customer.tab_to("[data-do=hangup]")
    await customer.page.keyboard.press("Enter")
    await customer.screen("ended")
    await agent.ended()
