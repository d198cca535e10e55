"""What the end-to-end tests share: one running product, one Chromium, one event loop for all of them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, async_playwright

from tests.e2e.chromium import chromium_flags, chromium_path
from tests.e2e.people import Agent, Customer, People
from tests.e2e.product import ARTIFACTS, Product
from tests.e2e.timing import Timings, write

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Let fixtures know whether their test failed, so that they can keep what there was to see."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium; every person of a test has a context of their own in it."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium_path(), args=chromium_flags())
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """The demo, shared by the tests that leave it as they found it. Short times, so that time-outs can be seen."""
    running = Product(tmp_path_factory.mktemp("data"), ARTIFACTS / "product.log", CALL__RING_TIMEOUT="6")
    running.log.unlink(missing_ok=True)
    await running.start()
    # So that what is heard before an answer can only be the other side: nothing.
    await running.command("site", "set", "demo", "--waiting-music", "no")
    yield running
    await running.stop()
    assert "is killed" not in running.log_tail(), "SIGTERM was not enough"


@pytest_asyncio.fixture(loop_scope="session")
async def people(browser: Browser, product: Product, request: pytest.FixtureRequest) -> AsyncIterator[People]:
    """Customers and agents for one test; what they saw is kept if it failed."""
    invited = People(browser, product)
    yield invited
    await invited.leave(request.node.name if request.node.stash.get(FAILED, False) else "")


@pytest_asyncio.fixture(loop_scope="session")
async def customer(people: People) -> Customer:
    return await people.customer()


@pytest_asyncio.fixture(loop_scope="session")
async def agent(people: People) -> Agent:
    """Signed in and ready."""
    return await people.agent()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "broken kettle.png"
    Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(path)
    return path


@pytest.fixture(scope="session")
def timings() -> Iterator[Timings]:
    """Milliseconds of steps on the way: written to artifacts/timings.json, never asserted."""
    collected: Timings = {}
    yield collected
    write(collected, ARTIFACTS / "timings.json")
