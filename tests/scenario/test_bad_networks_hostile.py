"""Feedback that lies, storms of it, and peers that know less: bounded work, and nobody else notices."""

import random
import struct
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from media.bridge.parameters import PayloadTypes
from media.wire.rtcp import TRANSPORT_FEEDBACK
from media.wire.rtcp_feedback import TRANSPORT_CC_FORMAT, ReceiverEstimate, build_nack, build_remb
from media.wire.rtp import RtpPacket, build_packet
from media.wire.transport_cc import TransportFeedback, build_transport_feedback
from tests.sim.browser import Browser
from tests.sim.call import Call
from tests.sim.people import join, watched
from tests.sim.source import OPUS, RED_AUDIO, VP8, VP8_RTX


def both(call: Call, customer: Browser, agent: Browser, seconds: float) -> tuple[float, float]:
    """Concealment and pictures a second of the honest listener (the agent) in the last seconds."""
    now = call.clock.now
    heard = agent.heard.concealed(customer.microphone.spoken, now - seconds, now - 0.5)
    return heard, agent.seen.fps(now - seconds, now)


def pair(**changes: object) -> tuple[Call, Browser, Browser]:
    """Both with cameras; the customer is the one to misbehave."""
    call = Call()
    customer = join(call, "customer", max_bps=800_000, **changes)
    agent = join(call, "agent", max_bps=800_000)
    call.run(2)
    call.connect("customer", "agent")
    call.run(2)
    return call, customer, agent


def impossible(rng: random.Random, around: int) -> bytes:
    """Feedback in form, about numbers never sent, with arrivals before departures and from years ago."""
    deltas = tuple(rng.choice([None, 0, 1, 255, -32768, 32767]) for _ in range(rng.randrange(1, 900)))
    base = (around + rng.choice([0, -50, 5000, 32768, rng.randrange(65536)])) & 0xFFFF
    return build_transport_feedback(TransportFeedback(1, 2, base, rng.randrange(1 << 24) - (1 << 23), 0, deltas))


def test_impossible_transport_feedback_hurts_only_who_sends_it() -> None:
    call, customer, agent = pair()
    rng = random.Random(5)
    leg = call.legs["customer"]
    sent = call.outlets["customer"].retransmissions
    call.clock.every(0.01, lambda: leg.receive_rtcp(impossible(rng, leg.downlink.transport_sequence), call.clock.now))
    call.run(5)
    target = leg.rates.estimator.target_bps
    assert 0 < target < 1e8
    concealed, fps = both(call, customer, agent, 4)
    assert concealed == 0.0
    assert fps > 29
    assert call.outlets["customer"].retransmissions - sent < 5 * 1200


def test_a_storm_of_nacks_is_answered_within_bounds() -> None:
    call, customer, agent = pair()
    leg = call.legs["customer"]
    video = customer.seen

    def storm() -> None:
        for first in range(0, 250, 50):
            numbers = [(video.highest - first - index) & 0xFFFF for index in range(50)]
            leg.receive_rtcp(build_nack(1, video.ssrc, numbers), call.clock.now)

    before = customer.down.octets
    call.clock.every(0.005, storm)
    call.run(5)
    assert (customer.down.octets - before) * 8 / 5 < 2 * leg.rates.estimator.target_bps + 200_000
    assert both(call, customer, agent, 4) == (0.0, pytest.approx(30, abs=1))
    now = call.clock.now
    assert customer.heard.concealed(agent.microphone.spoken, now - 4, now - 0.5) == 0.0


@pytest.mark.parametrize("bps", [0, 1, (1 << 63), (0x3FFFF << 63)])
@pytest.mark.parametrize("transport_cc", [True, False])
def test_absurd_estimates_move_nothing(bps: int, *, transport_cc: bool) -> None:
    call, customer, agent = pair(transport_cc=transport_cc)
    call.clock.every(0.2, lambda: customer.up.send(build_remb(ReceiverEstimate(1, bps, (customer.seen.ssrc,)))))
    call.run(4)
    assert both(call, customer, agent, 3) == (0.0, pytest.approx(30, abs=1))
    if transport_cc or bps != 1:
        assert customer.seen.fps(call.clock.now - 3, call.clock.now) > 28


