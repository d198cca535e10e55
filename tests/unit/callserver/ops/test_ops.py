from collections.abc import AsyncIterator

import pytest
from hypothesis import given, strategies as st

from callserver.ops.health import LAG_WEIGHT, Health, LagMonitor
from callserver.ops.metrics import Metrics, Snapshot
from callserver.ops.observed import ObservedEngine
from media.api import EngineStatus, LegConnected, LegSpec, MediaEvent
from media.errors import EngineLostError
from tests.fakes.engine import FakeEngine


class Engine(FakeEngine):
    """Reports the status it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.found = EngineStatus("pool", counters={"workers": 1})
        self.gone = False

    async def status(self) -> EngineStatus:
        if self.gone:
            raise EngineLostError("gone")
        return self.found


class Store:
    def __init__(self) -> None:
        self.failure: Exception | None = None

    async def check(self) -> None:
        if self.failure is not None:
            raise self.failure


async def health(engine: Engine, store: Store, ready: bool = True) -> Health:
    found = Health(engine, store.check, lambda: ready, max_loop_lag=0.1, max_cpu=0.9)
    await found.refresh_media()
    await found.refresh_store()
    return found


async def test_a_well_server_has_no_problems() -> None:
    found = await health(Engine(), Store())
    assert (found.problems(), found.overload()) == ([], "")


async def test_before_anything_is_known_it_is_not_ready() -> None:
    found = Health(Engine(), Store().check, lambda: False, max_loop_lag=0.1, max_cpu=0.9)
    assert len(found.problems()) == 3
    assert found.overload()


async def test_each_broken_part_is_named() -> None:
    engine, store = Engine(), Store()
    engine.found, store.failure = EngineStatus("pool", counters={"workers": 0}), OSError("disk full")
    found = await health(engine, store, ready=False)
    assert found.problems() == [
        "the store cannot be written: OSError",
        "no media worker is running",
        "calls are still being restored",
    ]
    engine.gone = True
    await found.refresh_media()
    assert found.problems()[1] == "media workers do not answer: gone"
    assert found.overload() == "no media worker is available"


@pytest.mark.parametrize(
    ("status", "lag", "reason"),
    [
        (EngineStatus("", cpu_fraction=0.91), 0.0, "the media workers are too busy"),
        (EngineStatus("", loop_lag_ms=201.0), 0.0, "the server is too busy"),
        (EngineStatus(""), 1.1, "the server is too busy"),
        (EngineStatus("", cpu_fraction=0.9, loop_lag_ms=200.0), 1.0, ""),
    ],
)
async def test_new_calls_are_refused_under_load(status: EngineStatus, lag: float, reason: str) -> None:
    engine = Engine()
    engine.found = status
    found = await health(engine, Store())
    found.lag.observe(lag)
    assert found.overload() == reason


def test_lag_is_averaged() -> None:
    monitor = LagMonitor()
    monitor.observe(1.0)
    assert monitor.lag == pytest.approx(LAG_WEIGHT)
    for _ in range(100):
        monitor.observe(0.2)
    assert monitor.lag == pytest.approx(0.2, rel=0.01)
    for _ in range(100):
        monitor.observe(-0.001)
    assert monitor.lag == pytest.approx(0.0, abs=0.001)


async def test_connecting_is_timed_once_a_leg() -> None:
    now, seen, engine = [10.0], list[float](), FakeEngine()
    observed = ObservedEngine(engine, seen.append, lambda: now[0])
    await observed.open_leg(LegSpec("c", "l"))
    now[0] = 10.25
    for event in (LegConnected("c", "l"), LegConnected("c", "l"), LegConnected("c", "unknown")):
        engine.model.happened.append(event)
    stream: AsyncIterator[MediaEvent] = observed.events()
    passed = [await anext(stream) for _ in range(3)]
    assert seen == [0.25]
    assert passed[2] == LegConnected("c", "unknown")


def series(metrics: Metrics, snapshot: Snapshot | None = None) -> list[str]:
    text = metrics.render(snapshot or Snapshot({}, EngineStatus(""))).decode()
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_metrics_show_service_and_workers() -> None:
    metrics = Metrics()
    metrics.connected(0.1)
    metrics.audio_loss("customer", 7.0)
    status = EngineStatus("pool", cpu_fraction=0.5, loop_lag_ms=20.0, counters={"workers": 2, "srtp_refused": 3})
    found = series(metrics, Snapshot({"calls_active": 4, "sessions": 9}, status, loop_lag=0.01))
    for line in (
        'callserver_calls{phase="active"} 4.0',
        "callserver_sessions 9.0",
        "callserver_media_workers 2.0",
        'callserver_media_events_total{name="srtp_refused"} 3.0',
        "callserver_media_loop_lag_seconds 0.02",
        "callserver_loop_lag_seconds 0.01",
        "callserver_leg_connect_seconds_count 1.0",
    ):
        assert line in found


@given(st.lists(st.tuples(st.sampled_from(["message", "refused", "http"]), st.text()), max_size=30))
def test_no_input_makes_new_series(events: list[tuple[str, str]]) -> None:
    metrics = Metrics()
    for event, label in events:
        metrics.count(event, label)
    labels = {line.split("{", 1)[1].split("}")[0] for line in series(metrics) if "_total{" in line}
    assert len(labels) <= 60
