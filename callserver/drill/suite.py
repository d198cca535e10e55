"""`callserver drill --suite`: many short calls of voices, some side by side, whose results are kept in a file, so that
an interrupted run goes on where it was.

`mos`: does our score of the voice agree with PESQ? `diagnosis`: are known faults found?
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from callserver.drill.correlation import pearson, root_mean_square
from callserver.drill.measure import SEGMENT_SECONDS
from callserver.drill.plan import Plan
from callserver.drill.spec import parse_spec
from callserver.drill.voice import ROLES, Collector, VoiceCall, run_voice
from media.io.engine import Engine
from media.quality.diagnosis import Diagnosis, Side
from media.quality.scores import NO_PAGE, VoicePath, mean_path, voice_path, voice_score

Progress = Callable[[str], None]
SECONDS = 18.0
CLEAN = "delay=30"
FIRST_SECOND = 2
"""Of the seconds of talking, the one in which PESQ begins."""


class Task(NamedTuple):
    """One drill. `truth` is for the diagnosis: `side kind.direction`, empty for a call without fault."""

    name: str
    down: str
    up: str
    seed: int
    truth: str = ""
    silent: str = ""


class Row(msgspec.Struct):
    """One drill's result, one line of the file."""

    name: str
    down: str
    up: str
    seed: int
    truth: str = ""
    pesq: dict[str, float | None] = {}
    mos: dict[str, float | None] = {}
    """With what pages say."""
    mos_server: dict[str, float | None] = {}
    """From the server's counters alone."""
    concealed_pct: dict[str, float | None] = {}
    paths: dict[str, list[float]] = {}
    """media.quality.scores.VoicePath, with what pages say, of each role."""
    windows: dict[str, list[list[float]]] = {}
    """The same of each stretch that PESQ judged by itself."""
    windows_server: dict[str, list[list[float]]] = {}
    found: list[str] = []
    """Verdicts, the weightiest first."""


class Agreement(msgspec.Struct):
    """How well a score follows PESQ, over every direction of every drill."""

    drills: int
    pairs: int
    pearson: float
    pearson_server_only: float
    rms_difference: float
    pesq_least: float
    pesq_most: float


class DiagnosisReport(msgspec.Struct):
    drills: int
    right: int
    share: float
    wrong: list[str]


def mos_tasks(seed: int, count: int) -> Iterator[Task]:
    """Links of all kinds, from clean to hopeless, chosen by chance; both directions differ."""
    rng = random.Random(seed)  # noqa: S311 - drills, no secrets
    for number in range(count):
        yield Task(f"mos-{seed}-{number}", _any_link(rng), _any_link(rng), rng.randrange(1 << 20))


def _any_link(rng: random.Random) -> str:
    delay = f"delay={rng.randrange(20, 120)}"
    kind = rng.randrange(7)
    if kind == 0:
        return delay
    if kind in (1, 2):
        return f"{delay},loss={rng.choice((3, 8, 15, 25, 40, 55, 70))}"
    if kind == 3:
        return f"{delay},loss={rng.choice((5, 10, 20, 35))},burst={rng.choice((3, 6, 12, 20))}"
    if kind == 4:
        return f"{delay},jitter={rng.choice((10, 30, 60, 100))}"
    if kind == 5:
        return f"{delay},rate={rng.choice((20, 26, 32, 40, 60))}k,queue={rng.choice((4, 8, 16))}k"
    begin = rng.randrange(4, 7)
    return f"{delay};@{begin} down=on;@{begin + rng.choice((1, 2, 4))} down=off"


def diagnosis_tasks(seed: int, count: int) -> Iterator[Task]:
    """Known faults of the customer's side, of every kind that voice alone can show, in turn."""
    rng = random.Random(seed)  # noqa: S311
    for number in range(count):
        name, salt = f"diagnosis-{seed}-{number}", rng.randrange(1 << 20)
        loss, burst = rng.randrange(8, 40), f"loss={rng.randrange(10, 25)},burst={rng.randrange(5, 9)}"
        faults: list[tuple[str, str, str, str]] = [
            ("", CLEAN, CLEAN, ""),
            ("customer loss.down", f"{CLEAN},loss={loss}", CLEAN, ""),
            ("customer loss.up", CLEAN, f"{CLEAN},loss={loss}", ""),
            ("customer burst.down", f"{CLEAN},{burst}", CLEAN, ""),
            ("customer burst.up", CLEAN, f"{CLEAN},{burst}", ""),
            ("customer rate.down", f"{CLEAN},rate={rng.randrange(24, 40)}k,queue=16k", CLEAN, ""),
            ("customer delay", "delay=260", "delay=260", ""),
            ("customer jitter.down", f"delay=90,jitter={rng.randrange(60, 90)}", CLEAN, ""),
            ("customer jitter.up", CLEAN, f"delay=90,jitter={rng.randrange(60, 90)}", ""),
            ("customer outage", f"{CLEAN};@5 down=on", f"{CLEAN};@5 down=on", ""),
            ("customer silent", CLEAN, CLEAN, "customer"),
        ]
        truth, down, up, silent = faults[number % len(faults)]
        yield Task(name, down, up, salt, truth, silent)


