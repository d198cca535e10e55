"""The operator's pages over a live call: the dashboard shows it, its page has measured curves, a fault becomes visible,
and the test before a call goes through the real media worker."""

import time
from pathlib import Path

import pytest
from playwright.async_api import ViewportSize

from tests.e2e.monitoring import Prometheus
from tests.e2e.people import DESKTOP, PHONE, People, Person
from tests.e2e.product import Product, until
from tests.e2e.test_looks import axe as axe, faults
from tests.e2e.timing import Timings

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def operator(people: People, **options: object) -> Person:
    """Signed in at /ops."""
    person = await people.visitor(**options)
    await person.page.goto("/ops")
    await person.page.locator("#login").fill("ops")
    await person.page.locator("#password").fill("demo")
    await person.page.locator("#password").press("Enter")
    await person.shows(person.page.locator(".tiles"), "the dashboard")
    return person


async def looks_right(person: Person, axe: str, name: str) -> None:
    await person.screenshot(name)
    assert await faults(person.page, axe) == []
    wider = await person.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
    assert wider <= 0, f"{name} is {wider} px wider than the screen"


async def test_a_live_call_on_the_dashboard_and_its_page(
    people: People, product: Product, axe: str, timings: Timings, tmp_path: Path
) -> None:
    """And a Prometheus that scrapes meanwhile: our files load there, every query of the dashboard finds something."""
    async with Prometheus(product, tmp_path) as prometheus:
        await _a_live_call(people, axe, timings)
        assert await prometheus.check_files() == ""
        assert set((await prometheus.rules()).values()) == {"ok"}
        assert await prometheus.without_data() == []


async def _a_live_call(people: People, axe: str, timings: Timings) -> None:
    customer, agent = await people.customer(), await people.agent()
    olga = await operator(people)
    await looks_right(olga, axe, "ops-1-empty-en-1280x800")
    await customer.call("Ana")
    await agent.answer()
    await customer.media_connected()
    row = olga.page.locator(".calls-table tbody tr").first
    await olga.shows(row, "the call")
    await until(row.locator(".spark-line[d*=L]").count, "a line that grows", 20)  # flat lines have no height to see
    await olga.shows(row.locator(".score:not(.none)").first, "a score", 20)
    await looks_right(olga, axe, "ops-2-now-en-1280x800")
    await row.locator("a").click()
    await until(olga.page.locator("svg path.curve[d*=L]").count, "a curve", 20)
    await looks_right(olga, axe, "ops-3-call-en-1280x800")
    await customer.say("a mark in the timeline")
    await olga.shows(olga.page.locator(".mark.chat").first, "the chat mark", 20)
    await olga.page.goto("/ops#/")
    began = time.monotonic()
    await customer.context.set_offline(True)  # so that nothing can be said any more
    await customer.page.close()
    await olga.shows(
        olga.page.locator(".calls-table tr.poor, .calls-table .chip, .calls-table .spark.none").first, "the fault", 40
    )
    timings.setdefault("ops: a side gone, until the dashboard shows it", []).append((time.monotonic() - began) * 1000)
    await agent.hang_up()
    assert olga.complaints == []


@pytest.mark.parametrize(("size", "locale"), [(PHONE, "ar"), (DESKTOP, "de")], ids=["phone-ar", "desktop-de"])
async def test_every_page_of_the_operator(people: People, axe: str, size: ViewportSize, locale: str) -> None:
    olga = await operator(people, size=size, locale=locale, color_scheme="dark" if size == PHONE else "light")
    ending = f"{locale}-{size['width']}x{size['height']}"
    for name, waits in (("history", ".filter-form"), ("alerts", "#active")):
        await olga.page.goto(f"/ops#/{name}")
        await olga.shows(olga.page.locator(waits).first, name)
        await looks_right(olga, axe, f"ops-4-{name}-{ending}")
    assert olga.complaints == []


async def test_an_agent_is_told_that_this_page_is_not_theirs(people: People) -> None:
    anna = await people.agent(status="away")
    await anna.page.goto("/ops")
    await anna.shows(anna.page.locator("a[href='/console']"), "the way to the console")
    assert await anna.page.locator(".tiles").count() == 0


async def test_the_test_before_a_call(people: People, axe: str, product: Product) -> None:
    visitor = await people.visitor(size=PHONE)
    await visitor.page.goto("/test")
    await visitor.page.locator("#start").click()
    result = visitor.page.locator("#result")
    await visitor.shows(result, "a result", 45)
    assert await result.locator("li.bad").count() == 0, await result.inner_text()
    await looks_right(visitor, axe, "test-result-en-390x844")
    await visitor.page.locator("#share").click()
    link = await visitor.page.locator("#link").input_value()
    assert visitor.complaints == []
    olga = await operator(people)
    await olga.page.goto(link)
    await olga.shows(olga.page.locator(".check .chip").first, "the shared result")
    await until(lambda: _no_tests(product), "the worker holds no call of the test any more")


async def _no_tests(product: Product) -> bool:
    return await product.metric("callserver_media_calls") == 0
