"""The rules of the verdict as data: which measure of which leg means what, from where on, and what explains it away.

A rule looks at one measure (media/quality/measures.py) of one leg. `unless` names findings of the same leg, `kind` or
`kind.direction`, that explain the measure: a full link also loses and delays, which is not its trouble. `far` names
such findings of the other leg.
"""

from typing import NamedTuple

FAIR, POOR = "fair", "poor"


class Rule(NamedTuple):
    """`fair` and `poor` are the values from which on it counts; `below`: up to which."""

    kind: str
    direction: str
    measure: str
    fair: float
    poor: float
    hold: int = 2
    """Seconds in a row before it is said."""
    unless: tuple[str, ...] = ()
    far: tuple[str, ...] = ()
    """Findings of the other side that explain it."""
    below: bool = False
    everywhere: bool = False
    """Both sides have it from the same cause: said once, of the server."""

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.direction}" if self.direction else self.kind

    def severity(self, value: float | None) -> str:
        """`fair`, `poor` or empty."""
        if value is None:
            return ""
        if self.below:
            return POOR if value <= self.poor else FAIR if value <= self.fair else ""
        return POOR if value >= self.poor else FAIR if value >= self.fair else ""


_LOST = ("outage", "overload")
_CAME_SO = ("rate.up", "burst.up", "loss.up", "jitter.up")
"""What comes uneven from the one side goes on so to the other."""

RULES: tuple[Rule, ...] = (
    Rule("overload", "", "lag_ms", 120.0, 300.0, everywhere=True),
    Rule("outage", "", "unheard_s", 2.0, 3.0, hold=1, unless=("overload",)),
    Rule("rate", "down", "down_room_bps", 450_000.0, 200_000.0, unless=_LOST, below=True),
    Rule("rate", "up", "up_room_bps", 800_000.0, 200_000.0, unless=_LOST, below=True),
    Rule("burst", "down", "down_burst_loss", 0.02, 0.06, unless=(*_LOST, "rate.down")),
    Rule("burst", "up", "up_burst_loss", 0.02, 0.06, unless=(*_LOST, "rate.up")),
    Rule("loss", "down", "down_random_loss", 0.03, 0.10, unless=(*_LOST, "rate.down", "burst.down")),
    Rule("loss", "up", "up_random_loss", 0.03, 0.10, unless=(*_LOST, "rate.up", "burst.up")),
    Rule(
        "jitter",
        "down",
        "down_jitter_ms",
        16.0,
        45.0,
        unless=(*_LOST, "rate.down", "burst.down", "loss.down"),
        far=_CAME_SO,
    ),
    Rule("jitter", "up", "up_jitter_ms", 16.0, 45.0, unless=(*_LOST, "rate.up", "burst.up", "loss.up")),
    Rule("delay", "", "rtt_ms", 400.0, 700.0, unless=(*_LOST, "rate", "jitter")),
    Rule("cpu", "", "cpu", 0.5, 0.9, hold=3),
    Rule("silent", "", "silent_s", 2.0, 15.0, hold=1, unless=("outage",)),
    Rule("black", "", "black", 0.5, 0.9, hold=1, unless=("outage",)),
)
"""In order: what is found first may explain what comes later."""

HEARD_BY_OTHER = frozenset({"up"})
DEVICE = frozenset({"cpu", "silent", "black"})


_EXPLAINED_BY = {
    rule.name: frozenset(other.name for other in RULES if other.name in rule.unless or other.kind in rule.unless)
    for rule in RULES
}


def explained(rule: Rule, found: set[str]) -> bool:
    """Whether one of the findings explains this one; `rate` stands for either direction."""
    return not _EXPLAINED_BY[rule.name].isdisjoint(found)
