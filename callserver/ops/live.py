"""The live picture for /ops: node, workers, queue, calls and alerts in one JSON body, made at most once a second.

Pages ask for it every two seconds, and are answered sooner when a call goes well or badly. One body serves all of them:
its cost does not grow with the number of operators.
"""

import asyncio
import gzip
import os
import time
from collections.abc import Callable

import msgspec

from callserver.ops.alerts import Alert
from callserver.quality.news import News
from media.api import WorkerLoad
from signaling.quality_values import Live, LiveCall, LiveLeg
from signaling.service import Service

FRESH = 1.0
"""Seconds a body is shown to others before it is made anew."""
HOLD = 2.0
"""Seconds after which a page that waits for news is answered without."""
MAX_CALLS = 500
"""More would not be read by anybody; the counts are of all."""
SHOWN = (
    *("mos", "video", "connection", "rtt_ms", "up_loss", "down_loss", "up_audio_bps", "up_video_bps"),
    *("down_audio_bps", "down_video_bps", "paused", "c_cpu", "c_silent", "c_black"),
)
"""Of a leg's newest second; the rest is on the call's own page."""


class NodeInfo(msgspec.Struct, frozen=True):
    """This machine and the control process."""

    version: str
    started_at: float
    ready: bool
    problems: list[str]
    draining: bool
    loop_lag_ms: float
    cpu: float
    """Cores the control process uses."""
    load: float
    """Load average of the last minute by core."""
    memory_free: float | None
    """Part of the machine's memory that is available."""
    disk_free: float | None
    certificate_days: float | None


class QueueInfo(msgspec.Struct, frozen=True):
    waiting: int
    ringing: int
    active: int
    on_hold: int
    longest_wait: float
    agents_ready: int
    agents_busy: int
    agents_away: int


class OpsLive(msgspec.Struct, frozen=True):
    """The answer of GET /api/v1/ops/live."""

    at: float
    news: int
    """Grows when a call's verdicts or colours change: `GET …/live?after=` of it is answered when they do."""
    node: NodeInfo
    workers: tuple[WorkerLoad, ...]
    spare_workers: int
    queue: QueueInfo
    calls: list[LiveCall]
    calls_total: int
    alerts: list[Alert]


class NodeWatch:
    """CPU of this process and load of the machine between two looks."""

    def __init__(self) -> None:
        self._at, self._cpu = time.monotonic(), time.process_time()
        self._fraction = 0.0

    def cpu(self) -> float:
        """Cores used since the last look at least half a second ago."""
        now, used = time.monotonic(), time.process_time()
        if now - self._at >= 0.5:
            self._fraction = (used - self._cpu) / (now - self._at)
            self._at, self._cpu = now, used
        return self._fraction


def machine_load() -> float:
    """Load average of the last minute by core."""
    return os.getloadavg()[0] / max(1, len(os.sched_getaffinity(0)))


def memory_free() -> float | None:
    """Available part of the memory (proc(5), MemAvailable); None where it cannot be known."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        return float(lines["MemAvailable"].split()[0]) / float(lines["MemTotal"].split()[0])
    except (OSError, KeyError, ValueError, IndexError, ZeroDivisionError):
        return None


def longest_wait(service: Service, wall_time: float) -> float:
    """Seconds since the oldest call that still waits or rings was put into the queue."""
    waiting = (
        call.state.queued_at
        for call in service.switchboard.board.calls.values()
        if call.state.phase in ("waiting", "ringing") and call.state.queued_at is not None
    )
    return max((wall_time - since for since in waiting), default=0.0)


def queue_info(service: Service, wall_time: float) -> QueueInfo:
    """Who waits and who could answer."""
    counts = service.counts()
    busy = ready = away = 0
    for agent in service.switchboard.board.roster:
        busy += bool(agent.call_id)
        ready += not agent.call_id and agent.free
        away += not agent.call_id and not agent.free
    return QueueInfo(
        waiting=counts["calls_waiting"],
        ringing=counts["calls_ringing"],
        active=counts["calls_active"],
        on_hold=counts["calls_on_hold"],
        longest_wait=longest_wait(service, wall_time),
        agents_ready=ready,
        agents_busy=busy,
        agents_away=away,
    )


def trimmed(live: Live) -> list[LiveCall]:
    """The calls, worst first, each leg's newest second cut down to what the overview shows."""
    worst = sorted(live.calls, key=lambda call: (_worst(call), call.created_at))[:MAX_CALLS]
    return [msgspec.structs.replace(call, legs=[_cut(leg) for leg in call.legs]) for call in worst]


def _worst(call: LiveCall) -> float:
    scores = [leg.now.get("connection") for leg in call.legs]
    return min((score for score in scores if score is not None), default=9.0)


def _cut(leg: LiveLeg) -> LiveLeg:
    return msgspec.structs.replace(leg, now={name: leg.now[name] for name in SHOWN if name in leg.now})


class Body(msgspec.Struct, frozen=True):
    """Encoded once, for everybody."""

    made_at: float
    news: int
    plain: bytes
    compressed: bytes


class LiveFeed:
    """Makes the body when somebody asks and the last one is old; nobody asking costs nothing."""

    def __init__(self, make: Callable[[], OpsLive], clock: Callable[[], float], news: News) -> None:
        self._make = make
        self._clock = clock
        self._news = news
        self._body: Body | None = None

    async def after(self, seen: int) -> Body:
        """The newest body once there is news, and after HOLD seconds anyway; still one a second at most."""
        await self._news.after(seen, HOLD)
        body = self._body
        if body is not None and body.news != self._news.count:
            await asyncio.sleep(max(0.0, body.made_at + FRESH - self._clock()))
        return self.body()

    def body(self) -> Body:
        """The newest body."""
        now = self._clock()
        if self._body is None or now - self._body.made_at >= FRESH:
            picture = self._make()
            plain = msgspec.json.encode(picture)
            self._body = Body(now, picture.news, plain, gzip.compress(plain, 1, mtime=0))
        return self._body
