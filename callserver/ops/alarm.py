"""The shell around the alert rules: reads every few seconds, tells the outlets, remembers what was lately."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from callserver.ops import alert_memory
from callserver.ops.alert_memory import Acknowledged, Memory
from callserver.ops.alert_outlets import Message, Outlet
from callserver.ops.alerts import Alert, Evaluator, Reading, Rule, Silence

logger = logging.getLogger(__name__)

INTERVAL = 5.0
RECENT = 200
MAX_SILENCE = 30 * 86_400.0


class OutletInfo(msgspec.Struct, frozen=True):
    """How a target of alerts does."""

    name: str
    sent: int
    failed: int
    dropped: int
    waiting: int
    problem: str


class AlertsView(msgspec.Struct, frozen=True):
    """Everything about alerts for the page; times are wall-clock seconds."""

    active: list[Alert]
    recent: list[Alert]
    """Ended ones, the newest first, since the control process started."""
    silences: list[Silence]
    rules: list[Rule]
    outlets: list[OutletInfo]
    ignored: int
    """Readings that no rule followed because there were too many subjects."""


class Alarm:
    """Evaluates `readings(wanted)` at each tick. `clock` is monotonic, `wall_clock` only for showing and sending."""

    def __init__(
        self,
        rules: Iterable[Rule],
        readings: Callable[[frozenset[str]], Iterable[Reading]],
        outlets: Sequence[Outlet],
        *,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        new_id: Callable[[], str],
        memory: Path | None = None,
    ) -> None:
        """`memory`: the file that silences and acknowledgements are kept in."""
        self.evaluator = Evaluator(rules)
        self._readings = readings
        self._outlets = outlets
        self._clock = clock
        self._wall_clock = wall_clock
        self._new_id = new_id
        self._recent: deque[Alert] = deque(maxlen=RECENT)
        self._memory = memory
        self._writing = asyncio.Lock()
        if memory is not None:
            self._restore(alert_memory.load(memory))

    def _restore(self, memory: Memory) -> None:
        offset = self._wall_clock() - self._clock()
        silences = [msgspec.structs.replace(one, until=one.until - offset) for one in memory.silences]
        self.evaluator.restore(silences, {one.key: one.by for one in memory.acknowledged}, self._clock())

    async def keep(self) -> None:
        """Write what outlives this process; a disk that does not take it costs a line in the log."""
        if self._memory is None:
            return
        acknowledged = [Acknowledged(*key, by) for key, by in self.evaluator.acknowledged.items()]
        memory = Memory(self._dated_silences(), acknowledged)
        try:
            async with self._writing:
                await asyncio.to_thread(alert_memory.save, self._memory, memory)
        except OSError as error:
            logger.warning("silences of alerts cannot be kept: %s", error)

    async def run(self) -> None:
        """Evaluate and deliver until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for outlet in self._outlets:
                tasks.create_task(outlet.run())
            while True:
                self.tick()
                await asyncio.sleep(INTERVAL)

    def tick(self) -> None:
        """One look at everything."""
        now = self._clock()
        for notice in self.evaluator.evaluate(self._readings(self.evaluator.metrics), now):
            shown = self._dated(notice.alert)
            if notice.event == "resolved":
                self._recent.appendleft(shown)
            for outlet in self._outlets:
                outlet.put(Message(f"msg_{self._new_id()}", notice.event, shown, self._wall_clock()))

    def active(self) -> list[Alert]:
        """Alerts that hold, for the page."""
        return [self._dated(alert) for alert in self.evaluator.active]

    def view(self) -> AlertsView:
        """What the page of alerts shows."""
        outlets = [
            OutletInfo(one.name, one.sent, one.failed, one.dropped, one.waiting, one.problem) for one in self._outlets
        ]
        rules = list(self.evaluator.rules)
        recent, silences = list(self._recent), self._dated_silences()
        return AlertsView(self.active(), recent, silences, rules, outlets, self.evaluator.ignored)

    def _dated_silences(self) -> list[Silence]:
        """With wall-clock times."""
        offset = self._wall_clock() - self._clock()
        return [msgspec.structs.replace(one, until=one.until + offset) for one in self.evaluator.silences]

    def silence(self, rule: str, subject: str, seconds: float, by: str) -> bool:
        """No word of this for so long; 0 ends a silence. False if there are too many."""
        if seconds <= 0:
            self.evaluator.unsilence(rule, subject)
            return True
        return self.evaluator.silence(rule, subject, self._clock() + min(seconds, MAX_SILENCE), by)

    def _dated(self, alert: Alert) -> Alert:
        """A copy with wall-clock times."""
        offset = self._wall_clock() - self._clock()
        ended = None if alert.ended_at is None else alert.ended_at + offset
        return msgspec.structs.replace(
            alert, began_at=alert.began_at + offset, ended_at=ended, said_at=alert.said_at + offset
        )
