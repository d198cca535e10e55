"""One drill: the same two callers over the same links, through the server and, for comparison, directly."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import pairwise
from typing import Any

import aiohttp
import msgspec

from callserver.drill.caller import Caller
from callserver.drill.client import Client, agent_ticket, customer_ticket
from callserver.drill.direct import RING_SECONDS, connect_direct
from callserver.drill.measure import (
    WARM_UP_SECONDS,
    Direction,
    measure_audio,
    measure_video,
    played,
    received_bytes,
    unmeasured,
)
from callserver.drill.moving import moving
from callserver.drill.network import Network
from callserver.drill.outage import Outages
from callserver.drill.plan import Plan, Server
from callserver.drill.server import local_server

Progress = Callable[[str], None]


class Outcome(msgspec.Struct):
    to_customer: Direction
    to_agent: Direction


class _Recorder:
    """Reads both callers' statistics once a second while a call runs."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = callers
        self.rows: list[tuple[float, dict[str, list[dict[str, Any]]]]] = []

    async def run(self, seconds: float, progress: Progress, name: str) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        for second in range(1, int(seconds) + 1):
            await asyncio.sleep(max(0.0, started + second - loop.time()))
            self.rows.append((loop.time(), {key: await caller.stats() for key, caller in self._callers.items()}))
            if second % 5 == 0:
                progress(f"{name}: {second} of {seconds:.0f} s")


async def drill(plan: Plan, server: Server | None, direct: bool, progress: Progress) -> dict[str, Outcome]:
    """Run the plan through `server` (None: one of our own) and, if asked, directly; raise DrillError, TimeoutError."""
    async with local_server() if server is None else nullcontext(server) as target:
        outcomes = {"ours": await run_ours(plan, target, progress)}
    if direct and plan.blocks_udp:
        progress("direct: without UDP two browsers do not reach each other")
        outcomes["direct"] = Outcome(unmeasured(), unmeasured())
    elif direct:
        outcomes["direct"] = await run_direct(plan, progress)
    return outcomes


async def run_direct(plan: Plan, progress: Progress) -> Outcome:
    """libwebrtc to libwebrtc over the links."""
    customer, agent = Caller("customer", plan.seed), Caller("agent", plan.seed + 100)
    relay = None
    try:
        relay = await connect_direct(customer, agent, plan.to_customer, plan.from_customer, plan.seed)
        outcome = await _converse(customer, agent, relay.start_clock, plan, progress, "direct", {})
        return _with_outages(outcome, relay.outages)
    finally:
        await asyncio.gather(customer.stop(), agent.stop())
        if relay is not None:
            relay.close()


async def run_ours(plan: Plan, server: Server, progress: Progress) -> Outcome:
    """The same through the server, with the protocol the pages speak; the customer's link is the emulated one."""
    customer, agent = Caller("customer", plan.seed), Caller("agent", plan.seed + 100)
    network = Network(plan)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        caller_side = Client(http, server.url, customer, network.prepare)
        agent_side = Client(http, server.url, agent, lambda sdp: sdp)
        try:
            await _set_up(caller_side, agent_side, server)
            await asyncio.gather(customer.connected(), agent.connected())
            silent = {
                "customer": partial(paused_seconds, caller_side.messages),
                "agent": partial(paused_seconds, agent_side.messages),
            }
            async with moving(caller_side, plan):
                outcome = await _converse(customer, agent, network.start_clock, plan, progress, "ours", silent)
            return _with_outages(outcome, network.outages)
        finally:
            await asyncio.gather(caller_side.close(), agent_side.close())
            await asyncio.gather(customer.stop(), agent.stop())
            await network.close()


async def _set_up(customer: Client, agent: Client, server: Server) -> None:
    """Log in, call, answer."""
    await agent.connect(await agent_ticket(agent, server.login, server.password))
    await agent.send({"type": "agent.status", "status": "ready"})
    await customer.connect(await customer_ticket(customer, server.site))
    await customer.send({"type": "call.start", "media": "video", "language": "en", "name": "Drill"})
    ring = await agent.until(lambda message: message["type"] == "call.incoming")
    await agent.until(lambda message: message["type"] == "leg.offer")
    for side in (customer, agent):
        side.caller.start()
    await asyncio.sleep(RING_SECONDS)
    await agent.send({"type": "call.accept", "call_id": ring["call"]["call_id"]})
    for side in (customer, agent):
        await side.until(lambda m: m["type"] == "call.updated" and m["call"]["phase"] == "active")


def _with_outages(outcome: Outcome, outages: Outages) -> Outcome:
    now = asyncio.get_running_loop().time()
    outcome.to_customer.outage_max_ms = outages.longest_ms("near", now)
    outcome.to_agent.outage_max_ms = outages.longest_ms("far", now)
    return outcome


def paused_seconds(messages: Sequence[tuple[float, dict[str, Any]]], end: float) -> float:
    """For how long the server told a client that the picture it would see is paused, for either side's connection."""
    total, since = 0.0, None
    told = {"own": False, "theirs": False}
    for at, message in messages:
        if message["type"] == "media.limited" and message["side"] == "own":
            told["own"] = message["video"] == "paused"
        elif message["type"] == "call.updated":
            told["theirs"] = message["call"].get("peer_sending_paused", False)
        if any(told.values()) and since is None:
            since = at
        elif not any(told.values()) and since is not None:
            total, since = total + at - since, None
    return total if since is None else total + end - since


async def _converse(
    customer: Caller,
    agent: Caller,
    start_clock: Callable[[], None],
    plan: Plan,
    progress: Progress,
    name: str,
    paused: Mapping[str, Callable[[float], float]],
) -> Outcome:
    loop = asyncio.get_running_loop()
    start_clock()
    start = loop.time() + WARM_UP_SECONDS
    customer.talk()
    agent.talk()
    recorder = _Recorder({"customer": customer, "agent": agent})
    await recorder.run(plan.seconds, progress, name)
    end = loop.time()
    waited = {key: told(end) for key, told in paused.items()}
    progress(f"{name}: measuring")
    return Outcome(
        to_customer=_judge(agent, customer, "customer", recorder, start, end, waited.get("customer", 0.0)),
        to_agent=_judge(customer, agent, "agent", recorder, start, end, waited.get("agent", 0.0)),
    )


def _judge(
    sender: Caller, receiver: Caller, key: str, recorder: _Recorder, start: float, end: float, paused: float
) -> Direction:
    spoken = [(at, stats[key]) for at, stats in recorder.rows if at >= start]
    volumes = [received_bytes(stats) for _, stats in spoken]
    duration = max(spoken[-1][0] - spoken[0][0], 0.1)
    kilobits = [(volumes[-1][i] - volumes[0][i]) * 8 / 1000 for i in (0, 1)]
    timeline = []
    for ((before, was), (at, stats)), ((first, _), (second, _)) in zip(
        pairwise(spoken), pairwise(volumes), strict=True
    ):
        frames = sum(1 for t, _ in receiver.heard.frames if before < t <= at)
        rate = (second - first) * 8 / 1000 / (at - before)
        row = {"at": round(at - start, 1), "kbps": round(rate, 1), "fps": round(frames / (at - before), 1)}
        timeline.append(row | played(was, stats))
    return Direction(
        audio=measure_audio(sender, receiver, start, end, spoken[-1][1], spoken[0][1]),
        video=measure_video(sender, receiver, start, end, paused),
        kbps=round(kilobits[0] / duration, 1),
        protection_kbps=round(kilobits[1] / duration, 1),
        timeline=timeline,
    )
