"""The generator sends what it says: 120 video and 50 audio packets a second and leg, evenly, well-formed."""

from types import SimpleNamespace

import pytest

from callserver.bench import BenchError
from callserver.bench.answer import Section
from callserver.bench.load import Load
from callserver.bench.traffic import AUDIO_BYTES, VIDEO_BYTES, Traffic, rtcp_time
from media.io.arena import Arena, fill
from media.wire.buffer import PacketBuffer
from media.wire.rtcp import split_compound
from media.wire.rtcp_feedback import build_nack, build_pli, parse_nack
from media.wire.rtp import RtpPacket, build_packet, parse_packet
from media.wire.transport_cc import parse_transport_feedback

EXTENSIONS = {
    "mid": 1,
    "ssrc-audio-level": 2,
    "abs-send-time": 3,
    "draft-holmer-rmcat-transport-wide-cc-extensions-01": 4,
}


class NoCipher:
    """Leaves packets as they are."""

    def protect_rtp(self, packet: PacketBuffer) -> int:
        return 0

    unprotect_rtp = protect_rtcp = unprotect_rtcp = protect_rtp


def make_leg(host: int = 0, loss: float = 0.0) -> Traffic:
    sections = (
        Section("audio", "0", True, True, {"opus": 111}, EXTENSIONS, ()),
        Section("video", "1", False, True, {"vp8": 96, "rtx": 97}, EXTENSIONS, ()),
    )
    peer = SimpleNamespace(
        host=host,
        facts=SimpleNamespace(sections=sections),
        sources=SimpleNamespace(audio=11, video=22, rtx=33),
        cipher=NoCipher(),
    )
    return Traffic(peer, loss)  # type: ignore[arg-type]


def written(leg: Traffic, kind: str, now: int = 5) -> RtpPacket:
    slot = Arena(1).slots[0]
    (leg.write_video if kind == "video" else leg.write_audio)(slot, now, 0x123456)
    return parse_packet(slot.tobytes())


def test_packets_have_their_size_extensions_and_marks() -> None:
    leg = make_leg()
    for number in range(120):
        packet = written(leg, "video")
        assert (packet.payload_type, packet.sequence_number, packet.ssrc) == (96, number, 22)
        assert packet.timestamp == number // 4 * 3000
        assert packet.marker == (number % 4 == 3)
        extensions = dict(packet.extensions)
        assert extensions[4] == (number + 1).to_bytes(2)
        assert extensions[3] == b"\x12\x34\x56"
        assert (extensions.get(1) == b"1") == (number < 50)
        assert packet.payload[0] == (0x90 if number % 4 == 0 else 0x80)
    slot = Arena(1).slots[0]
    leg.write_video(slot, 0, 0)
    assert slot.end - slot.start == VIDEO_BYTES
    for number in range(60):
        packet = written(leg, "audio")
        assert (packet.payload_type, packet.sequence_number, packet.timestamp) == (111, number, number * 960)
        extensions = dict(packet.extensions)
        assert extensions[2] == bytes([0x80 | 30])
        assert (extensions.get(1) == b"0") == (number < 50)
    leg.write_audio(slot, 0, 0)
    assert slot.end - slot.start == AUDIO_BYTES


def test_a_key_frame_is_sent_first_and_when_asked_for() -> None:
    leg = make_leg()

    def key_frames() -> list[bool]:
        return [written(leg, "video").payload[6] & 1 == 0 for _ in range(8)][::4]

    assert key_frames() == [True, False]
    slot = Arena(1).slots[0]
    data = build_pli(1, 22)
    slot.view[slot.start : slot.start + len(data)] = data
    slot.end = slot.start + len(data)
    leg.receive(slot, 0)
    assert key_frames() == [True, False]
    assert leg.key_frames == 2


def test_what_the_server_misses_is_sent_again_as_retransmission() -> None:
    leg = make_leg()
    sent: list[RtpPacket] = []
    slot = Arena(1).slots[0]
    leg.peer.port = SimpleNamespace(slot=lambda: slot, queue=lambda host: sent.append(parse_packet(slot.tobytes())))  # type: ignore[assignment]
    for _ in range(200):
        leg.write_video(slot, 0, 0)
    data = build_nack(1, 22, [10, 199, 198, 300])
    slot.view[slot.start : slot.start + len(data)] = data
    slot.end = slot.start + len(data)
    leg.receive(slot, 0)
    marks = {int.from_bytes(packet.payload[:2]): packet.marker for packet in sent}
    assert marks == {198: False, 199: True}, "neither too old nor never sent"
    assert {(packet.payload_type, packet.ssrc) for packet in sent} == {(97, 33)}


def test_lost_pictures_are_counted_and_asked_for_when_the_next_one_comes() -> None:
    leg = make_leg(loss=0.3)
    asked: list[int] = []

    def queued(host: int) -> None:
        asked.extend(parse_nack(next(split_compound(slot.tobytes()))).sequence_numbers)

    slot, came = Arena(1).slots[0], Arena(1).slots[0]
    leg.peer.port = SimpleNamespace(slot=lambda: slot, queue=queued)  # type: ignore[assignment]
    for number in range(300):
        fill(came, build_packet(RtpPacket(96, number, 0, 77, extensions=((4, number.to_bytes(2)),), payload=bytes(50))))
        leg.receive(came, 1_000_000 * number)
    assert leg.received == 300, "it was forwarded, whatever became of it"
    assert 60 < len(asked) < 120
    assert len(set(asked)) == len(asked)
    data = leg.arrived.transport_feedback()
    assert data is not None
    feedback = parse_transport_feedback(next(split_compound(data)))
    told = {feedback.base_sequence + index for index, delta in enumerate(feedback.deltas) if delta is None}
    assert told == {number for number in asked if number > feedback.base_sequence}


def test_what_comes_back_is_counted_and_a_sample_is_timed() -> None:
    sender, receiver = make_leg(), make_leg()
    slot = Arena(1).slots[0]
    for number in range(32):
        sender.write_video(slot, 1000 + number, 0)
        receiver.receive(slot, 1500 + number)
        sender.write_audio(slot, 1000 + number, 0)
        receiver.receive(slot, 1500 + number)
    assert receiver.received == 64
    assert receiver.latencies == [500] * 4


def test_traffic_is_spread_evenly_over_time() -> None:
    legs = [make_leg(host) for host in range(40)]
    load = Load(legs, ())
    sizes = [len(place) for place in load._wheel]
    assert sum(sizes) == 40 * 17
    assert max(sizes) - min(sizes) <= 2
    for leg in legs:
        places = [n for n, place in enumerate(load._wheel) for _, owner in place if owner is leg]
        assert len(places) == 17


def test_an_offer_without_what_we_measure_is_refused() -> None:
    leg = make_leg()
    with pytest.raises(BenchError, match="no text"):
        leg._line(leg.peer, "text")


def test_wall_time_in_the_format_of_ntp() -> None:
    assert rtcp_time(500_000_000) == 2_208_988_800 << 32 | 1 << 31
