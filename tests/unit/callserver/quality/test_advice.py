"""What a side is told of all that is wrong."""

import pytest

from callserver.quality.advice import advise
from media.quality.verdict import Holding
from signaling.quality import GOOD, Reading


def verdict(side: str, name: str, severity: str = "poor") -> Holding:
    kind, _, direction = name.partition(".")
    return Holding(side, direction, kind, severity, -9.0, 1.0)


@pytest.mark.parametrize(
    ("verdicts", "customer", "agent"),
    [
        ([], GOOD, GOOD),
        (
            [verdict("customer", "loss.up")],
            Reading("poor", "own_uplink", "weak"),
            Reading("poor", "peer"),
        ),
        ([verdict("customer", "rate.down", "fair")], Reading("fair", "own_downlink", "weak"), GOOD),
        ([verdict("customer", "silent")], Reading("poor", "own_uplink", "silent"), Reading("poor", "peer", "silent")),
        ([verdict("customer", "cpu", "fair")], Reading("fair", "own_uplink", "cpu"), GOOD),
        ([verdict("customer", "delay", "fair")], Reading("fair", "", "delay"), GOOD),
        ([verdict("customer", "outage")], Reading("poor", ""), Reading("poor", "peer")),
        ([verdict("agent", "cpu")], GOOD, Reading("poor", "own_uplink", "cpu")),
        ([verdict("server", "overload")], Reading("poor", ""), Reading("poor", "")),
        (
            [verdict("customer", "loss.up"), verdict("customer", "silent")],
            Reading("poor", "own_uplink", "silent"),
            Reading("poor", "peer", "silent"),
        ),
        (
            [verdict("agent", "loss.up"), verdict("customer", "loss.down", "fair")],
            Reading("fair", "own_downlink", "weak"),
            Reading("poor", "own_uplink", "weak"),
        ),
    ],
)
def test_the_one_thing_that_helps_most(verdicts: list[Holding], customer: Reading, agent: Reading) -> None:
    assert advise("customer", verdicts, 1.0) == customer
    assert advise("agent", verdicts, 1.0) == agent


def test_an_operator_knows_of_a_silent_microphone_before_its_owner_who_may_only_listen() -> None:
    def silent(end: float) -> Holding:
        return Holding("customer", "", "silent", "fair", 2.0, end)

    assert advise("customer", [silent(4.0)], 4.0) == GOOD
    assert advise("customer", [silent(6.0)], 6.0) == Reading("fair", "own_uplink", "silent")
    assert advise("customer", [silent(6.0)], 8.0) == GOOD, "it speaks again"


def test_two_of_a_kind_are_no_riddle() -> None:
    twice = [verdict("agent", "loss.up"), verdict("agent", "loss.down")]
    assert advise("customer", twice, 1.0) == Reading("poor", "peer")


def test_a_connection_that_is_back_is_told_nothing_of_a_weak_upload() -> None:
    """The verdict stays open for ten seconds: the hint does not, and what loses goes on to be told."""
    gone = verdict("customer", "outage")
    assert advise("customer", [gone], 2.5) == Reading("poor", "")
    assert advise("customer", [gone], 3.0) == advise("agent", [gone], 3.0) == GOOD
    assert advise("customer", [gone, verdict("customer", "loss.up")], 3.0) == Reading("poor", "own_uplink", "weak")
