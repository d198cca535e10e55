"""A call of voices only through a media engine in this process: light enough to run many side by side.

What the engine measured and what the callers' getStats said is kept second by second, so that scores and verdicts can
be compared with what was really heard (PESQ), and with what the links really did.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import msgspec
import webrtc

from callserver.drill.caller import Caller
from callserver.drill.measure import WARM_UP_SECONDS, measure_audio
from callserver.drill.network import Network
from callserver.drill.plan import Plan
from callserver.drill.upkeep import hold_playout
from media.api import LegSecond, LegSpec, MediaEngine, PlayoutWished, StatsReported
from media.quality.page import PageView

RING_SECONDS = 2.0
PAGE_SECONDS = 5.0
ROLES = ("customer", "agent")


class Second(NamedTuple):
    """One second of a leg and what its page said of that time."""

    measured: LegSecond
    page: PageView


class Heard(msgspec.Struct):
    """What one side heard."""

    pesq: float | None
    concealed_pct: float | None
    delay_ms: float | None


@dataclass
class VoiceCall:
    """Everything known of one drill. `seconds` by role, of the time in which they talked."""

    heard: dict[str, Heard] = field(default_factory=dict)
    """After `measure`."""
    unmeasured: list[Callable[[], tuple[str, Heard]]] = field(default_factory=list)
    seconds: dict[str, list[Second]] = field(default_factory=lambda: {role: [] for role in ROLES})

    def measure(self) -> None:
        """Compare what was said with what was heard: seconds of work, for when no other call goes on."""
        self.heard.update(job() for job in self.unmeasured)
        self.unmeasured.clear()


class Collector:
    """Keeps what an engine reports, by (call, leg)."""

    def __init__(self) -> None:
        self.seconds: dict[tuple[str, str], list[LegSecond]] = {}
        self.callers: dict[tuple[str, str], Caller] = {}
        """Who is told how long to hold what it plays."""

    async def run(self, engine: MediaEngine) -> None:
        """Read the engine's events until cancelled."""
        async for event in engine.events():
            if isinstance(event, StatsReported):
                for leg in event.legs:
                    self.seconds.setdefault((leg.call_id, leg.leg_id), []).extend(leg.seconds)
            elif isinstance(event, PlayoutWished) and (event.call_id, event.leg_id) in self.callers:
                self.callers[event.call_id, event.leg_id].playout_ms = event.milliseconds


async def run_voice(
    engine: MediaEngine, collector: Collector, call_id: str, plan: Plan, *, silent: str = ""
) -> VoiceCall:
    """Two callers talk for `plan.seconds`; the customer's links are the plan's, the agent's are clean. `silent`: whose
    microphone says nothing. Raise TimeoutError if they do not connect."""
    callers = {role: Caller(role, plan.seed + 100 * index) for index, role in enumerate(ROLES)}
    network, pages = Network(plan), {role: _Page() for role in ROLES}
    tasks: list[asyncio.Task[None]] = []
    try:
        for role, caller in callers.items():
            collector.callers[call_id, role] = caller
            await _join(engine, call_id, role, caller, network if role == "customer" else None)
        await asyncio.gather(*(caller.connected() for caller in callers.values()))
        for caller in callers.values():
            caller.start(pictures=False)
        await asyncio.sleep(RING_SECONDS)
        await engine.connect(call_id, ROLES)
        tasks = [asyncio.create_task(hold_playout(caller)) for caller in callers.values()]
        network.start_clock()
        loop = asyncio.get_running_loop()
        began, start = time.time(), loop.time() + WARM_UP_SECONDS
        for role, caller in callers.items():
            if role != silent:
                caller.talk()
        for _ in range(round(plan.seconds)):
            await asyncio.sleep(1.0)
            for role, caller in callers.items():
                pages[role].take(loop.time(), await caller.stats())
        await asyncio.sleep(2.5)  # the last seconds are reported every two
        return await _gather(collector, call_id, callers, pages, (start, start + plan.seconds - 1.0), began, silent)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for role in ROLES:
            collector.callers.pop((call_id, role), None)
        await engine.close_call(call_id)
        await asyncio.gather(*(caller.stop() for caller in callers.values()))
        await network.close()


