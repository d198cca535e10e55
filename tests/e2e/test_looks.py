"""How the pages look, on a phone and a desktop, from left to right and from right to left: pictures for people to
look at in artifacts/screens, and what a machine can see: axe-core's rules, nothing wider than the screen, no errors."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Frame, Page, ViewportSize

from tests.e2e.people import DESKTOP, PHONE, Agent, Customer, People, Person
from tests.e2e.product import ROOT, Product

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

AXE = ROOT / "tests/e2e/node_modules/axe-core/axe.min.js"
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
NOT_WORDS = r"""() => [...document.body.querySelectorAll("*:not(script, style)")]
  .flatMap((one) => [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE))
  .map((node) => node.data)
  .filter((text) => /(^|\s)(false|true|null|undefined|NaN)(\s|$)|\[object/.test(text))"""
"""Texts, also unseen ones that are read aloud, that a script has made of no text."""
COVERED = """(selectors) => {
  const [words, over] = selectors.map((one) => {
    const range = document.createRange();
    range.selectNodeContents(document.querySelector(one));
    return range.getBoundingClientRect();
  });
  return words.right > over.left && words.left < over.right && words.bottom > over.top && words.top < over.bottom;
}"""
SIZES = {"phone": PHONE, "desktop": DESKTOP}


@pytest.fixture(scope="session")
def axe() -> str:
    assert AXE.is_file(), "axe-core is missing: `make e2e` fetches it with npm (see tests/e2e/package.json)"
    return AXE.read_text()


async def faults(frame: Frame | Page, axe: str) -> list[str]:
    """What axe-core finds, one line an element."""
    if not await frame.evaluate("() => 'axe' in window"):
        await frame.evaluate(axe)
    options = {"runOnly": {"type": "tag", "values": STANDARDS}, "iframes": False}
    found: dict[str, Any] = await frame.evaluate(f"() => axe.run(document, {json.dumps(options)})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


async def look(person: Person, name: str, axe: str, direction: str) -> None:
    frame = await person.frame()
    assert await frame.evaluate("() => document.documentElement.dir || 'ltr'") == direction, name
    await person.screenshot(name)
    too_wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await frame.evaluate(too_wide) <= 0, f"{name}: scrolls sideways"
    assert await frame.evaluate(NOT_WORDS) == [], f"{name}: a value where words belong"
    assert await faults(frame, axe) == [], name


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("locale", "direction"), [("en", "ltr"), ("ar", "rtl")], ids=["en", "ar"])
async def test_every_screen(
    people: People, axe: str, locale: str, direction: str, size: ViewportSize, photo: Path
) -> None:
    where = f"{locale}-{size['width']}x{size['height']}"

    async def seen(person: Person, name: str) -> None:
        await look(person, f"{name}-{where}", axe, direction)

    agent: Agent = await people.agent(size=size, locale=locale)
    await seen(agent, "console-1-desk")
    customer: Customer = await people.customer(size=size, locale=locale, path=f"/shop?locale={locale}")
    await seen(customer, "widget-1-lobby")
    await customer.call("مريم" if locale == "ar" else "Maria")
    await seen(customer, "widget-2-waiting")
    await agent.rings()
    await seen(agent, "console-2-ringing")
    await agent.answer()
    await customer.screen("call")
    await customer.sees()
    await agent.sees()
    await seen(customer, "widget-3-call")
    devices = agent.page.locator(".control-box > button")
    await devices.click()
    await agent.page.get_by_role("switch").check()
    await agent.shows(agent.page.locator("[role=switch][aria-busy=false]"), "that the customer's voice is cleaned")
    await seen(agent, "console-3-devices")
    await devices.click()
    await customer.say("It does not boil any more")
    await customer.send_photo(photo)
    await customer.sees_photos(1)
    await seen(customer, "widget-4-chat")
    await agent.show_chat()
    await agent.sees_photos(1)
    await seen(agent, "console-3-call")
    await agent.key("O").click()
    await agent.page.locator(".portrait-line").wait_for()
    await seen(agent, "console-3-hold")
    assert not await agent.page.evaluate(COVERED, [".portrait-line", ".self"]), "the own picture lies over the words"
    await agent.hang_up()
    await customer.screen("ended")
    await seen(customer, "widget-5-ended")
    await agent.ended()
    await seen(agent, "console-4-ended")
    for page, shown in (("calls", ".list-end"), ("settings", "main h1")):
        await agent.page.goto(f"/console#/{page}")
        await agent.page.locator(shown).first.wait_for()
        await seen(agent, f"console-5-{page}")
    assert customer.complaints + agent.complaints == []


@pytest.mark.parametrize(
    ("locale", "direction", "size", "scheme"),
    [("de", "ltr", DESKTOP, "dark"), ("ar", "rtl", PHONE, "light")],
    ids=["de-desktop-dark", "ar-phone"],
)
async def test_recording_and_verification(
    people: People, product: Product, axe: str, locale: str, direction: str, size: ViewportSize, scheme: str
) -> None:
    """A site that asks for consent: asked, recorded, verified, paused, broken off by a full disk, recorded again; then
    its page with players and evidence."""
    where = f"{locale}-{size['width']}x{size['height']}-{scheme}"
    await product.command("site", "set", "demo", "--consent", "ask", "--waiting-music", "yes")
    try:
        agent: Agent = await people.agent(size=size, locale=locale, color_scheme=scheme)
        customer: Customer = await people.customer(
            size=size, locale=locale, path=f"/shop?locale={locale}", color_scheme=scheme
        )
        await customer.call("مريم" if locale == "ar" else "Maria")
        await agent.rings()
        await customer.hears()  # how it rings
        await agent.answer()
        await customer.sees()
        await agent.key("R").click()
        await customer.shows(await customer.find(".kept-consent"), "the question")
        await look(customer, f"widget-6-consent-{where}", axe, direction)
        await (await customer.find(".kept-consent .primary")).click()
        await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that it is recorded")
        await customer.is_told()
        await look(customer, f"widget-7-recorded-{where}", axe, direction)
        await agent.page.locator(".controls .control").nth(6).click()  # the verification
        await agent.page.locator(".shot").nth(3).locator("button").first.click()
        await customer.shows(await customer.find(".kept-code"), "the code")
        await agent.page.locator(".shot").nth(3).locator("button").last.click()
        await customer.shows(await customer.find(".kept-count:not(:empty)"), "that a picture was taken")
        await look(customer, f"widget-8-verification-{where}", axe, direction)
        await look(agent, f"console-6-verification-{where}", axe, direction)
        await agent.key("R").click()
        await agent.shows(agent.page.locator(".chip.rec.paused"), "that the recording is paused")
        await look(agent, f"console-7-paused-{where}", axe, direction)
        product.fill_disk(True)
        await agent.key("R").click()
        await agent.shows(agent.page.locator(".chip.rec.failed"), "that the recording broke off")
        await customer.shows(await customer.find(".kept-notice[data-state=failed]"), "that nothing is recorded now")
        await look(agent, f"console-8-disk-full-{where}", axe, direction)
        await look(customer, f"widget-9-disk-full-{where}", axe, direction)
        product.fill_disk(False)
        await agent.key("R").click()
        await (await customer.find(".kept-consent .primary")).click()
        await customer.shows(await customer.find(".kept-notice[data-state=on]"), "that it is recorded again")
        await customer.hears()
        await agent.sees()
        await agent.hang_up()
        await agent.ended()
        await agent.page.goto("/console#/calls")
        await agent.page.locator(".list-end").wait_for()  # the page before has rows as well
        await agent.page.locator(".row").first.click()
        await agent.shows(agent.page.locator(".player-bar").first, "the player")
        await look(agent, f"console-9-player-{where}", axe, direction)
        await agent.page.locator(".kept .danger-text").first.click()
        await look(agent, f"console-9-delete-{where}", axe, direction)
        assert customer.complaints + agent.complaints == []
    finally:
        await product.command("site", "set", "demo", "--consent", "notice", "--waiting-music", "no")


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
async def test_store_and_sign_in(people: People, axe: str, size: ViewportSize) -> None:
    visitor = await people.visitor(size=size)
    for path in ("/shop", "/console"):
        await visitor.page.goto(path)
        await visitor.page.locator("h1").first.wait_for()
        await look(visitor, f"{path.strip('/')}-0-first-en-{size['width']}x{size['height']}", axe, "ltr")


async def test_a_blocked_microphone_is_explained(people: People, axe: str) -> None:
    blocked = """navigator.mediaDevices.getUserMedia =
      () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"))"""
    customer = await people.customer(init=blocked)
    await customer.shows(await customer.find("[data-ref=help]"), "help with the permission")
    await look(customer, "widget-1-blocked-en-1280x800", axe, "ltr")
