"""Time the steps of real calls in Chromium on this machine: `make measure ARGS="--runs 20 --kills 10"`.

Prints one JSON object, milliseconds. Each run is a customer with a new browser profile, as a first visitor has;
sound and frames count when they reach the page's track, so decoded.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

from playwright.async_api import async_playwright

from callserver.bench.quality import an_hour
from callserver.quality.store import QualityStore
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords
from signaling.records import Change
from tests.e2e.chromium import chromium_flags, chromium_path
from tests.e2e.people import Agent, People
from tests.e2e.product import ARTIFACTS, Product, until
from tests.e2e.test_operations import operator
from tests.e2e.timing import Timings, note, note_call, note_recovery, note_still, summary, write

STILLS_A_CALL = 5
_DRAWN = """async () => {
  while (document.querySelectorAll("svg path.curve[d*=L]").length < 4) await new Promise(requestAnimationFrame);
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  return performance.now();
}"""
"""Milliseconds since navigation once curves are there and a frame with them was painted."""


async def one_call(people: People, agent: Agent, timings: Timings, ring_seconds: float) -> None:
    customer = await people.customer()
    await customer.page.wait_for_timeout(1000)  # a person reads before they press
    await customer.call()
    await customer.media_connected()
    await agent.media_connected()
    await agent.page.wait_for_timeout(1000 * ring_seconds)
    await agent.answer()
    for person in (customer, agent):
        await person.hears()
        await person.sees()
    await note_call(timings, customer, agent)
    await customer.hang_up()
    await agent.back_to_ready()
    await customer.leave()


async def one_kill(people: People, agent: Agent, product: Product, timings: Timings) -> None:
    customer = await people.customer()
    await customer.call()
    await agent.answer()
    await customer.hears()
    await agent.hears()
    await until(product.has_spare, "the spare is warm")
    worker = product.serving_worker()
    before = (await customer.figures())["connections"], (await agent.figures())["connections"]
    killed = time.time() * 1000
    product.kill(worker)

    async def both_back() -> bool:
        theirs, ours = await customer.figures(), await agent.figures()
        return theirs["connections"] > before[0] and ours["connections"] > before[1] and theirs["live"] and ours["live"]

    await until(both_back, "both sides are connected anew", 30)
    await customer.hears()
    await agent.hears()
    await note_recovery(timings, customer, agent, killed)
    await customer.hang_up()
    await agent.back_to_ready()
    await customer.leave()


async def stills(people: People, agent: Agent, count: int, timings: Timings) -> None:
    """So many pictures on the agent's click in one call, after one that begins to read the customer's camera."""
    customer = await people.customer()
    await customer.call()
    await agent.answer()
    await customer.sees()
    await agent.sees()
    for number in range(count + 1):
        await agent.key("P").click()
        await agent.sees_photos(number + 1)
        await agent.page.wait_for_timeout(1500)  # the camera's own picture follows
        await note_still(timings, agent, "snapshot" if number else "a call's first snapshot")
    await customer.hang_up()
    await agent.back_to_ready()
    await customer.leave()


async def hours(people: People, product: Product, loads: int, timings: Timings) -> None:
    """So many times the operator's page of a call of 60 minutes, from navigation to drawn curves."""
    database = Database(sqlite_url(product.data_dir))
    state = await an_hour(QualityStore(database))
    await SqlRecords(database).write(Change(calls=[state]))
    await database.close()
    olga = await operator(people)
    for _ in range(loads):
        await olga.page.goto("about:blank")
        await olga.page.goto(f"/ops#/call/{state.call_id}")
        note(timings, "page of a call of 60 minutes", await olga.page.evaluate(_DRAWN))
    await olga.leave()


async def measure(options: argparse.Namespace) -> Timings:
    timings: Timings = {}
    log = ARTIFACTS / "measure.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        product = Product(Path(directory), log)
        await product.start()
        await product.command("site", "set", "demo", "--waiting-music", "no")  # or it would be the first sound
        try:
            async with async_playwright() as playwright:
                flags = chromium_flags(options.fps)
                browser = await playwright.chromium.launch(executable_path=chromium_path(), args=flags)
                people = People(browser, product)
                agent = await people.agent()
                for number in range(options.runs):
                    print(f"call {number + 1} of {options.runs}", file=sys.stderr)
                    await one_call(people, agent, timings, options.ring)
                for number in range(options.kills):
                    print(f"worker kill {number + 1} of {options.kills}", file=sys.stderr)
                    await one_kill(people, agent, product, timings)
                for number in range(0, options.stills, STILLS_A_CALL):
                    print(f"snapshots from {number + 1} of {options.stills}", file=sys.stderr)
                    await stills(people, agent, min(STILLS_A_CALL, options.stills - number), timings)
                if options.hours:
                    print("the page of a call of 60 minutes", file=sys.stderr)
                    await hours(people, product, options.hours, timings)
                await browser.close()
        finally:
            await product.stop()
    return timings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20, help="calls (default: %(default)s)")
    ring_help = "seconds the agent looks who calls before the answer (default: %(default)s)"
    parser.add_argument("--ring", type=float, default=1.5, help=ring_help)
    parser.add_argument("--kills", type=int, default=10, help="calls with a killed worker (default: %(default)s)")
    parser.add_argument("--stills", type=int, default=20, help="snapshots (default: %(default)s)")
    hours_help = "loads of the page of a call of 60 minutes (default: %(default)s)"
    parser.add_argument("--hours", type=int, default=5, help=hours_help)
    parser.add_argument("--fps", type=int, default=15, help="of the pretended cameras (default: %(default)s)")
    timings = asyncio.run(measure(parser.parse_args()))
    write(timings, ARTIFACTS / "browser-figures.json")
    print(json.dumps(summary(timings), indent=2))


if __name__ == "__main__":
    main()
