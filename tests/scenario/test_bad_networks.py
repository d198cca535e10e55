"""Whole calls on bad links in virtual time: what a listener behind one hears and sees."""

from itertools import pairwise

import pytest

from tests.sim.browser import Browser
from tests.sim.call import Call, two_people
from tests.sim.people import watched

SETTLED = 3.0
"""Seconds after the answer from which on the laws hold."""


def concealed(call: Call, customer: Browser, agent: Browser, seconds: float) -> float:
    """Share of what the agent said in the last seconds that the customer did not hear in time."""
    now = call.clock.now
    return customer.heard.concealed(agent.microphone.spoken, now - seconds, now - 0.5)


def latest(call: Call, customer: Browser, agent: Browser, seconds: float) -> float:
    """The longest way of a word of the last seconds."""
    now = call.clock.now
    return customer.heard.latest(agent.microphone.spoken, now - seconds, now - 0.5)


def test_a_clean_link_carries_no_protection_and_full_rate_after_three_seconds() -> None:
    call, customer, agent = watched(seconds=SETTLED)
    repair = customer.rtx_octets
    assert repair < 30_000  # a probe or two made of pictures
    call.run(5)
    assert agent.camera.target_bps >= agent.camera.max_bps
    assert customer.rtx_octets == repair
    assert customer.flexfec_octets == customer.heard.copies == customer.heard.joined == 0
    assert concealed(call, customer, agent, 5) == 0.0
    assert customer.seen.fps(call.clock.now - 5, call.clock.now) == pytest.approx(30.0, abs=0.3)
    assert latest(call, customer, agent, 5) < 0.02 + 0.05 + 0.005


def test_the_pacer_delays_nothing_on_a_clean_link() -> None:
    call, _, agent = watched(seconds=SETTLED)
    pacer = call.legs["customer"].downlink.pacer
    waited = []
    call.clock.every(0.003, lambda: waited.append(pacer.waiting))
    call.run(3)
    assert agent.camera.target_bps > 1_900_000
    assert not any(waited)


@pytest.mark.parametrize(
    ("link", "residual", "fps", "kept_bps"),
    [
        ("delay=50,loss=10", 0.002, 29, 1_500_000),
        ("delay=50,loss=10,burst=5", 0.01, 28, 1_500_000),
        ("delay=50,loss=20", 0.004, 28, 1_200_000),
        ("delay=50,loss=30", 0.01, 28, 650_000),
        ("delay=50,loss=50", 0.045, 15, 500_000),
    ],
)
def test_random_loss_costs_neither_rate_nor_voice_nor_pictures(
    link: str, residual: float, fps: float, kept_bps: float
) -> None:
    call, customer, agent = watched(link, seconds=SETTLED)
    call.run(12)
    now = call.clock.now
    assert concealed(call, customer, agent, 12) <= residual
    assert customer.seen.fps(now - 12, now) >= fps
    assert min(rate for time, rate, _ in agent.rates if time > now - 12) > kept_bps
    assert customer.seen.restored > 20  # parity is understood
    assert customer.seen.wrong == customer.seen.conflicts == customer.heard.conflicts == 0


@pytest.mark.parametrize(
    ("link", "residual"),
    [("delay=50,loss=10", 0.005), ("delay=50,loss=10,burst=5", 0.01), ("delay=50,loss=30", 0.02)],
)
def test_random_loss_on_the_uplink_is_repaired_and_not_told(link: str, residual: float) -> None:
    call, customer, agent = watched(up=link, seconds=SETTLED)
    call.run(10)
    now = call.clock.now
    assert concealed(call, customer, agent, 10) <= residual
    assert customer.seen.fps(now - 10, now) >= 28
    assert agent.camera.target_bps > 1_000_000  # its own loss rule would have halved it every few seconds
    assert call.bridge.counters.losses_concealed > 100
    assert agent.voice_resent > 0


def test_loss_both_ways_is_repaired_twice() -> None:
    call, customer, agent = watched("delay=50,loss=30", "delay=50,loss=30", seconds=SETTLED)
    call.run(10)
    assert concealed(call, customer, agent, 10) <= 0.02
    assert customer.seen.fps(call.clock.now - 10, call.clock.now) >= 27


def test_what_feedback_tells_is_sent_again_where_requests_get_lost() -> None:
    """A request and its answer both have to come; feedback is a second word of the same loss."""
    call, customer, _ = watched("delay=50,loss=30", back="delay=50,loss=30", seconds=SETTLED)
    call.run(15)
    now = call.clock.now
    gaps = [after - before for before, after in pairwise(customer.seen.shown) if before > now - 15]
    assert sum(gap for gap in gaps if gap > 0.2) < 4.0  # 5.2 by requests alone
    assert customer.seen.fps(now - 15, now) > 29


def test_the_whole_path_s_loss_switches_on_the_encoder_s_own_correction() -> None:
    _, customer, agent = watched("delay=50,loss=20", "delay=20,loss=10", seconds=6)
    far = agent.fraction_lost[agent.audio.ssrc]
    assert 0.15 < far < 0.45  # 1 - 0.8 * 0.9 = 0.28
    assert customer.fraction_lost[customer.audio.ssrc] < 0.05


@pytest.mark.parametrize(
    ("link", "capacity", "fps"), [("delay=50,rate=300k", 300_000, 28), ("delay=50,rate=600k,queue=8k", 600_000, 15)]
)
def test_a_narrow_uplink_is_told(link: str, capacity: float, fps: float) -> None:
    """With a deep queue by delay, with a shallow one (a policer) by loss: what we conceal is only random loss."""
    call, customer, agent = watched(up=link, seconds=5)
    call.run(10)
    now = call.clock.now
    rates = [rate for time, rate, _ in agent.rates if time > now - 8]
    assert sum(rates) / len(rates) < capacity
    assert agent.up.longest_queue(now - 8) < 0.3
    assert customer.seen.fps(now - 8, now) > fps


def test_a_page_is_told_to_hold_what_it_plays_while_the_way_to_it_loses() -> None:
    call, customer, _agent = two_people()
    call.connect("customer", "agent")
    call.run(3)
    assert call.holds == {}
    customer.up.loss = 0.2
    call.run(4)
    assert list(call.holds) == ["agent"], "the customer's own downlink is clean"
    assert 0.2 < call.holds["agent"] < 0.3
    customer.up.loss = 0.0
    call.run(30)
    assert call.holds["agent"] == 0.0
