"""`callserver bench forward`: what it costs to forward, and how late packets get."""

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from callserver import config as settings
from callserver.bench import BenchError
from callserver.bench.dialing import Dialing, at_most
from callserver.bench.load import Load
from callserver.bench.subject import Subject, beside_the_worker, own_cpu_seconds, running_worker
from callserver.bench.traffic import Traffic
from callserver.compiled import made
from media.api import RecordingSpec

WARM_UP = 3.0
"""Seconds of traffic before the measurement: key frames, first reports, caches."""

WARM_UP_LONGEST = 20
"""Seconds more while the worker's rate control holds pages back (they follow its REMB as browsers do)."""

_QUIET = 0.3
_HALF_PAIR, _SETTLE = 2.0, 0.3
_LEGS_A_PORT = 10
_CONNECTING_AT_ONCE = 8


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from writing a packet in the generator to its arrival back from the worker."""

    p50: float
    p99: float
    max: float


class ForwardReport(msgspec.Struct, frozen=True):
    calls: int
    seconds: float
    packets: int
    """Media packets that came back within the measuring time."""
    us_per_forwarded_packet: float
    """CPU of the worker, everything it did in that time included, by packet that came back."""
    cpu_fraction: float
    loss: float
    """Part of the media packets sent that did not come back."""
    latency_ms: Latency
    rss_mb_per_call: float
    rss_mb_empty: float
    generator_cpu_fraction: float
    """Near 1: the generator is the limit, not the worker."""
    generator_skipped_ms: int
    legs_held_back: int
    """Pages that the worker's rate control did not allow their full rate even then."""
    nacks: int
    retransmitted: int
    key_frames: int
    compiled: bool = False
    """Whether the worker's packet path is machine code (`callserver compile`)."""
    protection: int = 0
    """Parity packets and packets of voice with copies that came back; with `loss` only."""
    recording_us_per_packet: float | None = None
    """What the tap adds to a forwarded packet in the worker: median over pairs of two seconds, one with the recordings
    running, one with them paused; with `record` only."""
    recording_core_share: float | None = None
    """Of the codec worker, which orders, encrypts and writes what is recorded, as it measured itself at the end."""
    recorded_megabytes: float | None = None


