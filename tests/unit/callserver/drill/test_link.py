"""Laws of the link emulator, in virtual time."""

import random

import pytest
from hypothesis import given, strategies as st

from callserver.drill.link import Link
from callserver.drill.spec import SpecError, parse_spec
from callserver.drill.tcp_relay import MAX_RESENDS, RESEND_SECONDS, Stream


def _link(spec: str, seed: int = 1) -> Link:
    return Link(parse_spec(spec), random.Random(seed))


def test_a_perfect_link_delivers_at_once() -> None:
    assert _link("").offer(1200, 3.0) == 3.0


def test_delay_is_added() -> None:
    assert _link("delay=50").offer(1200, 1.0) == pytest.approx(1.05)


def test_random_loss_has_the_asked_rate() -> None:
    link = _link("loss=30")
    lost = sum(link.offer(100, i * 0.01) is None for i in range(20_000))
    assert 0.28 < lost / 20_000 < 0.32


def test_bursts_have_the_asked_rate_and_mean_length() -> None:
    link = _link("loss=10,burst=5")
    outcome = [link.offer(100, i * 0.01) is None for i in range(50_000)]
    bursts = sum(1 for before, now in zip([False, *outcome], outcome, strict=False) if now and not before)
    assert 0.09 < sum(outcome) / len(outcome) < 0.11
    assert 4.5 < sum(outcome) / bursts < 5.5


def test_a_narrow_link_serves_at_its_rate_and_drops_at_the_tail() -> None:
    link = _link("rate=300k,queue=30k")
    arrivals = [a for i in range(1_000) if (a := link.offer(1222, i * 0.001)) is not None]
    assert link.overflowed == 1_000 - len(arrivals)
    served_bps = len(arrivals) * 1250 * 8 / arrivals[-1]
    assert 290_000 < served_bps < 301_000
    assert arrivals[-1] - 1.0 <= 30_000 * 8 / 300_000 + 0.04


def test_a_schedule_changes_the_rate_and_keeps_the_backlog() -> None:
    link = _link("rate=2M,queue=1M;@1 rate=200k")
    for i in range(250):
        link.offer(1222, i * 0.002)  # 1.25 kB each: 5 Mbit/s for half a second, 1.5 Mbit of backlog
    arrival = link.offer(1222, 1.0)
    assert arrival is not None
    assert 2.5 < arrival < 5.5


def test_order_is_kept_unless_reordering_is_asked_for() -> None:
    link = _link("delay=20,jitter=30")
    arrivals = [link.offer(100, i * 0.005) for i in range(500)]
    assert arrivals == sorted(a for a in arrivals if a is not None)
    link = _link("delay=20,jitter=30,reorder=50")
    arrivals = [link.offer(100, i * 0.005) for i in range(500)]
    assert arrivals != sorted(a for a in arrivals if a is not None)


def test_the_same_seed_gives_the_same_run() -> None:
    runs = [
        [_run.offer(100, i * 0.01) for i in range(300)]
        for _run in (_link("loss=20,jitter=5", 7), _link("loss=20,jitter=5", 7))
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("loss=101", "between"),
        ("los=3", "unknown setting"),
        ("rate=fast", "not a number"),
        ("rate=1M;rate=2M", "@SECONDS"),
        ("rate=1M;@0 rate=2M", "does not start after"),
        ("udp=maybe", "on or off"),
        ("address=1.5", "whole number"),
        ("loss", "name=value"),
    ],
)
def test_a_wrong_description_says_what_is_wrong(spec: str, part: str) -> None:
    with pytest.raises(SpecError, match=part):
        parse_spec(spec)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        phases = parse_spec(text)
    except SpecError:
        return
    assert phases


def test_a_schedule_that_begins_later_delays_nothing() -> None:
    link = _link("delay=50;@1 delay=100")
    assert link.offer(100, 7.0) == pytest.approx(7.1), "in its second phase while the ends connect"
    link.begin(8.0)
    assert link.offer(100, 8.0) == pytest.approx(8.05)
    assert link.offer(100, 8.9) == pytest.approx(8.95)
    assert link.offer(100, 9.0) == pytest.approx(9.1)


def test_a_queue_stays_when_the_schedule_begins() -> None:
    link = _link("rate=80k")
    link.offer(972, 1.0)  # a tenth of a second on the link
    link.begin(1.0)
    assert link.offer(972, 1.0) == pytest.approx(1.2)


def test_tcp_loses_nothing_but_time() -> None:
    stream = Stream(_link("loss=30,delay=50"))
    arrivals = [stream.offer(1000, i * 0.01) for i in range(500)]
    assert arrivals == sorted(arrivals), "what is behind a lost segment waits for it"
    assert all(arrival >= i * 0.01 + 0.05 for i, arrival in enumerate(arrivals))
    assert max(arrival - i * 0.01 for i, arrival in enumerate(arrivals)) >= 0.05 + RESEND_SECONDS


def test_tcp_waits_for_a_link_that_is_down_but_not_for_ever() -> None:
    stream = Stream(_link("delay=50,down=on;@1 down=off"))
    assert stream.offer(100, 0.0) == pytest.approx(1.05)
    with pytest.raises(TimeoutError):
        Stream(_link("down=on")).offer(100, 0.0)
    assert Stream(_link(f"down=on;@{RESEND_SECONDS * (MAX_RESENDS - 2):.1f} down=off")).offer(1, 0.0) > 0


def test_jitter_that_reorders_packets_keeps_a_stream_in_order() -> None:
    stream = Stream(_link("delay=50,jitter=40,reorder=50"))
    arrivals = [stream.offer(100, i * 0.005) for i in range(300)]
    assert arrivals == sorted(arrivals)
