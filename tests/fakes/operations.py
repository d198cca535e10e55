"""The operator's endpoints over stand-ins."""

from collections.abc import Sequence

from callserver.ops import dashboard, endpoints, history_routes
from callserver.ops.alarm import Alarm
from callserver.ops.alerts import Reading, Rule
from callserver.ops.health import Health
from callserver.ops.history_answer import Problem
from callserver.ops.live import LiveFeed, NodeInfo, OpsLive, QueueInfo
from callserver.ops.metrics import Metrics, Snapshot
from callserver.ops.precall import PreCall
from callserver.quality.minutes import MinuteRow
from callserver.quality.news import News
from media.api import EngineStatus
from signaling.http.context import Route
from signaling.records import AgentAccount
from tests.fakes.engine import FakeEngine

RULES = (Rule("busy", "load", above=1.0, text="too busy"),)


class Readings:
    """What the alarm reads."""

    def __init__(self) -> None:
        self.values = [Reading("load", 2.0)]


class NoHistory:
    """Nobody ever called."""

    async def minutes(self, since: float, until: float) -> Sequence[MinuteRow]:
        return []

    async def problems(self, since: float, until: float) -> Sequence[Problem]:
        return []


async def no_agents() -> Sequence[AgentAccount]:
    return []


def picture() -> OpsLive:
    node = NodeInfo("1", 0.0, True, [], False, 0.5, 0.1, 0.2, 0.5, 0.5, None)
    return OpsLive(1.0, 0, node, (), 1, QueueInfo(0, 0, 0, 0, 0.0, 0, 0, 0), [], 0, [])


def alarm(readings: Readings | None = None) -> Alarm:
    source = readings or Readings()
    return Alarm(
        RULES, lambda wanted: source.values, [], clock=lambda: 100.0, wall_clock=lambda: 5000.0, new_id=lambda: "id"
    )


def operator_routes() -> tuple[Route, ...]:
    """Everything `callserver.ops` adds to the web server."""

    async def check() -> None: ...

    health = Health(FakeEngine(), check, lambda: True, max_loop_lag=1.0, max_cpu=1.0)
    sounding = alarm()
    sounding.tick()
    return (
        *endpoints.routes(health, Metrics(), lambda: Snapshot({}, EngineStatus(""))),
        *dashboard.routes(LiveFeed(picture, lambda: 0.0, News()), sounding),
        *PreCall(FakeEngine(), lambda: 0.0, lambda _test_id: []).routes(),
        *history_routes.routes(history_routes.History(NoHistory(), no_agents, lambda: 5000.0)),
    )