async def run_tasks(tasks: Iterable[Task], out: Path, parallel: int, progress: Progress) -> list[Row]:
    """Run what the file does not have yet; return all of these tasks' rows."""
    tasks = list(tasks)
    done = {row.name: row for row in read_rows(out)}
    engine, collector = Engine(host="127.0.0.1", advertise=("127.0.0.1",), tcp=False), Collector()
    await engine.start()
    reading = asyncio.create_task(collector.run(engine))
    waiting = [task for task in tasks if task.name not in done]

    async def one(task: Task) -> VoiceCall | None:
        plan = Plan(parse_spec(task.down), parse_spec(task.up), SECONDS, task.seed)
        try:
            return await run_voice(engine, collector, task.name, plan, silent=task.silent)
        except TimeoutError:
            progress(f"{task.name}: no connection over {task.down} | {task.up}")
            return None

    try:
        for place in range(0, len(waiting), parallel):
            batch = waiting[place : place + parallel]
            calls = await asyncio.gather(*(one(task) for task in batch))
            for task, call in zip(batch, calls, strict=True):
                if call is not None:  # measured now, when nobody talks: it takes the whole process
                    call.measure()
                    row = done[task.name] = _row(task, call)
                    _keep(out, row)
                    progress(f"{task.name}: {task.down} | {task.up}: PESQ {row.pesq}, MOS {row.mos}, {row.found}")
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await engine.close()
    return [done[task.name] for task in tasks if task.name in done]


def _keep(out: Path, row: Row) -> None:
    with out.open("ab") as file:
        file.write(msgspec.json.encode(row) + b"\n")


def read_rows(out: Path) -> list[Row]:
    """What earlier runs left; a line that was cut off is forgotten."""
    rows = []
    for line in out.read_bytes().splitlines() if out.exists() else ():
        try:
            rows.append(msgspec.json.decode(line, type=Row))
        except msgspec.DecodeError:
            continue
    return rows


def _row(task: Task, call: VoiceCall) -> Row:
    scores = {role: scored(call, role) for role in ROLES}
    diagnosis = Diagnosis()
    for pair in zip(*(call.seconds[role] for role in ROLES), strict=False):
        diagnosis.observe([Side(role, s.measured, s.page, True, False) for role, s in zip(ROLES, pair, strict=True)])
    verdicts = sorted(diagnosis.close(), key=lambda v: (v.severity == "poor", v.end - v.begin), reverse=True)
    return Row(
        task.name,
        task.down,
        task.up,
        task.seed,
        task.truth,
        {role: heard.pesq for role, heard in call.heard.items()},
        {role: found[0] for role, found in scores.items() if role in call.heard},
        {role: found[1] for role, found in scores.items() if role in call.heard},
        {role: heard.concealed_pct for role, heard in call.heard.items()},
        {role: list(path) for role in ROLES if (path := mean_path(_paths(call, role))) is not None},
        {role: [list(path) for path in _windows(call, role)] for role in ROLES},
        {role: [list(path) for path in _windows(call, role, pages=False)] for role in ROLES},
        [f"{verdict.side} {verdict.name}" for verdict in verdicts],
    )


def scored(call: VoiceCall, role: str) -> tuple[float | None, float | None]:
    """Our score of what this role heard, of listening only: with its page's word, and without. As PESQ is: the mean of
    stretches, each judged by itself."""
    return window_score(_windows(call, role)), window_score(_windows(call, role, pages=False))


def window_score(windows: Sequence[VoicePath]) -> float | None:
    """The mean of the stretches' scores."""
    scores = [voice_score(path, conversation=False) for path in windows]
    return round(sum(scores) / len(scores), 2) if scores else None


def _windows(call: VoiceCall, role: str, *, pages: bool = True) -> list[VoicePath]:
    """The way of the voice in the stretches that `measure_audio` judges: eight seconds each from the third on, the
    rest if it is more than half of that."""
    paths, size = _paths(call, role, pages=pages), round(SEGMENT_SECONDS)
    parts = [paths[place : place + size] for place in range(FIRST_SECOND, len(paths), size)]
    return [path for part in parts if len(part) * 2 > size and (path := mean_path(part)) is not None]


def _paths(call: VoiceCall, role: str, *, pages: bool = True) -> list[VoicePath]:
    """The way of the voice to this role, second by second."""
    other = next(one for one in ROLES if one != role)
    pairs = zip(call.seconds[role], call.seconds[other], strict=False)
    found = [voice_path(own.measured, far.measured, own.page if pages else NO_PAGE) for own, far in pairs]
    return [path for path in found if path is not None]


def agreement(rows: list[Row]) -> Agreement:
    """Score beside PESQ over all directions."""
    pairs = [
        (pesq, mos, row.mos_server[role])
        for row in rows
        for role, pesq in row.pesq.items()
        if pesq is not None and (mos := row.mos.get(role)) is not None and row.mos_server.get(role) is not None
    ]
    heard = [pair[0] for pair in pairs]
    ours, alone = [pair[1] for pair in pairs], [float(pair[2] or 0.0) for pair in pairs]
    return Agreement(
        len(rows),
        len(pairs),
        round(pearson(heard, ours), 3),
        round(pearson(heard, alone), 3),
        round(root_mean_square(heard, ours), 2),
        min(heard, default=0.0),
        max(heard, default=0.0),
    )


def diagnosed(rows: list[Row]) -> DiagnosisReport:
    """How many faults were found, as the weightiest verdict."""
    wrong = [
        f"{row.truth or 'nothing'} ({row.down} | {row.up}): {', '.join(row.found) or 'nothing'}"
        for row in rows
        if (row.found[0] if row.found else "") != row.truth
    ]
    right = len(rows) - len(wrong)
    return DiagnosisReport(len(rows), right, round(right / len(rows), 3) if rows else 0.0, wrong)
