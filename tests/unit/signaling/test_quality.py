"""Plain hints about who suffers."""

from hypothesis import given, strategies as st

from media.api import LegStats, StatsReported
from signaling.quality import GOOD, Reading, judge
from tests.fakes.exchange import Exchange
from tests.fakes.people import talk


def stats(up: float = 0.0, down: float = 0.0, rtt_ms: float | None = 50.0) -> LegStats:
    return LegStats("call", "leg", rtt_ms=rtt_ms, fraction_lost_uplink=up, fraction_lost_downlink=down)


def test_the_side_that_suffers_is_named() -> None:
    assert judge(stats(), stats()) == GOOD
    assert judge(stats(up=0.2), stats()) == Reading("poor", "own_uplink")
    assert judge(stats(down=0.05), stats()) == Reading("fair", "own_downlink")
    assert judge(stats(), stats(up=0.2)) == Reading("poor", "peer")
    assert judge(stats(rtt_ms=500.0), None) == Reading("fair", "own_uplink")
    assert judge(stats(rtt_ms=None), None) == GOOD


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 5000))
def test_more_loss_never_reads_better(up: float, down: float, rtt_ms: float) -> None:
    order = ["good", "fair", "poor"]
    better = judge(stats(up, down, rtt_ms), None).level
    worse = judge(stats(min(1.0, up * 2), down, rtt_ms), None).level
    assert order.index(worse) >= order.index(better)


def test_a_page_is_told_of_changes_that_last() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    leg_id = next(iter(ana.offers))

    def report(up: float) -> None:
        leg = LegStats(ana.call_id, leg_id, fraction_lost_uplink=up)
        exchange.do(exchange.switchboard.media(exchange.at, StatsReported((leg,))))

    for up in (0.2, 0.0, 0.2, 0.2, 0.2, 0.0, 0.0, 0.0):
        report(up)
    assert [(hint["level"], hint["side"]) for hint in ana.all("quality.hint")] == [("poor", "own_uplink"), ("good", "")]
    assert bo.all("quality.hint") == []
