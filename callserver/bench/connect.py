"""`callserver bench connect`: how long a connection takes and what it costs the worker."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path

import msgspec

from callserver.bench.dialing import Dialing, at_most
from callserver.bench.subject import Subject, running_worker

AT_ONCE = 32
"""Connections under way at a time in the second part."""

_WARM_UP = 5


class Times(msgspec.Struct, frozen=True):
    """Milliseconds from asking for the offer to the worker's word that the leg is connected."""

    p50: float
    p95: float


class ConnectReport(msgspec.Struct, frozen=True):
    count: int
    """Connections in each part: one after another, then many at once."""
    connect_ms: Times
    """One after another."""
    connect_ms_concurrent: Times
    cpu_ms_per_connection: float
    """CPU of the worker, opening and closing included, over both parts."""
    connections_per_second_per_core: float
    """What one core of worker is enough for: the reciprocal of the CPU time in the concurrent part."""
    connections_per_second: float
    """As it went in the concurrent part, generator included."""


async def connect(
    count: int, *, config: Path | None, profile: Path | None, say: Callable[[str], None]
) -> ConnectReport:
    """Run the bench; raise BenchError when a connection fails."""
    async with running_worker(config, 2 * AT_ONCE, say, profile) as subject:
        dialing = Dialing(subject, ports=1)
        try:
            with dialing.receiving():
                for number in range(_WARM_UP):
                    await _once(subject, dialing, f"warm-{number}")
                await asyncio.sleep(0.2)
                start_cpu = subject.cpu_seconds()
                say(f"{count} connections, one after another")
                single = [await _once(subject, dialing, f"single-{number}") for number in range(count)]
                middle_cpu, middle = subject.cpu_seconds(), time.monotonic()
                say(f"{count} connections, {AT_ONCE} at a time")
                works: list[Callable[[], Coroutine[None, None, float]]] = [
                    partial(_once, subject, dialing, f"many-{number}") for number in range(count)
                ]
                many = await at_most(AT_ONCE, works)
                end_cpu, end = subject.cpu_seconds(), time.monotonic()
        finally:
            dialing.close()
    return ConnectReport(
        count=count,
        connect_ms=_times(single),
        connect_ms_concurrent=_times(many),
        cpu_ms_per_connection=round((end_cpu - start_cpu) / (2 * count) * 1e3, 3),
        connections_per_second_per_core=round(count / (end_cpu - middle_cpu), 1),
        connections_per_second=round(count / (end - middle), 1),
    )


async def _once(subject: Subject, dialing: Dialing, name: str) -> float:
    """Connect one leg in a call of its own and close it; return the seconds until it was connected."""
    start = time.monotonic()
    peer = await dialing.connect(name, f"{name}-leg")
    elapsed = time.monotonic() - start
    dialing.forget(peer)
    await subject.engine.close_call(name)
    return elapsed


def _times(seconds: list[float]) -> Times:
    ordered = sorted(seconds)
    p50, p95 = (ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in (0.5, 0.95))
    return Times(round(p50 * 1e3, 2), round(p95 * 1e3, 2))
