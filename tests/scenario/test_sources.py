"""Sources that change under the bridge: other SSRCs, other codecs, padding, pages that restart."""

from dataclasses import dataclass

from msgspec.structs import replace

from media.api import Kind, Slot
from media.bridge.parameters import LegParameters, PayloadTypes
from media.wire.buffer import PacketBuffer
from media.wire.layout import LayoutIds, read_layout
from media.wire.parity import combine, recovery_bits, string_bytes
from media.wire.red import build_red
from media.wire.rtcp import Goodbye, build_goodbye, is_rtcp, split_compound
from media.wire.ulpfec import build_ulpfec
from tests.sim.call import Call, two_people
from tests.sim.page import TYPES, Page, parameters
from tests.sim.source import OPUS, RED_AUDIO, VP8


def with_page(types: PayloadTypes) -> tuple[Call, Page, Page]:
    """A customer who accepts everything and an agent who accepts `types`, connected."""
    call = Call()
    customer = call.join("customer")
    agent = call.join("agent", Page(call.clock, 2000, 9, parameters(2000, types)))
    call.connect("customer", "agent")
    return call, customer, agent


def test_a_page_that_restarts_its_tracks_is_followed() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(2)
    customer.audio.ssrc, customer.video.ssrc = 501, 502
    customer.audio.sequence, customer.video.sequence = 3, 60000
    customer.audio.timestamp_at_zero = customer.video.timestamp_at_zero = 99
    customer.camera.rtx_ssrc = 503
    customer.up.loss = 0.1
    call.run(4)
    customer.up.loss = 0.0
    call.run(1.5)
    assert call.bridge.counters.ssrc_changes == 3
    video = agent.sinks[Slot.MAIN]
    assert video.missing() == []
    assert video.decodable()[-1].number > customer.camera.frame - 6
    assert max(agent.sinks[Slot.AUDIO].timestamps()) - min(agent.sinks[Slot.AUDIO].timestamps()) < 8 * 48000


def test_sources_that_were_not_announced_are_known_by_mid_or_payload_type() -> None:
    for sends_mid in (True, False):
        call = Call()
        unannounced = LegParameters(
            "server",
            parameters(1000).extensions,
            tuple(type(slot)(slot.mid, slot.slot, slot.kind, slot.payload_types) for slot in parameters(1000).inbound),
            parameters(1000).outbound,
        )
        customer = call.join("customer", Page(call.clock, 1000, 4, unannounced))
        customer.audio.sends_mid = customer.video.sends_mid = sends_mid
        agent = call.join("agent")
        call.connect("customer", "agent")
        customer.up.loss = 0.05
        call.run(4)
        customer.up.loss = 0.0
        call.run(1.5)
        assert agent.sinks[Slot.MAIN].missing() == []
        assert len(agent.sinks[Slot.MAIN].decodable()) > 140
        assert len(agent.sinks[Slot.AUDIO].packets) > 230


def test_padding_is_not_forwarded_and_leaves_no_gap() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.clock.every(0.1, lambda: customer.video.send(b"", padding=200))
    call.run(4)
    video = agent.sinks[Slot.MAIN]
    assert video.missing() == []
    assert all(packet.payload and not packet.padding for packet in video.in_order())
    assert len(video.decodable()) == len(video.frames()) > 110


def test_red_audio_ends_at_the_uplink_and_brings_back_what_was_lost() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    customer.microphone.on = False
    spoken: list[bytes] = []
    send_rtp = customer.audio.transport.send_rtp

    def talk() -> None:
        spoken.append(b"talk" + len(spoken).to_bytes(4))
        older = [(OPUS, 960, spoken[-2])] if len(spoken) > 1 else []
        customer.audio.payload_type = RED_AUDIO
        lost = len(spoken) % 5 == 0
        customer.audio.transport.send_rtp = (lambda data: None) if lost else send_rtp
        customer.audio.send(build_red(older, OPUS, spoken[-1]), level=20)

    call.clock.every(0.02, talk)
    call.run(2)
    heard = agent.sinks[Slot.AUDIO]
    assert heard.missing() == []
    assert {packet.payload_type for packet in heard.in_order()} == {OPUS}
    words = [packet.payload for packet in heard.in_order()]
    assert words == spoken[: len(words)]
    assert len(words) > 80


def test_a_codec_the_far_side_lacks_is_dropped_and_counted() -> None:
    call, _, agent = with_page(PayloadTypes(opus=OPUS, h264=102))
    call.run(2)
    assert agent.sinks[Slot.MAIN].packets == {}
    assert agent.sinks[Slot.AUDIO].packets
    assert call.bridge.counters.packets_dropped_codec > 100


@dataclass
class Started:
    kinds: list[Kind]


def test_media_started_is_told_once_a_kind() -> None:
    call = Call()
    page = call.join("customer", sending=False)
    started = Started([])
    call.legs["customer"].media_started = started.kinds.append
    page.microphone.tick()
    page.microphone.tick()
    page.camera.tick()
    call.run(1)
    assert started.kinds == [Kind.AUDIO, Kind.VIDEO]
    assert call.legs["customer"].started_kinds == {Kind.AUDIO, Kind.VIDEO}


