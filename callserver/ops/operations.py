"""What operators see of one control process, put together: metrics, live picture, alerts, and the tasks behind them."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from callserver import __version__
from callserver.config import Settings
from callserver.ops import dashboard, endpoints, history_routes
from callserver.ops.alarm import Alarm
from callserver.ops.alert_rules import load_rules
from callserver.ops.alert_setup import Outlets
from callserver.ops.alerts import Reading
from callserver.ops.health import Health
from callserver.ops.history_routes import History
from callserver.ops.live import (
    LiveFeed,
    NodeInfo,
    NodeWatch,
    OpsLive,
    longest_wait,
    machine_load,
    memory_free,
    queue_info,
    trimmed,
)
from callserver.ops.machine import Machine
from callserver.ops.metrics import Metrics, Snapshot
from callserver.ops.precall import PreCall
from callserver.quality.news import News
from signaling.http.context import Route
from signaling.quality_values import Live
from signaling.service import Service

OBSERVE_INTERVAL = 5.0


class Operations:
    """`live(wall_time)` gives the calls' quality now."""

    def __init__(
        self,
        settings: Settings,
        health: Health,
        metrics: Metrics,
        service: Service,
        live: Callable[[float], Live],
        news: News,
        history: History,
        precall: PreCall,
    ) -> None:
        self._health, self._metrics, self._service, self._live = health, metrics, service, live
        self._news = news
        self._history, self._precall = history, precall
        self._started_at = time.time()
        self._node = NodeWatch()
        self._machine = Machine(settings.data_dir, settings.http.tls_certificate)
        self._outlets = Outlets(settings.alerts, settings.http.public_url)
        self.alarm = Alarm(
            load_rules(Path(settings.alerts.rules) if settings.alerts.rules else None),
            self._readings,
            self._outlets.all,
            clock=time.monotonic,
            wall_clock=time.time,
            new_id=lambda: secrets.token_hex(12),
            memory=Path(settings.data_dir) / "alerts.json",
        )
        self._feed = LiveFeed(self._picture, time.monotonic, news)

    def routes(self) -> list[Route]:
        """All endpoints of the operator."""
        return [
            *endpoints.routes(self._health, self._metrics, self.snapshot),
            *dashboard.routes(self._feed, self.alarm),
            *history_routes.routes(self._history),
            *self._precall.routes(),
        ]

    async def run(self) -> None:
        """Observe and alert until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._machine.run())
                tasks.create_task(self.alarm.run())
                tasks.create_task(self._observe())
                tasks.create_task(self._precall.run())
        finally:
            await self._outlets.close()

    def snapshot(self) -> Snapshot:
        """What /metrics shows besides what is counted."""
        health = self._health
        return Snapshot(
            self._service.counts(),
            health.status,
            loop_lag=health.lag.lag,
            draining=health.draining,
            ready=not health.problems(),
            queue_wait=longest_wait(self._service, time.time()),
            machine=self._machine.facts,
        )

    async def _observe(self) -> None:
        while True:
            await asyncio.sleep(OBSERVE_INTERVAL)
            self._metrics.quality.observe_calls(self._live(time.time()))
            self._metrics.quality.observe_workers(self._health.status, OBSERVE_INTERVAL)

    def _readings(self, wanted: frozenset[str]) -> Iterator[Reading]:
        """Samples of /metrics, and scores and series of every live leg as `call/role`."""
        yield from self._metrics.readings(self.snapshot(), wanted)
        for call in self._live(time.time()).calls:
            for leg in call.legs:
                for name in wanted & leg.now.keys():
                    value = leg.now[name]
                    if value is not None:
                        yield Reading(name, value, f"{call.call_id}/{leg.role}")

    def _picture(self) -> OpsLive:
        now = time.time()
        health, facts, live = self._health, self._machine.facts, self._live(now)
        problems = health.problems()
        left = facts.certificate_seconds
        node = NodeInfo(
            version=__version__,
            started_at=self._started_at,
            ready=not problems,
            problems=problems,
            draining=health.draining,
            loop_lag_ms=round(health.lag.lag * 1000, 2),
            cpu=round(self._node.cpu(), 3),
            load=round(machine_load(), 2),
            memory_free=memory_free(),
            disk_free=facts.disk_free_ratio,
            certificate_days=None if left is None else round(left / 86_400, 1),
        )
        return OpsLive(
            at=now,
            news=self._news.count,
            node=node,
            workers=health.status.workers,
            spare_workers=health.status.counters.get("workers_spare", 0),
            queue=queue_info(self._service, now),
            calls=trimmed(live),
            calls_total=len(live.calls),
            alerts=self.alarm.active(),
        )
