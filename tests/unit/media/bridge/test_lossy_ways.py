"""What a leg does where packets get lost on their way to us, and what we say on the way back."""

import random

import msgspec

from media.api import Kind
from media.bridge.bridge import Bridge
from media.bridge.leg import Leg
from media.bridge.lossiness import FLUENT_BPS
from media.bridge.uplink import MAX_COPIES
from media.bridge.video import VideoTrack
from media.bwe.loss import LossModel
from media.receive.nack import COPY_INTERVAL, NackGenerator
from media.wire.buffer import PacketBuffer
from media.wire.parity import recovery_bits, string_bytes
from media.wire.rtcp import split_compound
from media.wire.rtcp_feedback import NACK_FORMAT, PLI_FORMAT, build_nack, parse_nack
from media.wire.rtp import RtpPacket, build_packet, parse_packet
from media.wire.transport_cc import TransportFeedback, parse_transport_feedback
from media.wire.ulpfec import build_ulpfec
from media.wire.vp8 import Vp8Descriptor, build_descriptor
from tests.sim.page import TYPES, parameters
from tests.unit.media.bridge.test_leg import Recorder, buffer, picture

RED, ULPFEC = 98, 99
RED_TYPES = msgspec.structs.replace(TYPES, red_video=RED, ulpfec=ULPFEC)


def watched() -> tuple[Bridge, Leg, Recorder, Recorder]:
    bridge = Bridge("call", random.Random(1))
    outlets = Recorder(), Recorder()
    one = bridge.add_leg("one", parameters(1000, RED_TYPES), outlets[0], 0.0)
    bridge.add_leg("two", parameters(2000), outlets[1], 0.0)
    bridge.connect(("one", "two"), 0.0)
    return bridge, one, *outlets


def wrapped(number: int, kind: int, payload: bytes, marker: bool, stamp: int) -> PacketBuffer:
    return buffer(build_packet(RtpPacket(RED, number, stamp, 1002, marker, bytes((kind,)) + payload, ((3, bytes(2)),))))


def media(number: int, picture_id: int, first: bool, last: bool, key: bool = False) -> PacketBuffer:
    head = build_descriptor(Vp8Descriptor(0, first, 0, False, picture_id, 15))
    return wrapped(number, 96, head + bytes((0 if key else 1,)) + bytes(300), last, 3000 * picture_id)


def parity(number: int, covered: int) -> PacketBuffer:
    data = bytearray(build_packet(RtpPacket(96, covered, 3000, 1002, True, bytes(40))))
    return wrapped(
        number, ULPFEC, build_ulpfec(covered, [0], recovery_bits(data), string_bytes(len(data))), False, 3000
    )


def asked_for(recorder: Recorder) -> list[int]:
    raws = [raw for data in recorder.rtcp for raw in split_compound(data)]
    return [
        n
        for raw in raws
        if raw.packet_type == 205 and raw.item_count == NACK_FORMAT
        for n in parse_nack(raw).sequence_numbers
    ]


def test_lost_parity_is_neither_asked_for_nor_waited_for() -> None:
    _, one, own, far = watched()
    one.receive_rtp(media(1, 1, True, True, key=True), 0.01)
    one.receive_rtp(parity(2, 1), 0.011)  # from here on it is known that there is parity
    one.receive_rtp(media(3, 2, True, True), 0.04)
    one.receive_rtp(media(5, 3, True, True), 0.07)  # 4 was parity, and is lost
    one.receive_rtp(media(8, 4, False, True), 0.10)  # 6 was parity again, 7 the picture's first packet: who knows
    one.poll(0.12, 0)
    assert asked_for(own) == [6, 7]
    numbers = [parse_packet(data).sequence_number for data in far.rtp]
    assert [number - numbers[0] for number in numbers] == [0, 1, 2, 5], "a gap only where a picture lacks something"
    one.receive_rtp(media(7, 4, True, False), 0.15)
    own.rtcp.clear()
    one.poll(0.5, 0)
    assert asked_for(own) == [], "now 6 is known to have been parity"


