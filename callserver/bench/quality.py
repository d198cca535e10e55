"""What measuring, judging and storing quality costs, without any network: every step by itself, in CPU seconds of this
process a second of calls."""

import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from callserver.quality.answers import call_quality
from callserver.quality.recorder import STORE_EVERY, Recorder
from callserver.quality.store import QualityStore
from callserver.store.database import Database, sqlite_url
from media.api import Kind, LegSecond, LegStats, Slot, StatsReported
from media.bridge.bridge import Bridge
from media.bridge.counters import Counters
from media.bridge.parameters import ExtensionIds, InboundSlot, LegParameters, OutboundSlot, PayloadTypes
from media.bridge.statistics import read_counters
from media.quality.monitor import LegMonitor
from media.wire.buffer import PacketBuffer
from signaling.protocol import Person, QualityReport
from signaling.records import CallState
from signaling.state import Call, Leg, Participant

REPORT_SECONDS = 2.0
PAGE_SECONDS = 5.0
START = 1_800_000_000.0


class QualityReportOfBench(msgspec.Struct):
    """CPU as a fraction of one core; times in milliseconds."""

    calls: int
    seconds: int
    compiled: bool
    """Whether what makes and judges seconds is machine code (`callserver compile`)."""
    worker_fraction: float
    """Reading counters and making seconds, encoding included."""
    control_fraction: float
    """Decoding, scores, verdicts, pages' reports."""
    store_fraction: float
    """Writing, SQLite's own thread included."""
    total_fraction: float
    bytes_a_call_hour: int
    live_ms: float
    """Making the live feed once."""
    answer_ms: float
    """The quality of one call of 60 minutes, read, joined and encoded."""
    answer_bytes: int


class _Outlet:
    """Where nothing goes."""

    def send_rtp(self, packet: PacketBuffer) -> None: ...

    def send_rtp_bytes(self, data: bytes) -> None: ...

    def send_rtcp(self, data: bytes) -> None: ...


async def quality(
    calls: int, seconds: int, say: Callable[[str], None], *, compiled: bool = False
) -> QualityReportOfBench:
    """Let so many calls of two go on for so long."""
    with tempfile.TemporaryDirectory(prefix="bench-quality-") as folder:
        database = Database(sqlite_url(Path(folder)))
        await database.migrate()
        try:
            return await _measure(QualityStore(database), calls, seconds, say, compiled)
        finally:
            await database.close()


async def _measure(
    store: QualityStore, calls: int, seconds: int, say: Callable[[str], None], compiled: bool
) -> QualityReportOfBench:
    rng = random.Random(1)  # noqa: S311 - made-up figures
    held = {call.call_id: call for call in (_call(number) for number in range(calls))}
    recorder = Recorder(store, lambda: held, lambda *_: None, wall_clock=lambda: START)
    say(f"{calls} calls, {seconds} s")
    worker = _worker_cost() * 2 * calls
    frames = [_frames(list(held), rng, at) for at in range(0, seconds, int(REPORT_SECONDS))]
    encoding = _cpu(lambda: [msgspec.msgpack.encode(frame) for frame in frames]) / seconds
    encoded = [msgspec.msgpack.encode(frame) for frame in frames]
    control = store_cpu = 0.0
    for number, data in enumerate(encoded):
        control += _cpu(lambda data=data: recorder.reported(_decoded(data)))  # type: ignore[misc]
        if number * REPORT_SECONDS % PAGE_SECONDS < REPORT_SECONDS:
            control += _cpu(lambda at=number * REPORT_SECONDS: _pages(recorder, held, at))  # type: ignore[misc]
        if number * REPORT_SECONDS % STORE_EVERY < REPORT_SECONDS:
            before = time.process_time()
            await recorder.flush()
            store_cpu += time.process_time() - before
    live = _cpu(lambda: recorder.live(START + seconds)) * 1000
    say("one call of an hour")
    answer_ms, size, stored = await _answer(store)
    parts = (worker + encoding, control / seconds, store_cpu / seconds)
    return QualityReportOfBench(
        calls,
        seconds,
        compiled,
        worker_fraction=round(parts[0], 5),
        control_fraction=round(parts[1], 5),
        store_fraction=round(parts[2], 5),
        total_fraction=round(sum(parts), 5),
        bytes_a_call_hour=stored,
        live_ms=round(live, 2),
        answer_ms=round(answer_ms, 1),
        answer_bytes=size,
    )


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _worker_cost() -> float:
    """CPU seconds to read one leg's counters once and make its second."""
    types = PayloadTypes(opus=111, vp8=96)
    parameters = LegParameters(
        "bench",
        ExtensionIds(),
        inbound=(
            InboundSlot("0", Slot.AUDIO, Kind.AUDIO, types, 1),
            InboundSlot("1", Slot.CAMERA, Kind.VIDEO, types, 2),
        ),
        outbound=(
            OutboundSlot("0", Slot.AUDIO, Kind.AUDIO, types, 3),
            OutboundSlot("2", Slot.MAIN, Kind.VIDEO, types, 4),
            OutboundSlot("3", Slot.SIDE, Kind.VIDEO, types, 5),
            OutboundSlot("4", Slot.AUDIO_SIDE, Kind.AUDIO, types, 6),
        ),
    )
    bridge = Bridge("bench", random.Random(1), Counters())  # noqa: S311
    leg = bridge.add_leg("leg", parameters, _Outlet(), 0.0)
    monitor = LegMonitor(read_counters(leg, 0.0), 0.0)
    rounds = 3000
    spent = _cpu(lambda: [monitor.take(read_counters(leg, float(n)), float(n), START) for n in range(1, rounds)])
    return spent / rounds


