"""`callserver bench peers`: our media worker and Debian's Janus under the same load, one after the other."""

import asyncio
import gc
import statistics
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path

import msgspec

from callserver.bench.dialing import Dialing, at_most
from callserver.bench.forward import ForwardReport, Measured, measure, warm_up
from callserver.bench.janus import running_janus
from callserver.bench.janus_dialing import JanusDialing
from callserver.bench.load import Load
from callserver.bench.subject import running_worker
from callserver.bench.traffic import Traffic

MAX_LOSS = 0.001
MAX_P99_MS = 20.0
_LEGS_A_PORT = 10
_AT_ONCE = 4

Say = Callable[[str], None]
Open = Callable[[int], Coroutine[None, None, list[Traffic]]]


class Step(msgspec.Struct, frozen=True):
    """One number of calls."""

    calls: int
    us_per_packet: float
    cpu_fraction: float
    loss: float
    p50_ms: float
    p99_ms: float
    rss_mb_per_call: float
    generator_cpu_fraction: float

    @property
    def holds(self) -> bool:
        """Nothing is lost or late."""
        return self.loss <= MAX_LOSS and self.p99_ms <= MAX_P99_MS


class PeerReport(msgspec.Struct, frozen=True):
    name: str
    steps: list[Step]
    connect_ms: float
    """Median time from the call to the media of both sides, a few at a time."""
    calls_a_core: int
    """The largest number of calls measured without loss or lateness, of those before the first that had either."""
    gave_up: bool
    """The largest number measured had loss or lateness: more would not have worked."""


class PeersReport(msgspec.Struct, frozen=True):
    ours: PeerReport
    janus: PeerReport


async def compare(
    ours: Sequence[int], janus: Sequence[int], seconds: float, config: Path | None, say: Say
) -> PeersReport:
    """Measure both; raise BenchError when one cannot be."""
    gc.collect()
    gc.disable()
    try:
        return PeersReport(await _ours(ours, seconds, config, say), await _janus(janus, seconds, say))
    finally:
        gc.enable()


async def _ours(steps: Sequence[int], seconds: float, config: Path | None, say: Say) -> PeerReport:
    async with running_worker(config, max(steps), say) as subject:
        dialing = Dialing(subject, ports=_ports(steps))
        times: list[float] = []

        async def open_call(number: int) -> list[Traffic]:
            start = asyncio.get_running_loop().time()
            call_id = f"call-{number}"
            peers = [await dialing.connect(call_id, f"leg-{number}-{side}") for side in "ab"]
            await subject.engine.connect(call_id, tuple(peer.leg_id for peer in peers))
            times.append(asyncio.get_running_loop().time() - start)
            return [Traffic(peer) for peer in peers]

        try:
            return await _climb("callserver", subject, dialing, open_call, times, steps, seconds, say)
        finally:
            dialing.close()


async def _janus(steps: Sequence[int], seconds: float, say: Say) -> PeerReport:
    async with running_janus(say) as subject:
        dialing = JanusDialing(subject, ports=_ports(steps))
        times = dialing.connect_seconds
        try:
            return await _climb("janus", subject, dialing, dialing.open_call, times, steps, seconds, say)
        finally:
            dialing.close()


def _ports(steps: Sequence[int]) -> int:
    return max(1, 2 * max(steps) // _LEGS_A_PORT)


async def _climb(
    name: str,
    subject: Measured,
    dialing: Dialing | JanusDialing,
    open_call: Open,
    times: list[float],
    steps: Sequence[int],
    seconds: float,
    say: Say,
) -> PeerReport:
    """More and more calls on the same process, until some are lost or late."""
    empty = subject.rss_bytes()
    legs: list[Traffic] = []
    found: list[Step] = []
    for calls in steps:
        say(f"{name}: {calls} calls")
        works: list[Callable[[], Coroutine[None, None, list[Traffic]]]] = [
            partial(open_call, number) for number in range(len(legs) // 2, calls)
        ]
        with dialing.receiving():
            legs += [leg for pair in await at_most(_AT_ONCE, works) for leg in pair]
        load = Load(legs, dialing.ports)
        await warm_up(load, legs)
        found.append(_step(await measure(subject, load, legs, seconds, empty, lambda _text: None)))
        if not found[-1].holds:
            break
    good = [step.calls for step in found if step.holds]
    return PeerReport(
        name=name,
        steps=found,
        connect_ms=round(statistics.median(times) * 1e3, 1),
        calls_a_core=max(good, default=0),
        gave_up=not found[-1].holds,
    )


def _step(report: ForwardReport) -> Step:
    return Step(
        calls=report.calls,
        us_per_packet=report.us_per_forwarded_packet,
        cpu_fraction=report.cpu_fraction,
        loss=report.loss,
        p50_ms=report.latency_ms.p50,
        p99_ms=report.latency_ms.p99,
        rss_mb_per_call=report.rss_mb_per_call,
        generator_cpu_fraction=report.generator_cpu_fraction,
    )


def as_markdown(report: PeersReport) -> str:
    """The table of BENCHMARKS.md."""
    lines = [
        "| | calls | µs a packet | core used | loss | p50 / p99 ms | RSS a call | generator's core |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for peer in (report.ours, report.janus):
        lines += [
            f"| {peer.name} | {step.calls} | {step.us_per_packet:.1f} | {step.cpu_fraction:.0%} | {step.loss:.2%} "
            f"| {step.p50_ms:.1f} / {step.p99_ms:.1f} | {step.rss_mb_per_call:.2f} MB "
            f"| {step.generator_cpu_fraction:.0%} |"
            for step in peer.steps
        ]
    lines.append("")
    for peer in (report.ours, report.janus):
        more = "" if peer.gave_up else " or more (the largest number tried)"
        lines.append(
            f"{peer.name}: {peer.calls_a_core} calls{more} on a core without loss or p99 above 20 ms, "
            f"median connect time of both sides {peer.connect_ms:g} ms."
        )
    return "\n".join(lines) + "\n"


def as_svg(report: PeersReport) -> str:
    """CPU a packet by number of calls, both in one plot; readable on light and dark pages."""
    width, height, left, top = 640, 320, 60, 20
    steps = [step for peer in (report.ours, report.janus) for step in peer.steps]
    most_calls, most_us = max(step.calls for step in steps), max(step.us_per_packet for step in steps) * 1.1

    def place(step: Step) -> tuple[float, float]:
        x = left + step.calls / most_calls * (width - left - 20)
        return round(x, 1), round(height - 40 - step.us_per_packet / most_us * (height - 40 - top), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<path d="M{left} {top}V{height - 40}H{width - 20}" fill="none" stroke="#888"/>',
        f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">1:1 video calls on one core</text>',
        f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">'
        "µs of CPU a packet</text>",
    ]
    for number in range(5):
        value = most_us * number / 4
        y = height - 40 - number / 4 * (height - 40 - top)
        parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" text-anchor="end">{value:.0f}</text>')
    for peer, colour in ((report.ours, "#2456c8"), (report.janus, "#b4470a")):
        points = [place(step) for step in peer.steps]
        line = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), step in zip(points, peer.steps, strict=True):
            fill = colour if step.holds else "#fff"
            parts.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="{colour}" stroke-width="2"/>')
            parts.append(f'<text x="{x}" y="{height - 26}" text-anchor="middle" font-size="10">{step.calls}</text>')
        x, y = points[-1]
        parts.append(f'<text x="{x - 6}" y="{y - 10}" text-anchor="end" fill="{colour}">{peer.name}</text>')
    return "".join([*parts, "</svg>\n"])
