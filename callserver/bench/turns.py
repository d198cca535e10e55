"""`callserver bench forward --against DIRECTORY`: two checkouts in one run, turn by turn.

What else the machine does, and how fast it is just now, changes the cost of a packet by half within minutes, but not
within half a second: differences of a few per cent show that two runs, one after the other, hide.
"""

import gc
import statistics
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from callserver.bench import BenchError
from callserver.bench.dialing import Dialing
from callserver.bench.forward import open_calls
from callserver.bench.load import Load
from callserver.bench.subject import Subject, running_worker
from callserver.bench.traffic import Traffic

TURN, SETTLE = 0.5, 0.1
WARM_UP_TURNS = 12
"""Each; a leg that hears nothing for two seconds would count as lost."""
_LEGS_A_PORT = 10


class TurnsReport(msgspec.Struct, frozen=True):
    calls: int
    """At each of the two workers; one idles while the other works."""
    turns: int
    us_per_forwarded_packet: float
    """Median over the turns, this checkout."""
    us_of_the_other: float
    difference_percent: float
    """Median over pairs of turns; negative: this checkout is cheaper."""
    quartiles_percent: tuple[float, float]
    legs_held_back: int
    """Pages of either that were not allowed their full rate."""


class _Side:
    """One worker and its load."""

    def __init__(self, subject: Subject, legs: list[Traffic], load: Load) -> None:
        self.subject, self.legs, self.load = subject, legs, load
        self.costs: list[float] = []

    async def turn(self) -> None:
        await self.load.run(SETTLE)
        cpu, received = self.subject.cpu_seconds(), self.load.received
        await self.load.run(TURN)
        if self.load.received == received:
            raise BenchError("nothing was forwarded")
        self.costs.append((self.subject.cpu_seconds() - cpu) / (self.load.received - received) * 1e6)


async def turn_by_turn(
    calls: int, seconds: float, other: Path, *, config: Path | None, say: Callable[[str], None], loss: float = 0.0
) -> TurnsReport:
    """Measure both for `seconds` each; raise BenchError when there is nothing to report."""
    if not (other / "callserver" / "bench").is_dir():
        raise BenchError(f"{other} is no checkout of callserver")
    async with AsyncExitStack() as stack:
        sides = [await _side(stack, calls, loss, checkout, config, say) for checkout in (None, other)]
        gc.collect()
        gc.disable()
        stack.callback(gc.enable)
        say("warming up")
        for _ in range(WARM_UP_TURNS):
            for side in sides:
                await side.load.run(TURN)
        say(f"measuring, {seconds:g} s each")
        for number in range(max(2, round(seconds / TURN))):
            for side in sides if number % 2 else sides[::-1]:
                await side.turn()
        return _report(calls, *sides)


async def _side(
    stack: AsyncExitStack,
    calls: int,
    loss: float,
    checkout: Path | None,
    config: Path | None,
    say: Callable[[str], None],
) -> _Side:
    subject = await stack.enter_async_context(running_worker(config, calls, say, checkout=checkout))
    dialing = Dialing(subject, max(1, 2 * calls // _LEGS_A_PORT), protection=loss > 0.0)
    stack.callback(dialing.close)
    say(f"connecting {2 * calls} legs (ICE, DTLS)")
    legs = await open_calls(subject, dialing, calls, loss)
    return _Side(subject, legs, Load(legs, dialing.ports))


def _report(calls: int, ours: _Side, theirs: _Side) -> TurnsReport:
    differences = [100 * (own / other - 1) for own, other in zip(ours.costs, theirs.costs, strict=True)]
    low, middle, high = statistics.quantiles(differences, n=4)
    return TurnsReport(
        calls=calls,
        turns=len(differences),
        us_per_forwarded_packet=round(statistics.median(ours.costs), 2),
        us_of_the_other=round(statistics.median(theirs.costs), 2),
        difference_percent=round(middle, 1),
        quartiles_percent=(round(low, 1), round(high, 1)),
        legs_held_back=sum(not leg.at_full_rate for side in (ours, theirs) for leg in side.legs),
    )