def test_a_source_that_said_goodbye_may_come_back() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(1)
    customer.camera.on = False
    call.run(0.2)
    customer.up.send(build_goodbye(Goodbye((customer.video.ssrc,))))
    call.run(1)
    customer.camera.on = True
    call.run(2)
    video = agent.sinks[Slot.MAIN]
    assert video.missing() == []
    assert video.decodable()[-1].number > customer.camera.frame - 6


def test_statistics_tell_what_happened() -> None:
    call, customer, agent = two_people()
    call.connect("customer", "agent")
    call.run(2)
    customer.up.loss = 0.1
    call.run(4)
    up, down = call.stats("customer"), call.stats("agent")
    assert up.packets_lost_uplink > 30
    assert 0.02 < up.fraction_lost_uplink < 0.25
    assert 90 < (up.rtt_ms or 0) < 110
    assert up.audio_level == 20
    assert 700_000 < up.received_bps < 1_200_000
    assert 700_000 < down.sent_bps < 1_200_000
    assert up.nacks_sent > 30
    assert up.key_frames_requested >= 1
    assert down.retransmitted == call.bridge.counters.retransmissions_sent > 10
    assert down.packets_lost_uplink == 0
    assert agent.sinks[Slot.MAIN].packets


def test_video_in_red_is_unwrapped_and_its_parity_left_out() -> None:
    call = Call()
    types = replace(TYPES, red_video=120, ulpfec=121)
    customer = call.join("customer", Page(call.clock, 1000, 4, parameters(1000, types)))
    agent = call.join("agent")
    call.connect("customer", "agent")
    plain = customer.video.send

    def wrapped(payload: bytes, **rest: bool) -> None:
        customer.video.payload_type = 120
        plain(bytes((VP8,)) + payload, **rest)
        if rest["marker"]:
            plain(bytes((121,)) + bytes(300))

    customer.video.send = wrapped  # type: ignore[method-assign,assignment]
    call.run(3)
    video = agent.sinks[Slot.MAIN]
    assert video.missing() == []
    assert {packet.payload_type for packet in video.in_order()} == {VP8}
    assert len(video.decodable()) == len(video.frames()) > 80


def test_what_is_lost_of_a_camera_comes_back_from_its_parity() -> None:
    call = Call()
    types = replace(TYPES, red_video=120, ulpfec=121)
    customer = call.join("customer", Page(call.clock, 1000, 4, parameters(1000, types)))
    agent = call.join("agent")
    call.connect("customer", "agent")
    protect(customer)
    call.run(2)
    customer.up.loss = 0.04
    call.run(6)
    customer.up.loss = 0.0
    call.run(1)
    counters = call.bridge.counters
    assert counters.video_rebuilt > 10
    assert customer.camera.resent < 2 * counters.video_rebuilt
    assert agent.sinks[Slot.MAIN].missing() == []
    assert counters.rtp_malformed == 0
    assert {packet.payload_type for packet in agent.sinks[Slot.MAIN].in_order()} == {VP8}


def protect(page: Page) -> None:
    """Wrap the page's pictures in RED from now on, each followed by one parity packet, as libwebrtc does it."""
    stream, picture = page.video, list[bytes]()
    plain = stream.send

    def wrapped(payload: bytes, *, marker: bool = False, **rest: int) -> None:
        stream.payload_type = 120
        plain(bytes((VP8,)) + payload, marker=marker, **rest)  # type: ignore[arg-type]
        sent = PacketBuffer(memoryview(bytearray(stream.numbers[stream.sequence])))
        layout = read_layout(sent.view, 0, len(sent.view), page_ids(page))
        data = bytearray(sent.view[: layout.size]) + payload
        data[1] = data[1] & 0x80 | VP8
        layout.zero_mutable(data)
        picture.append(bytes(data))
        if marker:
            base = picture[0][2] << 8 | picture[0][3]
            offsets = [((one[2] << 8 | one[3]) - base) & 0xFFFF for one in picture]
            bits = combine(map(recovery_bits, picture))
            size = max(string_bytes(len(one)) for one in picture)
            plain(bytes((121,)) + build_ulpfec(base, offsets, bits, size))
            picture.clear()

    stream.send = wrapped  # type: ignore[method-assign,assignment]


def page_ids(page: Page) -> LayoutIds:
    ids = page.parameters.extensions
    return LayoutIds(ids.mid, ids.audio_level, ids.abs_send_time, ids.transport_cc)


def test_a_peer_without_reduced_size_rtcp_gets_compounds_only() -> None:
    call = Call()
    page = call.join("customer", Page(call.clock, 1000, 4, parameters(1000, reduced_size_rtcp=False)))
    call.join("agent")
    datagrams: list[bytes] = []
    deliver = page.down.deliver

    def listen(datagram: bytes) -> None:
        if is_rtcp(datagram):
            datagrams.append(datagram)
        deliver(datagram)

    page.down.deliver = listen
    call.connect("customer", "agent")
    page.up.loss = 0.1
    call.run(3)
    assert len(datagrams) > 40
    assert {next(split_compound(datagram)).packet_type for datagram in datagrams} <= {200, 201}
    assert page.camera.resent > 5