def _call(number: int) -> Call:
    name = f"call-{number:04}"
    state = CallState(name, "shop", "active", "video", "en", START, Person("Ana"), agent_id=f"agent-{number}")
    customer = Participant("customer", f"c{number}", current=Leg(f"{name}-c", up=True))
    agent = Participant("agent", f"a{number}", f"agent-{number}", current=Leg(f"{name}-a", up=True))
    return Call(state, customer, agent, joined=(f"{name}-c", f"{name}-a"))


def _frames(names: list[str], rng: random.Random, at: int) -> StatsReported:
    legs = []
    for name in names:
        for end in "ca":
            made = tuple(_second(rng, START + at + number) for number in (1, 2))
            legs.append(LegStats(name, f"{name}-{end}", transport="udp4", seconds=made))
    return StatsReported(tuple(legs), 5.0, 0.5, "worker-0")


def _second(rng: random.Random, at: float) -> LegSecond:
    """A call with some loss in one of three seconds."""
    lost = rng.randrange(30) if rng.random() < 0.3 else 0
    rows = max(1, lost // 2) if lost else 0
    return LegSecond(
        at, 60 + rng.randrange(20), 30 + rng.randrange(60), 300, lost, rows, 50, lost // 20, 250, lost // 10,
        rng.randrange(12), 60_000 + rng.randrange(9000), 1_200_000 + rng.randrange(99_000), 0, 30, lost, 0, 300,
        lost, rows, 50, 0.001, 250, 0.002, rng.randrange(9), 32_000 + rng.randrange(999),
        1_200_000 + rng.randrange(99_000), 3_000_000, 3_000_000, rng.randrange(90_000), 1000, 30, 0, lost, 0, 1, 20,
    )  # fmt: skip


def _decoded(data: bytes) -> StatsReported:
    return msgspec.msgpack.decode(data, type=StatsReported)


def _pages(recorder: Recorder, held: dict[str, Call], at: float) -> None:
    for name in held:
        for role, end in (("customer", "c"), ("agent", "a")):
            report = QualityReport(
                f"{name}-{end}", rtt_ms=60.0, concealed=0.01, fps_received=30.0, at=at, seconds=5.0, buffer_ms=70.0,
                height=480, level=0.1, black=False, browser="Chrome 126", network="wifi",
            )  # fmt: skip
            recorder.page_reported(name, role, report)


async def an_hour(store: QualityStore) -> CallState:
    """Store a made-up call of 60 minutes, 7,200 measured seconds with hundreds of verdicts."""
    rng, call = random.Random(2), _call(9999)  # noqa: S311
    held = {call.call_id: call}
    recorder = Recorder(store, lambda: held, lambda *_: None, wall_clock=lambda: START)
    for at in range(0, 3600, 2):
        recorder.reported(_frames([call.call_id], rng, at))
        if at % STORE_EVERY < REPORT_SECONDS:
            _pages(recorder, held, at)
            await recorder.flush()
    held.clear()
    await recorder.flush()
    call.state.answered_at, call.state.ended_at, call.state.phase = START, START + 3600.0, "ended"
    return call.state


async def _answer(store: QualityStore) -> tuple[float, int, int]:
    """Milliseconds and bytes of the answer about a call of an hour, and what it takes in the store."""
    call = await an_hour(store)
    recorder = Recorder(store, dict, lambda *_: None, wall_clock=lambda: START)
    before = time.perf_counter()
    answer = await call_quality(recorder, call, [])
    body = msgspec.json.encode(answer)
    spent = (time.perf_counter() - before) * 1000
    rows = await store.samples(call.call_id)
    return spent, len(body), sum(len(msgspec.msgpack.encode(row.data)) + 120 for row in rows)
