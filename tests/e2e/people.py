"""A customer and an agent as people use the pages: clicks and words in, what they hear and see out. Everything a test
knows of the pages' markup stands here."""

import contextlib
import re
from pathlib import Path
from typing import Any, Self

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    Locator,
    Page,
    TimeoutError as PlaywrightTimeout,
    ViewportSize,
)

from tests.e2e.product import ARTIFACTS, DEMO_AGENTS, Product, until

PROBE = Path(__file__).with_name("probe.js")
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}


class Person:
    """Somebody in front of a page of ours."""

    def __init__(self, product: Product, context: BrowserContext, page: Page) -> None:
        self.product = product
        self.context = context
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    @classmethod
    async def arrive(
        cls,
        browser: Browser,
        product: Product,
        *,
        size: ViewportSize = DESKTOP,
        locale: str = "en-US",
        init: str = "",
        **options: Any,
    ) -> Self:
        """`init`: script that runs before the page's own, e.g. to take the camera away."""
        context = await browser.new_context(
            viewport=size, locale=locale, permissions=["camera", "microphone"], base_url=product.url, **options
        )
        context.set_default_timeout(15_000)
        await context.add_init_script(path=PROBE)
        if init:
            await context.add_init_script(init)
        return cls(product, context, await context.new_page())

    def _note(self, message: ConsoleMessage) -> None:
        where = message.location.get("url", "")
        # Asking who is signed in is how the console learns that nobody is.
        if message.type == "error" and not where.endswith("/api/v1/me"):
            self.complaints.append(f"{message.text} ({where})")

    async def frame(self) -> Frame | Page:
        """Where the call takes place."""
        return self.page

    async def figures(self) -> dict[str, Any]:
        return await (await self.frame()).evaluate("() => callProbe.figures()")  # type: ignore[no-any-return]

    async def events(self) -> list[dict[str, Any]]:
        return await (await self.frame()).evaluate("() => callProbe.events")  # type: ignore[no-any-return]

    async def media_connected(self) -> None:
        await until(self._live, f"{type(self).__name__}'s media is connected", 20)

    async def _live(self) -> bool:
        return bool((await self.figures())["live"])

    async def hears(self, seconds: float = 15) -> None:
        """Sound arrives: the energy of what was decoded grows (the pretended microphone beeps once a second)."""
        before = (await self.figures())["energy"]

        async def louder() -> bool:
            return bool((await self.figures())["energy"] > before + 1e-6)

        await until(louder, f"{type(self).__name__} hears the other side", seconds, every=0.2)

    async def is_told(self, seconds: float = 15) -> None:
        """A spoken notice arrives: over a running call it has a line of its own (media.api.Slot.AUDIO_SIDE)."""

        async def spoken() -> bool:
            return bool((await self.figures())["voices"].get("4", 0) > 1e-4)

        await until(spoken, f"{type(self).__name__} hears a notice", seconds, every=0.2)

    async def sees(self, seconds: float = 15) -> None:
        """A moving picture arrives and is shown: frames are decoded and the pixels on the page change."""
        before = (await self.figures())["framesDecoded"]
        shown: list[list[int]] = []

        async def moves() -> bool:
            pictures = await (await self.frame()).evaluate("() => callProbe.pictures()")
            shown.extend(pictures)
            moved = any(sum(abs(a - b) for a, b in zip(one, shown[-1], strict=True)) > 200 for one in shown)
            return moved and (await self.figures())["framesDecoded"] >= before + 5

        await until(moves, f"{type(self).__name__} sees the other side move", seconds, every=0.2)

    async def gets_nothing(self, seconds: float = 1.0) -> None:
        """No voice packet and no frame arrives for a while: before the answer, on hold."""

        async def quiet() -> bool:
            before = (await self.figures())["mediaReceived"]
            await self.page.wait_for_timeout(seconds * 1000)
            return bool((await self.figures())["mediaReceived"] == before)

        await until(quiet, f"{type(self).__name__} receives nothing")

    async def hears_silence(self, seconds: float = 1.5) -> None:
        """Packets may arrive, but the pretended microphone's beep, once a second, is not in them."""

        async def silent() -> bool:
            before = (await self.figures())["energy"]
            await self.page.wait_for_timeout(seconds * 1000)
            return bool((await self.figures())["energy"] - before < 1e-5)

        await until(silent, f"{type(self).__name__} hears silence")

    async def shows(self, locator: Locator, what: str, seconds: float = 15) -> None:
        await until(locator.is_visible, f"{type(self).__name__} sees {what}", seconds)

    async def screenshot(self, name: str) -> Path:
        path = ARTIFACTS / "screens" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        await self.page.screenshot(path=path, animations="disabled")
        return path

    async def let_go(self) -> None:
        """End what a failed test left, so that the next one starts clean."""

    async def leave(self) -> None:
        await self.context.close()


