"""What looks like a second trouble and is the first one's doing; seconds as real pages' calls had them."""

import pytest

from media.api import LegSecond
from media.quality.diagnosis import Diagnosis, Side
from media.quality.page import PageView
from media.quality.unevenness import REPORTED, Unevenness
from tests.fakes.diagnosed import SAYS, Make, diagnosed, names
from tests.fakes.seconds import second

WANTS = SAYS._replace(limited_by="bandwidth", fps_sent=10.0, height_sent=480)


def _both(customer: Make, agent: Make, seconds: int = 30, page: PageView = SAYS) -> list[str]:
    """The call's verdicts; `page` is the agent's."""
    diagnosis = Diagnosis()
    for at in range(1, seconds + 1):
        diagnosis.observe([Side("customer", customer(at), SAYS), Side("agent", agent(at), page)])
    return names(diagnosis)


def _from(ten: list[dict[str, int]]) -> Make:
    """Good for ten seconds, then these; the last goes on."""
    return lambda at: second(at, **ten[min(int(at) - 11, len(ten) - 1)]) if at > 10 else second(at)


def test_a_queue_towards_a_page_is_none_from_there_though_the_round_trip_remembers_it() -> None:
    """150 kbit/s to the customer; feedback that comes late makes its page send less, the smoothed round trip falls by a
    twentieth a second."""
    queues = [544, 674, 13, 54, 14, 13, 13, 53, 14, 14]
    trips = [62, 158, 150, 143, 139, 135, 132, 132, 125, 122]
    sent = [530, 620, 310, 110, 28, 290, 250, 270, 280, 305]
    narrow = [
        {"link_queue_ms": queue, "rtt_ms": trip, "up_video_bps": rate * 1000, "down_sustained_bps": 125_000}
        for queue, trip, rate in zip(queues, trips, sent, strict=True)
    ]
    assert names(diagnosed(_from(narrow), 40)) == ["customer rate.down poor"]
    without = [made | {"link_queue_ms": 0, "down_sustained_bps": 3_000_000} for made in narrow]
    assert names(diagnosed(_from(without), 40)) == ["customer rate.up fair"]


@pytest.mark.parametrize("evidence", [{}, {"up_jitter_ms": 45}], ids=["says so", "and a queue"])
def test_who_sends_little_because_we_said_so_has_no_narrow_uplink(evidence: dict[str, int]) -> None:
    """The limit rises faster than a browser follows, and is gone before it has caught up."""

    def agent(at: float) -> LegSecond:
        if at <= 10:
            return second(at)
        if at <= 16:
            return second(at, up_video_bps=60_000, up_limit_bps=70_000)
        limit = min(900_000, round(70_000 * 1.3 ** (at - 16))) if at < 24 else 0
        return second(at, up_video_bps=round(60_000 * 1.08 ** (at - 16)), up_limit_bps=limit, **evidence)

    found = _both(second, agent, 34, WANTS)
    assert [name for name in found if "rate" in name] == []


def test_a_page_s_word_alone_is_believed_after_a_while() -> None:
    """Browsers say "bandwidth" for the first seconds of calls on wide links; with fewer pictures on a busy device."""
    little: Make = lambda at: second(at, up_video_bps=400_000)  # noqa: E731
    assert _both(second, little, 11, WANTS) == []
    assert _both(second, little, 14, WANTS) == ["agent rate.up fair"]
    starved: Make = lambda at: second(at, up_video_bps=60_000)  # noqa: E731
    assert _both(second, starved, 3, WANTS) == ["agent rate.up poor"]
    queue: Make = lambda at: second(at, up_video_bps=250_000, rtt_ms=60 if at < 3 else 110)  # noqa: E731
    assert _both(second, queue, 8, WANTS) == ["agent rate.up fair"]


def test_voice_that_came_uneven_is_uneven_for_the_other_side_too() -> None:
    """An uplink of 150 kbit/s: its queue is over when the other page reports, whose word stands for five seconds."""
    filling = [27, 62, 48, 40, 25, 15, 17, 17, 10, 10, 8]
    narrow = [{"up_jitter_ms": jitter, "up_video_bps": 60_000, "up_audio_packets": 17} for jitter in filling]
    late = [{"down_jitter_ms": jitter} for jitter in [1] * 4 + [36] * 5 + [11]]
    assert _both(_from(narrow), _from(late)) == ["customer rate.up poor"]
    assert _both(second, _from(late)) == ["agent jitter.down fair"]


def test_how_uneven_voice_came_counts_until_the_next_report() -> None:
    unevenness = Unevenness()
    assert unevenness.own(5, 30) == 0
    assert [unevenness.own(40, 2) for _ in range(REPORTED)] == [10] * (REPORTED - 1) + [38]


def test_a_link_known_to_be_narrow_is_no_jitter_though_its_pictures_make_voice_uneven() -> None:
    """150 kbit/s to the customer for a minute: nothing stands in the queue any more, voice waits behind pictures."""

    def narrow(at: float) -> LegSecond:
        jitter = 0 if at < 3 else 13 if at < 8 else 18 if at < 14 else 25
        queue = 120 if at < 3 else 40 if at % 5 == 0 else 10
        rates = {"down_sustained_bps": 148_000, "down_video_bps": 70_000, "down_audio_bps": 18_000}
        return second(at, down_jitter_ms=jitter, link_queue_ms=queue, **rates)

    assert names(diagnosed(narrow, 60)) == ["customer rate.down poor"]
    stronger: Make = lambda at: narrow(at) if at < 14 else second(at, down_jitter_ms=60, down_sustained_bps=148_000)  # noqa: E731
    assert "customer jitter.down poor" in names(diagnosed(stronger, 60))
