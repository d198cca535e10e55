"""Hostile or broken peers: bounded work, counted, and nothing of it on the other leg."""

import random

from media.api import Slot
from media.wire.rtcp import MAX_RTCP_BYTES
from media.wire.rtcp_feedback import ReceiverEstimate, build_nack, build_remb
from tests.sim.call import two_people


def test_a_storm_of_nacks_does_not_amplify() -> None:
    call, customer, agent = two_people()
    agent.asks = False
    call.connect("customer", "agent")
    call.run(2)
    sink = agent.sinks[Slot.MAIN]

    def storm() -> None:
        newest = sink.highest & 0xFFFF
        agent.up.send(build_nack(1, sink.ssrc, [(newest - back) & 0xFFFF for back in range(119, -1, -1)]))

    before = agent.down.sent
    call.clock.every(0.002, storm)
    call.run(3)
    assert call.bridge.counters.retransmissions_sent <= 300 + 3 * 600
    assert agent.down.sent - before < 3 * (170 + 600) + 300 + 100
    assert call.bridge.counters.retransmissions_refused > 1000
    assert call.bridge.counters.rtcp_dropped_rate > 300
    assert len(customer.sinks[Slot.MAIN].decodable()) > 140


def test_the_same_number_is_not_resent_within_a_round_trip() -> None:
    call, customer, agent = two_people()
    agent.asks = False
    call.connect("customer", "agent")
    call.run(4)
    sink = agent.sinks[Slot.MAIN]
    number = sink.highest & 0xFFFF
    for _ in range(5):
        agent.up.send(build_nack(1, sink.ssrc, [number]))
    call.run(0.2)
    assert call.bridge.counters.retransmissions_sent == 1
    agent.up.send(build_nack(1, sink.ssrc, [number]))
    call.run(0.2)
    assert call.bridge.counters.retransmissions_sent == 2
    assert customer.camera.resent == 0


def test_rubbish_is_counted_and_the_call_goes_on() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(1)
    dice = random.Random(5)

    def rubbish() -> None:
        size = dice.choice((0, 1, 11, 12, 40, 400, 1499))
        leg = call.legs["customer"]
        data = bytes((dice.randrange(256), dice.randrange(256))) + dice.randbytes(size)
        leg.receive_rtcp(
            bytes((0x80 | dice.randrange(32), dice.choice((200, 201, 202, 203, 205, 206)))) + data, call.clock.now
        )
        call._deliver(leg, data)

    call.clock.every(0.01, rubbish)
    call.clock.every(0.05, lambda: call.legs["customer"].receive_rtcp(bytes(MAX_RTCP_BYTES + 1), call.clock.now))
    call.run(4)
    counters = call.bridge.counters
    assert counters.rtp_malformed > 50
    assert counters.rtcp_malformed > 50
    assert len(customer.sinks[Slot.MAIN].decodable()) > 100
    assert len(agent.sinks[Slot.AUDIO].packets) > 180


def test_made_up_sources_and_estimates_change_nothing() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(1)
    for rate in (0, 1 << 62):
        agent.up.send(build_remb(ReceiverEstimate(1, rate, (agent.sinks[Slot.MAIN].ssrc,))))
    for ssrc in range(50):
        customer.audio.ssrc = 77000 + ssrc  # more changes of SSRC than any page makes
        customer.microphone.tick()
        call.run(0.001)
    call.run(2)
    leg = call.legs["customer"]
    assert len(leg.streams.by_ssrc) <= 3
    assert call.bridge.counters.ssrc_changes <= 12
    assert len(agent.sinks[Slot.MAIN].decodable()) > 80


def test_a_sequence_that_jumps_does_not_ask_for_thousands() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(1)
    customer.video.sequence = (customer.video.sequence + 2500) & 0xFFFF
    call.run(1)
    customer.video.sequence = (customer.video.sequence + 30000) & 0xFFFF
    call.run(2)
    assert call.stats("customer").nacks_sent <= 500
    assert agent.sinks[Slot.MAIN].decodable()[-1].number > customer.camera.frame - 6
    assert call.bridge.counters.sequence_restarts == 1
