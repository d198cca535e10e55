"""Words about quality on their way to the pages."""

from media.api import LegStats, StatsReported
from signaling.quality import GOOD, LEAST_INTERVAL, REPEAT, Reading
from tests.fakes.exchange import Exchange
from tests.fakes.people import talk

WEAK = Reading("poor", "own_uplink", "weak")
FAIR = Reading("fair", "own_uplink", "weak")


def advise(exchange: Exchange, call_id: str, role: str, reading: Reading) -> None:
    exchange.do(exchange.switchboard.advise(exchange.at, call_id, role, reading))


def test_only_the_side_it_is_for_is_told_and_only_what_is_new() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    for reading in (GOOD, WEAK, WEAK, WEAK):
        advise(exchange, ana.call_id, "customer", reading)
    hints = [(hint["level"], hint["side"], hint["kind"]) for hint in ana.all("quality.hint")]
    assert hints == [("poor", "own_uplink", "weak")]
    assert bo.all("quality.hint") == []


def test_a_hint_does_not_flicker_but_worse_is_said_at_once() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    for reading in (FAIR, WEAK, GOOD, FAIR):
        advise(exchange, ana.call_id, "customer", reading)
    assert [hint["level"] for hint in ana.all("quality.hint")] == ["fair", "poor"]
    exchange.advance(LEAST_INTERVAL + 0.1)
    advise(exchange, ana.call_id, "customer", GOOD)
    assert ana.all("quality.hint")[-1]["level"] == "good"


def test_a_hint_that_holds_is_repeated_for_a_page_that_was_refreshed() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    advise(exchange, ana.call_id, "customer", WEAK)
    exchange.advance(REPEAT + 1)
    advise(exchange, ana.call_id, "customer", WEAK)
    assert len(ana.all("quality.hint")) == 2


def test_calls_and_sides_that_are_not_there_are_nobody_s_business() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    advise(exchange, "no such call", "customer", WEAK)
    advise(exchange, ana.call_id, "supervisor", WEAK)
    exchange.do(exchange.switchboard.media(exchange.at, StatsReported((LegStats("x", "y"),))))
    assert ana.all("quality.hint") == []
