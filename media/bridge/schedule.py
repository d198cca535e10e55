"""When a leg has to be polled next."""

from typing import Any


class Schedule:
    """Deadlines that the packet path may bring closer. Shared by a leg's both directions."""

    __slots__ = ("report_due", "wake")

    def __init__(self, now: float) -> None:
        self.wake = now
        """When `Leg.poll` has work next."""
        self.report_due = float("inf")
        """When the next compound report (SR or RR, SDES, REMB) leaves; infinite until there is something to say."""

    def wake_at(self, when: float) -> None:
        """Poll no later than this."""
        if when < self.wake:
            self.wake = when

    def report_soon(self, now: float) -> None:
        """A stream began: the page should hear of it at once."""
        if now < self.report_due:
            self.report_due = now
            self.wake_at(now)


class Rota:
    """The schedules of all legs of an engine: 200 times a second it is asked whose time has come."""

    __slots__ = ("_all",)

    def __init__(self) -> None:
        self._all: dict[Schedule, Any] = {}

    def add(self, schedule: Schedule, who: object) -> None:
        """`who` is in `due` when the schedule's time has come."""
        self._all[schedule] = who

    def remove(self, schedule: Schedule) -> None:
        """Nobody's any more; unknown ones are ignored."""
        self._all.pop(schedule, None)

    def due(self, now: float) -> list[Any]:
        """Who has to be polled."""
        return [who for schedule, who in self._all.items() if schedule.wake <= now]