class Customer(Person):
    """On the store's page, with the widget in its frame."""

    async def open_shop(self, path: str = "/shop") -> None:
        await self.page.goto(path)
        await self.page.locator("callserver-button button").click()
        await self.in_lobby()

    async def in_lobby(self) -> None:
        await self.screen("lobby")
        await until(self._preview, "the widget shows its own camera, or why not", 20)

    async def frame(self) -> Frame:
        def find() -> Frame | None:
            return next((frame for frame in self.page.frames if re.search(r"/widget\?", frame.url)), None)

        return await until(find, "the widget's frame")

    async def _preview(self) -> bool:
        problem, camera = await self.find("[data-ref=help]"), await self.find("[data-ref=preview]")
        return await problem.is_visible() or await camera.evaluate("video => video.videoWidth > 0")

    async def find(self, selector: str) -> Locator:
        return (await self.frame()).locator(selector)

    async def tab_to(self, selector: str) -> None:
        """Press Tab until the focus is there. Every stop on the way is one of the widget's, and has a name."""
        wanted = await (await self.find(selector)).element_handle()
        frame = await self.frame()
        for _ in range(30):
            await self.page.keyboard.press("Tab")
            assert await self.page.evaluate("() => document.activeElement.tagName") == "CALLSERVER-BUTTON"
            name = await frame.evaluate(
                """() => {
                  const one = document.activeElement;
                  return one.ariaLabel || one.labels?.[0]?.textContent.trim() || one.textContent.trim();
                }"""
            )
            assert name, "a stop without a name"
            if await frame.evaluate("wanted => document.activeElement === wanted", wanted):
                return
        raise AssertionError(f"Tab does not lead to {selector}")

    async def reaches(self, selector: str) -> bool:
        """Whether nothing lies over the edges of a button."""
        return await (await self.find(selector)).evaluate(  # type: ignore[no-any-return]
            """button => {
              const { left, right, top, bottom } = button.getBoundingClientRect();
              const spots = [[(left + right) / 2, top + 3], [(left + right) / 2, bottom - 3]];
              return spots.every(([x, y]) => button.contains(document.elementFromPoint(x, y)));
            }"""
        )

    async def screen(self, name: str, seconds: float = 20) -> None:
        """Wait for one of: loading, lobby, waiting, call, ended, trouble."""

        async def there() -> bool:
            return await (await self.find(f"callserver-widget[data-screen={name}]")).count() > 0

        await until(there, f"the widget shows {name}", seconds)

    async def do(self, name: str) -> None:
        """Press one of the widget's buttons: call, mute, camera, chat, hangup, again …"""
        await (await self.find(f"[data-do={name}]:visible")).first.click()

    async def call(self, name: str = "", voice_only: bool = False) -> None:
        if name:
            await (await self.find("[data-ref=name]")).fill(name)
        if voice_only:
            await (await self.find("[data-ref=voiceOnly]")).check()
        await self.do("call")
        await self.screen("waiting")

    async def hang_up(self) -> None:
        await self.do("hangup")

    async def let_go(self) -> None:
        for frame in [] if self.page.is_closed() else self.page.frames:
            for button in await frame.locator("[data-do=hangup]:visible").all():
                await button.click()

    async def open_chat(self) -> None:
        if not await (await self.find("[data-ref=chat]")).is_visible():
            await (await self.find("[data-ref=chatButton]")).click()

    async def say(self, text: str) -> None:
        await self.open_chat()
        await (await self.find("[data-ref=text]")).fill(text)
        await (await self.find("[data-ref=text]")).press("Enter")

    async def reads(self, text: str) -> None:
        await self.open_chat()
        await self.shows((await self.find("[data-ref=lines]")).get_by_text(text).first, f"the line {text!r}")

    async def send_photo(self, path: Path) -> None:
        await self.open_chat()
        await (await self.find("[data-ref=file]")).set_input_files(path)

    async def sees_photos(self, count: int) -> None:
        pictures = (await self.find("[data-ref=lines]")).locator("img")
        await until(lambda: _loaded(pictures, count), f"the customer sees {count} photos")

    async def rate(self, stars: int, comment: str = "") -> None:
        await (await self.find("[data-ref=stars]")).locator("label").nth(stars - 1).click()
        if comment:
            await (await self.find("[data-ref=comment]")).fill(comment)
        await (await self.find("[data-ref=rating] button")).click()
        await self.shows(await self.find("[data-ref=thanks]"), "thanks for the rating")


