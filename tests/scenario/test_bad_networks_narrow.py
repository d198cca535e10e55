"""Whole calls on links that are narrow, become narrow, or are gone for a while; in virtual time."""

import pytest

from media.api import Slot
from tests.scenario.test_bad_networks import concealed, latest
from tests.sim.call import Call
from tests.sim.people import join, watch_pauses, watched


@pytest.mark.parametrize(("link", "fps", "queue"), [("delay=50,rate=500k", 28, 0.2), ("delay=50,rate=150k", 20, 0.25)])
def test_pictures_follow_a_narrow_link_and_its_queue_stays_short(link: str, fps: float, queue: float) -> None:
    call, customer, agent = watched(link, seconds=4)
    call.run(12)
    now = call.clock.now
    assert concealed(call, customer, agent, 12) == 0.0
    assert customer.seen.fps(now - 12, now) >= fps
    assert customer.down.longest_queue(now - 12) < queue
    assert customer.down.lost == 0


@pytest.mark.parametrize(("link", "way"), [("delay=50,rate=60k", 0.3), ("delay=50,rate=40k", 0.4)])
def test_where_pictures_do_not_fit_they_are_paused_and_voice_goes_on(link: str, way: float) -> None:
    call, customer, agent = watched(link, seconds=4)
    assert customer.paused[-1][1]
    call.run(10)
    now = call.clock.now
    assert customer.paused[-1][1]
    assert customer.seen.fps(now - 10, now) == 0.0
    assert concealed(call, customer, agent, 10) <= 0.01
    assert latest(call, customer, agent, 10) < way
    assert agent.camera.target_bps < 100_000  # nor does the source send them in vain


def test_paused_pictures_come_back_by_probing_when_the_link_widens() -> None:
    call, customer, agent = watched("delay=50,rate=60k;@6 rate=2M", seconds=6)
    assert customer.paused[-1][1]
    call.run(8)
    assert not customer.paused[-1][1]
    assert agent.camera.target_bps > 1_000_000
    assert customer.seen.fps(call.clock.now - 2, call.clock.now) > 28
    assert agent.microphone.payload_bytes == 80


def test_a_step_down_is_followed_at_once_and_a_step_up_within_eight_seconds() -> None:
    call, customer, agent = watched("delay=50,rate=2M;@6 rate=300k;@16 rate=2M", seconds=6)
    answered = call.clock.now - 6
    call.run(10)
    down = customer.down
    assert down.longest_queue(answered + 9, answered + 16) < 0.3  # what had piled up before we could know is gone
    assert customer.heard.concealed(agent.microphone.spoken, answered + 9.5, answered + 15) == 0.0
    assert customer.seen.fps(answered + 11, answered + 16) > 25
    call.run(8)
    assert agent.camera.target_bps > 1_000_000
    assert customer.seen.fps(call.clock.now - 2, call.clock.now) > 28


def test_an_outage_is_over_when_it_is_over() -> None:
    call, customer, agent = watched("delay=50;@5 down=on;@7 down=off", seconds=7)
    call.run(3)
    now = call.clock.now
    assert customer.heard.concealed(agent.microphone.spoken, now - 2.8, now - 0.5) == 0.0
    assert customer.seen.fps(now - 1.0, now) > 25
    call.run(5)
    assert agent.camera.target_bps > 1_000_000
    assert not customer.paused


def test_a_weak_third_limits_the_source_but_nobody_else_s_protection_or_voice() -> None:
    """Two receivers of one source share what its encoder makes, and nothing else."""
    call = Call()
    agent = join(call, "agent")
    strong = join(call, "customer", camera=False)
    weak = join(call, "supervisor", camera=False)
    weak.paused = watch_pauses(call, "supervisor", agent)
    strong.paused = watch_pauses(call, "customer", agent)
    call.run(2)
    weak.down.shape("delay=50,rate=400k,loss=10")
    call.connect("agent", "customer", "supervisor")
    call.run(8)
    now = call.clock.now
    assert strong.flexfec_octets == 0
    assert strong.heard.copies == 0
    assert strong.heard.concealed(agent.microphone.spoken, now - 6, now - 0.5) == 0.0
    assert strong.seen.fps(now - 5, now) > 29
    assert not strong.paused
    assert weak.flexfec_octets > 0
    assert weak.heard.concealed(agent.microphone.spoken, now - 5, now - 0.5) <= 0.02
    rates = [rate for time, rate, _ in agent.rates if now - 6 < time]
    assert min(rates) < 450_000  # two voices with their copies come first


def test_a_third_without_room_for_pictures_stops_only_its_own() -> None:
    call = Call()
    agent = join(call, "agent")
    strong = join(call, "customer", camera=False)
    weak = join(call, "supervisor", camera=False)
    weak.paused = watch_pauses(call, "supervisor", agent)
    weak.down.shape("delay=50,rate=60k")
    call.run(2)
    call.connect("agent", "customer", "supervisor")
    call.run(8)
    now = call.clock.now
    assert weak.paused[-1][1]
    assert weak.sinks[Slot.MAIN].packets == {}
    assert strong.seen.fps(now - 4, now) > 29
    assert agent.camera.target_bps > 1_500_000
