"""A leg against any bytes, and what it keeps to itself."""

import gc
import random
from collections import Counter
from collections.abc import Callable

import msgspec
from hypothesis import given, strategies as st

from media.api import Kind
from media.bridge.bridge import Bridge
from media.bridge.inbound import InboundStream
from media.bridge.leg import Leg
from media.bridge.outbound import OutboundTrack
from media.bridge.rate_control import RateControl
from media.bridge.rtcp_input import RtcpInput
from media.bridge.stage import Clip
from media.bridge.streams import InboundStreams
from media.wire.buffer import PacketBuffer
from media.wire.rtcp import parse_goodbye, split_compound
from media.wire.rtp import RtpPacket, build_packet, parse_packet
from tests.sim.page import parameters

NTP = 0xE000_0000 << 32


class Recorder:
    def __init__(self) -> None:
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []

    def send_rtp(self, packet: PacketBuffer) -> None:
        self.rtp.append(packet.tobytes())

    def send_rtp_bytes(self, data: bytes) -> None:
        self.rtp.append(data)

    def send_rtcp(self, data: bytes) -> None:
        self.rtcp.append(data)


def joined() -> tuple[Bridge, Leg, Leg, Recorder, Recorder]:
    bridge = Bridge("call", random.Random(1))
    outlets = Recorder(), Recorder()
    one = bridge.add_leg("one", parameters(1000), outlets[0], 0.0)
    two = bridge.add_leg("two", parameters(2000), outlets[1], 0.0)
    bridge.connect(("one", "two"), 0.0)
    return bridge, one, two, *outlets


def buffer(data: bytes) -> PacketBuffer:
    packet = PacketBuffer(memoryview(bytearray(b"\xaa" * 8 + data + b"\x55" * 64)))
    packet.start, packet.end = 8, 8 + len(data)
    return packet


SSRCS = st.sampled_from([1001, 1002, 1003, 7])
TYPES = st.sampled_from([111, 63, 96, 97, 102, 0])
HEADERS = st.builds(
    lambda first, payload_type, marker, number, ssrc: (
        bytes((first, payload_type | marker)) + number.to_bytes(2) + bytes(4) + ssrc.to_bytes(4)
    ),
    st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0x91, 0x8F]),
    TYPES,
    st.sampled_from([0, 0x80]),
    st.integers(0, 0xFFFF),
    SSRCS,
)
REAL = st.builds(
    lambda payload_type, number, ssrc, payload, padding: build_packet(
        RtpPacket(payload_type, number, 1, ssrc, False, payload, ((3, b"\x00\x01"), (4, b"1")), padding=padding)
    ),
    TYPES,
    st.integers(0, 300),
    SSRCS,
    st.binary(max_size=40),
    st.integers(0, 40),
)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.tuples(HEADERS, st.binary(max_size=40)).map(b"".join), REAL), max_size=40
    )
)
def test_no_rtp_can_raise_and_what_leaves_is_well_formed(packets: list[bytes]) -> None:
    _, one, two, first, second = joined()
    for index, data in enumerate(packets):
        packet = buffer(data)
        one.receive_rtp(packet, index / 100)
        assert bytes(packet.view[:8]) == b"\xaa" * 8
        assert bytes(packet.view[8 + len(data) :]) == b"\x55" * 64
        one.poll(index / 100, NTP)
        two.poll(index / 100, NTP)
    assert not [data for data in first.rtp if parse_packet(data).payload]  # probes are padding
    for data in second.rtp:
        parse_packet(data)