class Agent(Person):
    """At the console."""

    async def sign_in(self, login: str, password: str) -> None:
        await self.page.goto("/console")
        await self.page.locator("#login").fill(login)
        await self.page.locator("#password").fill(password)
        await self.page.locator("#password").press("Enter")
        await self.shows(self.page.locator(".bar"), "the desk")

    async def status(self, status: str) -> None:
        """`ready` or `away`."""
        choice = self.page.locator(f".choice.{status}")
        await choice.click()
        await self.shows(self.page.locator(f".choice.{status}[aria-pressed=true]"), f"to be {status}")

    def key(self, letter: str) -> Locator:
        """The button with this shortcut: A answer, N decline, M mute, V camera, O hold, X hang up."""
        return self.page.locator(f"[aria-keyshortcuts='Alt+{letter}']").first

    async def listens(self) -> bool:
        """Whether an element plays what arrives."""
        return await self.page.evaluate("() => callProbe.listening()")  # type: ignore[no-any-return]

    async def rings(self, seconds: float = 15) -> None:
        await self.shows(self.page.locator(".ring-card"), "a call ring", seconds)

    async def rings_no_more(self, seconds: float = 15) -> None:
        cards = self.page.locator(".ring-card")

        async def quiet() -> bool:
            return await cards.count() == 0

        await until(quiet, "the ringing ends", seconds)

    async def answer(self) -> None:
        await self.rings()
        await self.key("A").click()
        await self.in_call()

    async def in_call(self, seconds: float = 15) -> None:
        await self.shows(self.page.locator(".call .controls"), "the call", seconds)

    async def decline(self) -> None:
        await self.rings()
        await self.key("N").click()

    async def hang_up(self) -> None:
        await self.key("X").click()

    async def let_go(self) -> None:
        if await self.key("X").is_visible():
            with contextlib.suppress(PlaywrightTimeout):  # the call may end by itself this moment
                await self.key("X").click(timeout=3000)
            await self.ended()
        await self.context.request.post("/api/v1/logout", headers={"X-Callserver": "1"})

    async def ended(self, seconds: float = 15) -> None:
        await self.shows(self.page.locator("#wrap-up"), "that the call is over", seconds)

    async def back_to_ready(self) -> None:
        await self.ended()
        await self.page.locator(".wrap-up .primary").click()

    async def show_chat(self) -> None:
        """On a phone the chat shares its place with the customer's context."""
        tab = self.page.locator("#tab-chat")
        if await tab.is_visible():
            await tab.click()

    async def say(self, text: str) -> None:
        await self.page.locator("#chat-text").fill(text)
        await self.page.locator("#chat-text").press("Enter")

    async def reads(self, text: str) -> None:
        await self.shows(self.page.locator(".chat-items").get_by_text(text).first, f"the line {text!r}")

    async def send_photo(self, path: Path) -> None:
        await self.page.locator(".composer input[type=file]").set_input_files(path)

    async def sees_photos(self, count: int) -> None:
        await until(lambda: _loaded(self.page.locator(".chat-items img"), count), f"the agent sees {count} photos")


class People:
    """Everybody of one test."""

    def __init__(self, browser: Browser, product: Product) -> None:
        self._browser = browser
        self._product = product
        self._all: list[Person] = []

    async def visitor(self, **options: Any) -> Person:
        """Before any page."""
        visitor = await Person.arrive(self._browser, self._product, **options)
        self._all.append(visitor)
        return visitor

    async def customer(self, *, path: str = "/shop", **options: Any) -> Customer:
        """In front of the open widget."""
        customer = await self.shopper(**options)
        await customer.open_shop(path)
        return customer

    async def shopper(self, **options: Any) -> Customer:
        """A customer before any page."""
        shopper = await Customer.arrive(self._browser, self._product, **options)
        self._all.append(shopper)
        return shopper

    async def agent(self, index: int = 0, *, status: str = "ready", **options: Any) -> Agent:
        agent = await Agent.arrive(self._browser, self._product, **options)
        self._all.append(agent)
        await agent.sign_in(*DEMO_AGENTS[index])
        await agent.status(status)
        return agent

    async def leave(self, failed: str = "") -> None:
        """Everybody goes; agents first say that they are away, so that the next test's call does not ring there."""
        for number, person in enumerate(self._all):
            if failed:
                name = re.sub(r"\W+", "-", failed)
                await person.screenshot(f"failed-{name}-{number}-{type(person).__name__.lower()}")
                print(f"\n{type(person).__name__} {number}: {person.complaints[-10:]}")
                with contextlib.suppress(AssertionError):  # there may be no widget
                    print(await person.figures())
        for person in self._all:
            await person.let_go()
        for person in self._all:
            await person.leave()


async def _loaded(pictures: Locator, count: int) -> bool:
    widths = await pictures.evaluate_all("all => all.map(one => one.naturalWidth)")
    return len([width for width in widths if width > 0]) >= count
