"""A call's verdicts when one side's seconds are as a test makes them."""

from collections.abc import Callable

from media.api import LegSecond
from media.quality.diagnosis import Diagnosis, Side
from media.quality.page import PageView
from tests.fakes.seconds import second

Make = Callable[[float], LegSecond]
SAYS = PageView(level=0.1, black=False)


def diagnosed(
    make: Make, seconds: int = 20, page: PageView | None = SAYS, lag_ms: float = 0.0, **side: bool
) -> Diagnosis:
    """The customer's seconds are `make`'s, the agent's are good."""
    diagnosis = Diagnosis()
    for at in range(1, seconds + 1):
        sides = [Side("customer", make(at), page, **side), Side("agent", second(at), SAYS)]
        diagnosis.observe(sides, lag_ms)
    return diagnosis


def names(diagnosis: Diagnosis) -> list[str]:
    return [f"{v.side} {v.name} {v.severity}" for v in diagnosis.close()]
