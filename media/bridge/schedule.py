"""When a leg has to be polled next."""


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