async def _join(engine: MediaEngine, call_id: str, role: str, caller: Caller, network: Network | None) -> None:
    """Open a leg and answer it with the microphone alone."""
    offer = await engine.open_leg(LegSpec(call_id, role))
    sdp = network.prepare(offer.sdp) if network is not None else offer.sdp
    pc = caller.pc
    await pc.set_remote_description(webrtc.RTCSessionDescriptionInit(type="offer", sdp=sdp))
    for transceiver in pc.get_transceivers():
        if offer.slots.get(transceiver.mid or "") == "audio":
            transceiver.direction = "sendrecv"
            await transceiver.sender.replace_track(caller.audio_track)
    await pc.set_local_description(await pc.create_answer())
    assert pc.local_description is not None
    await engine.accept_answer(call_id, role, offer.generation, pc.local_description.sdp)


async def _gather(
    collector: Collector,
    call_id: str,
    callers: dict[str, Caller],
    pages: "dict[str, _Page]",
    window: tuple[float, float],
    began: float,
    silent: str,
) -> VoiceCall:
    call = VoiceCall()
    for role, other in zip(ROLES, reversed(ROLES), strict=True):
        found = [second for second in collector.seconds.pop((call_id, role), []) if second.at > began + 0.5]
        call.seconds[role] = [Second(second, pages[role].view(index)) for index, second in enumerate(found)]
        if other == silent:
            continue
        stats = await callers[role].stats()
        call.unmeasured.append(
            partial(_measure, role, callers[other], callers[role], window, stats, pages[role].concealed_pct())
        )
    return call


def _measure(
    role: str,
    sender: Caller,
    receiver: Caller,
    window: tuple[float, float],
    stats: list[dict[str, Any]],
    concealed_pct: float | None,
) -> tuple[str, Heard]:
    figures = measure_audio(sender, receiver, *window, stats)
    return role, Heard(figures.pesq, concealed_pct, figures.delay_ms)


class _Page:
    """What web/shared/stats.js makes of getStats, every PAGE_SECONDS."""

    def __init__(self) -> None:
        self._rows: list[tuple[float, dict[str, float]]] = []

    def take(self, now: float, stats: list[dict[str, Any]]) -> None:
        self._rows.append((now, _sums(stats)))

    def view(self, second: int) -> PageView:
        """The report that covers this second of talking (counted from 0)."""
        size = round(PAGE_SECONDS)
        first, last = second // size * size, min(second // size * size + size, len(self._rows)) - 1
        if last <= first:
            first = max(0, last - size)
        return self._between(first, last) if last > first else PageView()

    def concealed_pct(self) -> float | None:
        """Of all the time."""
        view = self._between(0, len(self._rows) - 1) if len(self._rows) > 1 else PageView()
        return None if view.concealed is None else round(100.0 * view.concealed, 2)

    def _between(self, first: int, last: int) -> PageView:
        before, after = self._rows[first][1], self._rows[last][1]
        samples = after["samples"] - before["samples"]
        played = after["played"] - before["played"]

        def share(name: str) -> float | None:
            return min(1.0, max(0.0, after[name] - before[name]) / samples) if samples > 0 else None

        return PageView(
            concealed=share("concealed"),
            buffer_ms=(after["waited"] - before["waited"]) * 1000.0 / played if played > 0 else None,
            silenced=share("silenced"),
            stretched=share("stretched"),
        )


def _sums(stats: list[dict[str, Any]]) -> dict[str, float]:
    inbound = [s for s in stats if s.get("type") == "inbound-rtp" and s.get("kind") == "audio"]

    def total(name: str) -> float:
        return sum(float(entry.get(name) or 0.0) for entry in inbound)

    return {
        "concealed": total("concealedSamples") - total("silentConcealedSamples"),
        "silenced": total("silentConcealedSamples"),
        "stretched": total("removedSamplesForAcceleration") + total("insertedSamplesForDeceleration"),
        "samples": total("totalSamplesReceived"),
        "waited": total("jitterBufferDelay"),
        "played": total("jitterBufferEmittedCount"),
    }