async def forward(
    calls: int,
    seconds: float,
    *,
    config: Path | None,
    profile: Path | None,
    say: Callable[[str], None],
    record: bool = False,
    loss: float = 0.0,
) -> ForwardReport:
    """Run the bench; raise BenchError when there is nothing to report. `record`: every call is recorded meanwhile.
    `loss`: the part of what arrives that the pages treat as lost."""
    async with running_worker(config, calls, say, profile) as subject:
        await asyncio.sleep(_QUIET)
        empty = subject.rss_bytes()
        dialing = Dialing(subject, max(1, 2 * calls // _LEGS_A_PORT), protection=loss > 0.0)
        try:
            say(f"connecting {2 * calls} legs (ICE, DTLS)")
            legs = await open_calls(subject, dialing, calls, loss)
            load = Load(legs, dialing.ports)
            say(f"warming up for {WARM_UP:g} s, or until the worker allows every page its full rate")
            gc.collect()
            gc.disable()
            await warm_up(load, legs)
            _check_flow(legs)
            with tempfile.TemporaryDirectory(prefix="callserver-bench-") as directory:
                if record:
                    await _record(subject, load, calls, directory, say)
                report = await measure(subject, load, legs, seconds, empty, say)
                share = (await subject.engine.status()).codec_cpu_fraction if record else None
                cost = await _tap_cost(subject, load, calls, round(seconds / _HALF_PAIR), say) if record else None
                written = _megabytes(directory) if record else None
            compiled = profile is None and settings.load(config).media.compiled and made() is not None
            return msgspec.structs.replace(
                report,
                recording_us_per_packet=cost,
                recording_core_share=share and round(share, 4),
                recorded_megabytes=written and round(written, 1),
                compiled=compiled,
            )
        finally:
            gc.enable()
            dialing.close()


async def open_calls(subject: Subject, dialing: Dialing, calls: int, loss: float) -> list[Traffic]:
    """Connect that many calls, their pages silent so far."""

    async def open_call(number: int) -> list[Traffic]:
        call_id = f"call-{number}"
        peers = [await dialing.connect(call_id, f"leg-{number}-{side}") for side in "ab"]
        await subject.engine.connect(call_id, tuple(peer.leg_id for peer in peers))
        return [Traffic(peer, loss) for peer in peers]

    works: list[Callable[[], Coroutine[None, None, list[Traffic]]]] = [partial(open_call, i) for i in range(calls)]
    with dialing.receiving():
        return [leg for pair in await at_most(_CONNECTING_AT_ONCE, works) for leg in pair]


async def _record(subject: Subject, load: Load, calls: int, directory: str, say: Callable[[str], None]) -> None:
    """Record every call; the codec worker runs beside, at lower priority."""
    say(f"recording {calls} calls")
    for number in range(calls):
        spec = RecordingSpec(f"recording-{number}", directory, bytes(range(32)))
        await subject.engine.start_recording(f"call-{number}", spec)
    beside_the_worker(subject.pid)
    await load.run(WARM_UP)


def _megabytes(directory: str) -> float:
    return sum(path.stat().st_size for path in Path(directory).iterdir()) / 1e6


async def _tap_cost(subject: Subject, load: Load, calls: int, pairs: int, say: Callable[[str], None]) -> float:
    """The same calls with and without taps, turn by turn: whatever else the machine does changes more slowly."""
    say(f"pausing and resuming {calls} recordings, {pairs} pairs")
    differences = []
    for pair in range(pairs):
        cost: dict[bool, float] = {}
        for paused in (True, False) if pair % 2 else (False, True):
            for number in range(calls):
                await subject.engine.pause_recording(f"call-{number}", f"recording-{number}", paused)
            await load.run(_SETTLE)
            cpu, received = subject.cpu_seconds(), load.received
            await load.run(_HALF_PAIR)
            cost[paused] = (subject.cpu_seconds() - cpu) / (load.received - received) * 1e6
        differences.append(cost[False] - cost[True])
    return round(statistics.median(differences), 2)


async def warm_up(load: Load, legs: list[Traffic]) -> None:
    await load.run(WARM_UP)
    for _ in range(WARM_UP_LONGEST):
        if all(leg.at_full_rate for leg in legs):
            break
        await load.run(1.0)
    await load.drain(_QUIET)


def _check_flow(legs: list[Traffic]) -> None:
    silent = [leg.peer.leg_id for leg in legs if leg.received == 0]
    if silent:
        raise BenchError(f"{len(silent)} of {len(legs)} legs got nothing from the worker, {silent[0]} for one")


class Measured(Protocol):
    """A process under test."""

    def cpu_seconds(self) -> float: ...

    def rss_bytes(self) -> int: ...


async def measure(
    subject: Measured, load: Load, legs: list[Traffic], seconds: float, empty: int, say: Callable[[str], None]
) -> ForwardReport:
    load.forget_latencies()
    before = (
        load.sent,
        load.received,
        sum(leg.nacks for leg in legs),
        sum(leg.retransmitted for leg in legs),
        sum(leg.protected for leg in legs),
    )
    skipped = load.ticks_skipped
    start, cpu, own = time.monotonic(), subject.cpu_seconds(), own_cpu_seconds()
    say(f"measuring for {seconds:g} s")
    await load.run(seconds)
    elapsed = time.monotonic() - start
    cpu, own = subject.cpu_seconds() - cpu, own_cpu_seconds() - own
    rss = subject.rss_bytes()
    await load.drain(_QUIET)
    sent, received = load.sent - before[0], load.received - before[1]
    if not received:
        raise BenchError("nothing was forwarded")
    latencies = load.latencies()
    return ForwardReport(
        calls=len(legs) // 2,
        seconds=round(elapsed, 3),
        packets=received,
        us_per_forwarded_packet=round(cpu / received * 1e6, 2),
        cpu_fraction=round(cpu / elapsed, 4),
        loss=round(max(0.0, 1 - received / sent), 6),
        latency_ms=Latency(*(round(_quantile(latencies, q) / 1e6, 3) for q in (0.5, 0.99, 1.0))),
        rss_mb_per_call=round((rss - empty) / 1e6 / (len(legs) // 2), 3),
        rss_mb_empty=round(empty / 1e6, 1),
        generator_cpu_fraction=round(own / elapsed, 4),
        generator_skipped_ms=load.ticks_skipped - skipped,
        legs_held_back=sum(not leg.at_full_rate for leg in legs),
        nacks=sum(leg.nacks for leg in legs) - before[2],
        retransmitted=sum(leg.retransmitted for leg in legs) - before[3],
        key_frames=sum(leg.key_frames for leg in legs),
        protection=sum(leg.protected for leg in legs) - before[4],
    )


def _quantile(ordered: list[int], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