def test_ten_seconds_after_the_last_parity_a_gap_is_a_loss_again() -> None:
    """A page protects only while it is told of loss: until it does so again nothing is kept, and nothing guessed."""
    _, one, own, _ = watched()
    one.receive_rtp(media(1, 1, True, True, key=True), 0.01)
    one.receive_rtp(parity(2, 1), 0.02)
    one.receive_rtp(media(3, 2, True, True), 9.9)
    one.receive_rtp(media(5, 3, True, True), 9.93)
    one.poll(9.95, 0)
    assert asked_for(own) == [], "4 was parity"
    one.receive_rtp(media(6, 4, True, True), 10.1)
    one.receive_rtp(media(8, 5, True, True), 10.13)
    one.poll(10.15, 0)
    assert asked_for(own) == [7]


def test_requests_leave_more_than_once_where_they_get_lost() -> None:
    nack = NackGenerator()
    nack.add(7, 8, 1.0)
    asked = []
    now = 1.0
    while now < 1.3:
        asked += [now] * len(nack.to_ask(now, 0.1, copies=3))
        now += 0.001
    assert len(asked) == 9
    assert 0 <= asked[1] - asked[0] - COPY_INTERVAL < 0.002
    assert round(asked[3] - asked[0], 2) == 0.11, "rounds are a round trip apart, however many copies"


def test_feedback_is_said_again_on_a_lossy_way_but_losses_are_not() -> None:
    _, one, *_ = watched()
    uplink = one.uplink
    uplink.spare(5e6, 0.3)
    assert 1 < uplink.copies < MAX_COPIES
    told: list[list[int]] = []
    for turn in range(4):
        uplink.arrivals.record(turn, float(turn))
        told.append(
            [
                parse_transport_feedback(raw).base_sequence
                for part in uplink.feedback(1, 0, [], float(turn))
                for raw in split_compound(part)
            ]
        )
    assert told == [[0], [0, 1], [0, 1, 2], [1, 2, 3]]
    uplink.loss.limit_bps = 100_000.0  # the link is full: losses are told
    uplink.arrivals.record(5, 4.0)
    (part,) = uplink.feedback(1, 0, [], 4.5)
    (raw,) = split_compound(part)
    assert parse_transport_feedback(raw).deltas[0] is None
    uplink.spare(5e6, 0.0)
    uplink.arrivals.record(6, 5.0)
    assert len(uplink.feedback(1, 0, [], 5.0)) == 1


def test_a_page_that_asks_for_what_is_gone_gets_a_key_frame() -> None:
    bridge, one, own, _ = watched()
    two = bridge.legs["two"]
    one.receive_rtp(picture(1), 0.01)
    [number] = [
        track.rewriter.highest & 0xFFFF for track in two.outbound.values() if track.is_video and track.packets_sent
    ]
    for step in range(1, 150):
        one.poll(step / 100, 0)
        two.poll(step / 100, 0)
    own.rtcp.clear()
    for _ in range(3):
        two.receive_rtcp(build_nack(1, 2011, [number, number + 900]), 1.5)
    one.poll(1.6, 0)
    kinds = [(raw.packet_type, raw.item_count) for data in own.rtcp for raw in split_compound(data)]
    assert kinds.count((206, PLI_FORMAT)) == 1


def test_pictures_come_without_layers_while_a_way_of_theirs_loses_by_chance() -> None:
    bridge, one, *_ = watched()
    wishes: list[tuple[float, bool]] = []
    one.uplink.wish = lambda bps, layers: wishes.append((bps, layers))
    camera, away = one.source(Kind.VIDEO), bridge.legs["two"].downlink
    assert isinstance(camera, VideoTrack)
    for up, down in ((0.0, 0.0), (0.0, 0.1), (0.1, 0.1), (0.1, 0.0), (0.0, 0.0)):
        one.uplink.loss.random_loss = up
        one.uplink.lossiness.take(one.uplink.loss)
        model = LossModel()
        model.random_loss = down
        away.lossiness.take(model)
        camera.wish_fluent()
    assert wishes == [(FLUENT_BPS[0], False), (FLUENT_BPS[1], False), (FLUENT_BPS[0], True)]


def test_a_page_whose_answers_stand_in_a_queue_is_not_taken_for_cut_off() -> None:
    _, one, *_ = watched()
    one.downlink.transport_sequence = 100
    one.rates.feedback(TransportFeedback(1, 2, 0, 0, 0, (4,)), 1.0)
    assert [one.answered_at(now) for now in (9.0, 9.5)] == [9.0, 9.0]
    one.uplink.full = True
    assert one.answered_at(9.5) == float("inf")