@cache
def held() -> tuple[Call, Browser, Browser]:
    """One call for all examples."""
    return pair()


@given(st.binary(min_size=1, max_size=40), st.sampled_from([RED_AUDIO, VP8_RTX, 98, 100, 101]), st.booleans())
@settings(max_examples=60)
def test_red_and_parity_with_lying_lengths_are_dropped(payload: bytes, payload_type: int, voice: bool) -> None:
    call, customer, agent = held()
    stream = customer.audio if voice else customer.video
    number = (stream.sequence - 3) & 0xFFFF
    packet = RtpPacket(payload_type, number, stream.timestamp(), stream.ssrc, payload=payload)
    customer.up.send(build_packet(packet))
    call.run(0.05)
    assert agent.heard.conflicts == agent.seen.conflicts == 0
    assert len(agent.heard.heard) > customer.microphone.number - 250


def test_random_bytes_in_the_place_of_transport_feedback_are_counted() -> None:
    call, customer, agent = pair()
    rng = random.Random(9)

    def garbage() -> None:
        body = rng.randbytes(4 * rng.randrange(2, 40))
        head = struct.pack("!BBH", 0x80 | TRANSPORT_CC_FORMAT, TRANSPORT_FEEDBACK, len(body) // 4)
        call.legs["customer"].receive_rtcp(head + body, call.clock.now)

    call.clock.every(0.02, garbage)
    call.run(3)
    assert call.bridge.counters.rtcp_malformed > 50
    assert both(call, customer, agent, 2) == (0.0, pytest.approx(30, abs=1))


def test_a_page_without_transport_feedback_is_led_by_its_own_estimate() -> None:
    """Firefox of old and others: REMB only."""
    call, customer, agent = watched(seconds=0.5, transport_cc=False)
    call.clock.every(0.3, lambda: customer.send_remb(500_000))
    call.run(8)
    now = call.clock.now
    assert customer.padding_octets == 0
    assert 250_000 < agent.camera.target_bps < 500_000
    assert customer.seen.fps(now - 4, now) > 28
    customer_leg = call.legs["customer"]
    assert customer_leg.rates.estimator.target_bps == 500_000


def test_a_page_without_red_and_parity_is_repaired_by_retransmission_alone() -> None:
    types = PayloadTypes(opus=OPUS, vp8=VP8, vp8_rtx=VP8_RTX)
    call, customer, agent = watched("delay=30,loss=10", seconds=3, types=types, back="delay=30")
    call.run(8)
    now = call.clock.now
    assert customer.seen.fps(now - 8, now) > 26
    assert customer.flexfec_octets == customer.heard.copies == 0
    assert agent.camera.target_bps > 1_000_000


def test_a_call_without_pictures_has_its_voice_protected() -> None:
    call = Call()
    customer, agent = join(call, "customer", camera=False), join(call, "agent", camera=False)
    customer.down.shape("delay=50,loss=20")
    call.run(2)
    call.connect("customer", "agent")
    call.run(10)
    now = call.clock.now
    assert customer.heard.copies > 0
    assert customer.heard.concealed(agent.microphone.spoken, now - 7, now - 0.5) <= 0.01
    assert not customer.seen.packets


def test_hold_and_mute_while_pictures_are_paused_leave_nothing_behind() -> None:
    call, customer, _ = watched("delay=50,rate=60k;@10 rate=2M", seconds=4)
    assert customer.paused[-1][1]
    call.bridge.hold(True, call.clock.now)
    call.run(3)
    call.bridge.hold(False, call.clock.now)
    call.run(11)
    now = call.clock.now
    assert not customer.paused[-1][1]
    assert customer.seen.fps(now - 2, now) > 27
    assert customer.seen.conflicts == customer.heard.conflicts == 0


def test_numbers_of_the_transport_are_not_skipped_by_what_waits() -> None:
    _, customer, _ = watched("delay=50,rate=300k,queue=400k", seconds=6)
    numbers = customer.transport_numbers
    assert len(set(numbers)) == len(numbers)
    assert all((after - before) & 0xFFFF == 1 for before, after in pairwise(numbers))
