"""Calls with a known fault in virtual time, and what the verdict says of them."""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from media.api import LegSecond
from media.quality.diagnosis import Diagnosis, Side
from media.quality.page import PageView
from media.quality.verdict import Verdict
from tests.sim.browser import Browser
from tests.sim.call import Call
from tests.sim.people import join

ROLES = ("customer", "agent")
RING, CALM = 0.5, 2.0
"""Seconds before the answer, and from the answer to the fault."""
CAMERA_BPS, WIDE_CAMERA_BPS = 600_000.0, 1_500_000.0
PLAIN = "delay=20"


class Case(NamedTuple):
    """A fault. `down` and `up` are link descriptions of the side's two directions; `device` what its device does."""

    side: str
    truth: str
    """`kind.direction`, `kind`, or empty: nothing is wrong."""
    down: str = PLAIN
    up: str = PLAIN
    device: str = ""
    seed: int = 1
    seconds: float = 7.0
    camera_bps: float = CAMERA_BPS
    calm: float = CALM


class Found(NamedTuple):
    case: Case
    pages: bool
    """Whether pages said anything of themselves."""
    verdicts: list[Verdict]
    first_said: tuple[float, str]
    """Seconds from the fault to the first verdict, and which."""

    @property
    def main(self) -> str:
        """Whose verdict weighs most: the worst, then the longest."""
        ranked = sorted(self.verdicts, key=lambda v: (v.severity == "poor", v.end - v.begin), reverse=True)
        return f"{ranked[0].side} {ranked[0].name}" if ranked else ""

    @property
    def right(self) -> bool:
        who = "server" if self.case.truth == "overload" else self.case.side
        return self.main == (f"{who} {self.case.truth}" if self.case.truth else "")

    @property
    def alone(self) -> bool:
        """Right, and nothing else was said."""
        return self.right and len({(v.side, v.name) for v in self.verdicts}) <= 1


def cases(seed: int = 1, rounds: int = 3) -> Iterator[Case]:
    """`rounds` of every fault of a path at either side, with its strength by chance."""
    rng = random.Random(seed)

    def chance(low: float, high: float) -> int:
        return round(rng.uniform(low, high))

    for _ in range(rounds):
        for side in ROLES:
            delay = f"delay={chance(15, 70)}"

            def case(truth: str, side: str = side, **changes: object) -> Case:
                return Case(side, truth, seed=rng.randrange(1 << 30), **changes)  # type: ignore[arg-type]

            yield case("", down=delay, up=delay)
            yield case("loss.down", down=f"{delay},loss={chance(7, 45)}", up=delay)
            yield case("loss.up", up=f"{delay},loss={chance(7, 45)}", down=delay)
            yield case("burst.down", down=f"{delay},loss={chance(7, 25)},burst={chance(4, 8)}", up=delay, seconds=13.0)
            yield case("burst.up", up=f"{delay},loss={chance(7, 25)},burst={chance(4, 8)}", down=delay, seconds=13.0)
            yield case("rate.down", down=f"{delay},rate={chance(70, 330)}k", up=delay, seconds=9.0)
            yield case("rate.up", up=f"{delay},rate={chance(110, 330)}k", down=delay, seconds=12.0)
            yield case("delay", down=f"delay={chance(230, 400)}", up=f"delay={chance(230, 400)}")
            yield case("jitter.down", down=f"delay=90,jitter={chance(60, 200)}", up=delay)
            yield case("jitter.up", up=f"delay=90,jitter={chance(60, 200)}", down=delay)
            yield case("outage", down="down=on", up="down=on", seconds=6.0)


def devices(side: str) -> Iterator[Case]:
    """Faults of a device and of the server: the packets are those of a call that goes well, so one run serves all."""
    for truth, device in (("", ""), ("silent", "silent"), ("overload", "busy"), ("cpu", "slow"), ("black", "black")):
        yield Case(side, truth, device=device, seconds=12.0 if device == "silent" else 7.0)


