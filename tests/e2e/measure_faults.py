"""Time from a fault to /ops, in real pages: `make measure-faults ARGS="--runs 3 --fault black --fault silent"`.

Customer, agent and operator are three Chromium pages. After a good beginning the customer's link or a device fails;
an observer in the operator's page notes when the call's row is coloured and when the first verdict of the fault's kind
stands beside it. Prints one JSON object, seconds; null: not within the time it was watched.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from callserver.drill.network import Network
from callserver.drill.plan import Plan
from callserver.drill.spec import parse_spec
from tests.e2e.chromium import chromium_flags, chromium_path
from tests.e2e.people import Agent, Customer, People
from tests.e2e.product import ARTIFACTS, Product
from tests.e2e.test_operations import operator

FAULTY = Path(__file__).with_name("faulty.js")
DELAY = "delay=30"
LINKS = {
    "loss 30% up": (DELAY, "loss=30"),
    "loss 30% down": ("loss=30", DELAY),
    "burst 10% up": (DELAY, "loss=10,burst=5"),
    "150 kbps up": (DELAY, "rate=150k"),
    "150 kbps down": ("rate=150k", DELAY),
    "nothing passes": ("down=on", "down=on"),
}
"""Name: what becomes of the link to the customer, and of the one from there."""
DEVICES = {"black": "camera", "silent": "microphone", "silent from the answer": "microphone"}
FAULTS = (*LINKS, *DEVICES, "none")
WATCHED = 12.0

_OBSERVE = """began => {
  window.shown = { coloured: null, told: null, verdicts: [] };
  const seconds = () => Math.round(Date.now() - 1000 * began) / 1000;
  const look = () => {
    if (document.querySelector(".calls-table tr.fair, .calls-table tr.poor")) window.shown.coloured ??= seconds();
    for (const { textContent: text } of document.querySelectorAll(".calls-table .chip")) {
      if (window.shown.verdicts.some(([found]) => found === text)) continue;
      window.shown.told ??= seconds();
      window.shown.verdicts.push([text, seconds()]);
    }
  };
  const all = { subtree: true, childList: true, attributes: true, characterData: true };
  new MutationObserver(look).observe(document.body, all);
  look();
}"""


async def one_fault(browser: Browser, product: Product, fault: str, calm: float) -> dict[str, Any]:
    """One call with this fault: seconds to colour and verdict, and every verdict."""
    people, network = People(browser, product), _network(fault, calm)
    try:
        olga, agent, customer = await operator(people), await people.agent(), await people.shopper()
        await customer.context.add_init_script(path=FAULTY)
        if network is not None:
            await customer.context.expose_function("throughLink", network.prepare)
        await customer.open_shop()
        began = await _faulty_call(customer, agent, network, fault, calm)
        await olga.page.evaluate(_OBSERVE, began)
        await asyncio.sleep(WATCHED if fault != "none" else WATCHED + calm)
        shown: dict[str, Any] = await olga.page.evaluate("() => window.shown")
        return shown
    finally:
        await people.leave()
        if network is not None:
            await network.close()


async def _faulty_call(customer: Customer, agent: Agent, network: Network | None, fault: str, calm: float) -> float:
    """An answered call, and its fault; returns when that began (seconds since 1970)."""
    early = fault == "silent from the answer"
    if early:
        await _fail(customer, fault)
    for step in (customer.call, customer.media_connected, agent.answer):
        await step()
        if network is not None:
            network.start_clock()  # its fault is always so far ahead
    answered = time.time()
    if early or fault == "none":
        return answered
    await asyncio.sleep(calm)
    return answered + calm if network is not None else await _fail(customer, fault)


async def _fail(customer: Customer, fault: str) -> float:
    return float(await (await customer.frame()).evaluate("device => window.fail(device)", DEVICES[fault]))


def _network(fault: str, calm: float) -> Network | None:
    """The customer's link, which fails so long after its clock was started."""
    if fault not in LINKS:
        return None
    down, up = (f"{DELAY};@{calm} {state}" for state in LINKS[fault])
    return Network(Plan(parse_spec(down), parse_spec(up), 60.0))


async def measure(options: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    log = ARTIFACTS / "measure-faults.log"
    log.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        product = Product(Path(directory), log)
        await product.start()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium_path(), args=chromium_flags())
                for fault in (options.fault or FAULTS) * options.runs:
                    print(fault, file=sys.stderr)
                    found.setdefault(fault, []).append(await one_fault(browser, product, fault, options.calm))
                await browser.close()
        finally:
            await product.stop()
    return found


def summary(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The table of BENCHMARKS.md: worst of the runs, and all of them."""
    return {
        fault: {
            "coloured_s": [run["coloured"] for run in runs],
            "told_s": [run["told"] for run in runs],
            "verdicts": [run["verdicts"] for run in runs],
        }
        for fault, runs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1, help="calls for each fault (default: %(default)s)")
    parser.add_argument("--fault", action="append", choices=FAULTS, help="only this one; may be repeated")
    parser.add_argument("--calm", type=float, default=20.0, help="good seconds before the fault (default: %(default)s)")
    print(json.dumps(summary(asyncio.run(measure(parser.parse_args()))), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