@given(
    st.lists(
        st.tuples(st.integers(0, 31), st.sampled_from([200, 201, 202, 203, 205, 206]), st.binary(max_size=64)),
        max_size=30,
    )
)
def test_no_rtcp_can_raise(packets: list[tuple[int, int, bytes]]) -> None:
    _, one, _, _, _ = joined()
    for index, (count, kind, body) in enumerate(packets):
        body += bytes(-len(body) % 4)
        one.receive_rtcp(bytes((0x80 | count, kind)) + (len(body) // 4).to_bytes(2) + body, index / 100)
        one.receive_rtcp(body, index / 100)
        one.poll(index / 100, NTP)
        assert one.last_received == index / 100


def audio(number: int) -> PacketBuffer:
    return buffer(
        build_packet(RtpPacket(111, number, number * 960, 1001, False, b"sound", ((3, b"\x00\x01"), (4, b"0"))))
    )


def test_everything_the_receiver_should_see_is_rewritten_and_nothing_else() -> None:
    _, one, _, _, second = joined()
    source = RtpPacket(
        111, 7, 960, 1001, True, b"sound", ((2, b"abc"), (3, b"\xff\xff"), (1, b"\x8a"), (4, b"0"), (9, b"other"))
    )
    one.receive_rtp(buffer(build_packet(source)), 2.0)
    packet = parse_packet(second.rtp[0])
    assert (packet.ssrc, packet.payload, packet.marker, packet.payload_type) == (2010, b"sound", True, 111)
    assert packet.extension(3) == b"\x00\x00"
    assert packet.extension(2) == (2 << 18).to_bytes(3)
    assert packet.extension(1) == b"\x8a"
    assert packet.extension(4) == b"0"
    assert packet.extension(9) == b"other"


def test_nothing_leaves_before_connect_or_after_leaving() -> None:
    bridge, one, two, first, second = joined()
    bridge.connect((), 0.0)
    one.receive_rtp(audio(1), 0.1)
    assert second.rtp == []
    bridge.connect(("one", "two"), 0.2)
    one.receive_rtp(audio(2), 0.2)
    assert len(second.rtp) == 1
    bridge.remove_leg("one", 0.3)
    one.receive_rtp(audio(3), 0.3)
    one.receive_rtcp(b"", 0.3)
    one.poll(0.3, NTP)
    assert len(second.rtp) == 1
    assert bridge.counters.packets_after_close == 1
    assert bridge.connected == ("two",)
    goodbye = list(split_compound(first.rtcp[-1]))[-1]
    assert parse_goodbye(goodbye).ssrcs == (1010,)
    two.close(0.4)
    two.close(0.4)
    assert one.next_timeout() == float("inf")


def test_connect_is_idempotent_and_waits_for_who_is_not_there() -> None:
    bridge, one, _, first, second = joined()
    one.receive_rtp(audio(1), 0.1)
    asked = len(first.rtcp)
    for _ in range(3):
        bridge.connect(("one", "two", "nobody", "one"), 0.2)
    one.receive_rtp(audio(2), 0.2)
    assert bridge.connected == ("one", "two")
    assert len(first.rtcp) == asked
    numbers = [parse_packet(data).sequence_number for data in second.rtp]
    assert numbers[1] == numbers[0] + 1
    bridge.remove_leg("nobody", 0.3)


def test_a_leg_may_be_muted_before_it_is_ready() -> None:
    bridge, *_, first, _ = joined()
    bridge.mute("late", Kind.AUDIO, True, 0.0)
    late = bridge.add_leg("late", parameters(1000), Recorder(), 0.1)
    bridge.connect(("one", "late"), 0.1)
    late.receive_rtp(audio(1), 0.2)
    assert first.rtp == []
    bridge.mute("late", Kind.AUDIO, False, 0.3)
    late.receive_rtp(audio(2), 0.3)
    assert len(first.rtp) == 1


def test_a_leg_that_was_connected_before_it_was_ready_joins_when_it_is() -> None:
    bridge = Bridge("call", random.Random(1))
    early, late = Recorder(), Recorder()
    one = bridge.add_leg("one", parameters(1000), early, 0.0)
    bridge.connect(("one", "two"), 0.0)
    assert bridge.connected == ("one",)
    bridge.add_leg("two", parameters(2000), late, 0.1)
    one.receive_rtp(audio(1), 0.2)
    assert len(late.rtp) == 1
    assert len(early.rtcp) == 1  # the key frame is asked for when the leg joins
    bridge.remove_leg("two", 0.3)
    again = Recorder()
    bridge.add_leg("two", parameters(2000), again, 0.4)
    one.receive_rtp(audio(2), 0.5)
    assert again.rtp == []  # who left has to be connected anew


def test_counters_are_named_numbers() -> None:
    bridge, one, *_ = joined()
    one.receive_rtp(buffer(b"x" * 20), 0.0)
    counters = bridge.counters.as_dict()
    assert counters["rtp_malformed"] == 1
    assert all(isinstance(value, int) for value in counters.values())


def test_voice_has_transport_wide_numbers_only_where_its_line_took_the_extension() -> None:
    """Feedback that leaves voice out would make it look lost (Firefox takes the extension on video lines at first)."""
    for counted, last in ((True, 9), (False, -1)):
        bridge = Bridge("call", random.Random(1))
        outlet = Recorder()
        speaker = bridge.add_leg("one", parameters(1000), Recorder(), 0.0)
        wanted = parameters(2000)
        slots = tuple(msgspec.structs.replace(slot, counted=counted) for slot in wanted.outbound)
        listener = bridge.add_leg("two", msgspec.structs.replace(wanted, outbound=slots), outlet, 0.0)
        bridge.connect(("one", "two"), 0.0)
        for number in range(10):
            packet = RtpPacket(111, number, 960 * number, 1001, False, b"voice", ((3, bytes(2)), (4, b"0")))
            speaker.receive_rtp(buffer(build_packet(packet)), 0.02 * number)
        assert len(outlet.rtp) == 10
        assert listener.downlink.transport_sequence == last


def test_a_closed_leg_and_its_call_are_freed_without_the_collector() -> None:
    """The shell's callbacks refer to the call, as do stages, and packets that wait in the pacer to their track."""
    gc.collect()
    before = alive()
    gc.disable()
    try:
        bridge, one, two, *_ = joined()
        bridge.play("one", Clip("music", voice=(b"\xf8silence",), repeat=True), 0.0)
        for leg in (one, two):
            leg.media_started = leg.rates.video_paused = leg.uplink.wish = leg.wish_playout = _keeping(bridge)
        two.downlink.pacer.target_bps = 1000.0
        for number in range(40):
            one.receive_rtp(audio(number), 0.01 * number)
            one.receive_rtp(picture(number), 0.01 * number)
            one.poll(0.01 * number, NTP)
        assert two.downlink.pacer.waiting
        bridge.remove_leg("two", 1.0)
        del two, leg
        assert alive()["Leg"] == before["Leg"] + 1
        bridge.remove_leg("one", 1.0)
        del bridge, one
        assert alive() == before
    finally:
        gc.enable()


def alive() -> Counter[str]:
    """How many there are of all calls, by class; most take no weak references."""
    parts = (Bridge, Leg, RateControl, RtcpInput, InboundStreams, InboundStream, OutboundTrack)
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, parts))


def _keeping(bridge: Bridge) -> Callable[[object], None]:
    return lambda _: bridge.rejoin(0.0)


def picture(number: int) -> PacketBuffer:
    """A VP8 key frame in one packet."""
    payload = b"\x10\x00\x00\x00\x9d\x01\x2a" + bytes(900)
    return buffer(build_packet(RtpPacket(96, number, 900 * number, 1002, True, payload, ((3, bytes(2)), (4, b"1")))))