def wide_uplinks(seed: int = 1, rounds: int = 1) -> Iterator[Case]:
    """A page at 2 Mbps in a call that goes well, whose uplink then becomes narrow or lossy: a queue that fills and
    overflows loses in rows as well."""
    rng = random.Random(seed)
    faults = ("rate=80k", "rate=150k", "rate=300k", "loss=10,burst=5", "loss=10", "loss=20", "loss=30,burst=3")
    for number in range(rounds * len(faults)):
        fault = faults[number % len(faults)]
        delay = f"delay={round(rng.uniform(15, 70))}"
        truth = "rate.up" if fault.startswith("rate") else "burst.up" if "burst" in fault else "loss.up"
        yield Case(
            ROLES[number // 2 % 2], truth, up=f"{delay},{fault}", down=delay, seed=rng.randrange(1 << 30), seconds=9.0,
            camera_bps=WIDE_CAMERA_BPS, calm=7.0,
        )  # fmt: skip


Seconds = list[dict[str, tuple[LegSecond, bool]]]
"""By role: what was measured, and whether the page's camera is held back."""


class Run(NamedTuple):
    """A call that was played: its seconds, and how many of them are before the fault."""

    seconds: Seconds
    before: int


def diagnose(case: Case, *, pages: bool = True) -> Found:
    """Play the case and ask for the verdicts."""
    return judge(case, play(case), pages=pages)


def play(case: Case) -> Run:
    """What the two legs measure. Nothing in it depends on what pages say of themselves or on devices."""
    call = Call(case.seed)
    people = {role: join(call, role, max_bps=case.camera_bps) for role in ROLES}
    for role, page in people.items():
        troubled = role == case.side
        page.down.shape(_base(case.down) if troubled else PLAIN)
        page.up.shape(_base(case.up) if troubled else PLAIN)
    call.run(RING)
    call.connect(*ROLES)
    call.run(CALM)
    for role in ROLES:
        call.legs[role].monitor.drain()
    seconds: Seconds = []
    for _ in range(round(case.calm - CALM)):
        _second(case, call, people, seconds)
    before, one = len(seconds), people[case.side]
    one.down.shape(case.down)
    one.up.shape(case.up)
    for _ in range(round(case.seconds)):
        _second(case, call, people, seconds)
    return Run(seconds, before)


def judge(case: Case, run: Run, *, pages: bool) -> Found:
    """The verdicts of a call that was played."""
    diagnosis, first = Diagnosis(), (float("inf"), "")
    for number, pair in enumerate(run.seconds[: run.before + round(case.seconds)]):
        sides = [_side(case, role, *measured, pages=pages) for role, measured in pair.items()]
        diagnosis.observe(sides, 400.0 if case.device == "busy" else 5.0)
        if number >= run.before and not first[1] and (said := diagnosis.current()):
            first = number + 1 - run.before, f"{said[0].side} {said[0].name}"
    return Found(case, pages, diagnosis.close(), first)


def _second(case: Case, call: Call, people: dict[str, Browser], seconds: Seconds) -> None:
    call.run(1.0)
    rows = {role: call.legs[role].monitor.drain() for role in ROLES}
    held = {role: people[role].camera.target_bps < 0.7 * case.camera_bps for role in ROLES}
    for pair in zip(*rows.values(), strict=False):
        seconds.append({role: (second, held[role]) for role, second in zip(rows, pair, strict=True)})


def _base(link: str) -> str:
    """The link's delay, which it has from the beginning: a path does not become longer in a call."""
    found = re.search(r"delay=\d+", link)
    return found[0] if found else PLAIN


def _side(case: Case, role: str, second: LegSecond, held_back: bool, *, pages: bool) -> Side:
    faulty = role == case.side
    if faulty and case.device == "silent":
        second = msgspec.structs.replace(second, level=127)
    if not pages:
        return Side(role, second)
    limited = "bandwidth" if held_back else ""
    view = PageView(limited_by=limited, level=0.1, black=False)
    if faulty and case.device == "slow":
        view = view._replace(limited_by="cpu")
    elif faulty and case.device == "black":
        view = view._replace(black=True)
    elif faulty and case.device == "silent":
        view = view._replace(level=0.0)
    return Side(role, second, view)
