"""A source's packets through a bad path to a receiver with a rate of its own, in virtual time."""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from callserver.drill.picture import read_number
from media.codecs.packetise import packetise
from media.codecs.transcode import PictureSource, Rendition, Transcoder, VideoPacket
from media.codecs.vp8 import Vp8Encoder
from media.receive.frame_assembler import VideoFormat
from media.wire import h264, vp8
from tests.unit.media.codecs.h264 import H264Source, packetised
from tests.unit.media.codecs.signals import likeness_db, luma, picture

START = 0xFFFF_8000


class Seen(NamedTuple):
    now: float
    number: int
    likeness: float
    size: tuple[int, int]


Source = Callable[[int, bool], list[bytes]]


def vp8_source() -> Source:
    encoder = Vp8Encoder(1_200_000)

    def payloads(number: int, key_frame: bool) -> list[bytes]:
        frame = encoder.encode(picture(number), number * 3000, key_frame=key_frame)
        return [] if frame is None else packetise(frame, number)

    return payloads


def h264_source() -> Source:
    source = H264Source(640, 480, 1_200_000)
    return lambda number, key_frame: packetised(source.encode(picture(number), key_frame))


SOURCES = {VideoFormat.VP8: vp8_source, VideoFormat.H264: h264_source}


class Film:
    """A source as long as nobody asks it for a key frame: encoded once for all tests."""

    def __init__(self, codec: VideoFormat) -> None:
        self._encode = SOURCES[codec]()
        self._frames: list[list[bytes]] = []

    def __getitem__(self, number: int) -> list[bytes]:
        while len(self._frames) <= number:
            self._frames.append(self._encode(len(self._frames), False))
        return self._frames[number]


films = {codec: Film(codec) for codec in VideoFormat}


def shared_source(codec: VideoFormat) -> Source:
    """The film; from the first key frame that somebody asks for, an encoder that begins there."""
    own: list[Source] = []

    def payloads(number: int, key_frame: bool) -> list[bytes]:
        if key_frame and not own:
            own.append(SOURCES[codec]())
        return own[0](number, key_frame) if own else films[codec][number]

    return payloads


starts_key = {VideoFormat.VP8: vp8.starts_key_frame, VideoFormat.H264: h264.starts_key_frame}


class Call:
    """A source, the transcoder, and a receiver that decodes what comes out."""

    def __init__(self, codec: VideoFormat, target_bps: int, made: VideoFormat = VideoFormat.VP8) -> None:
        self.make = shared_source(codec)
        self.rendition = Rendition(target_bps, made, first_sequence=65_530, picture_id=32_760)
        self.transcoder = Transcoder(PictureSource(codec), self.rendition)
        self.receiver = PictureSource(made)
        self.sequence = 65_000
        self.asked = 0
        self.sent: list[VideoPacket] = []
        self.seen: list[Seen] = []

    def run(self, numbers: range, lost: Callable[[int], bool] = lambda _: False) -> None:
        for number in numbers:
            now = number / 30
            wanted = self.transcoder.source.wants_key_frame(now)
            self.asked += wanted
            payloads = self.make(number, wanted)
            for at, payload in enumerate(payloads):
                if not lost(number):
                    timestamp = (START + number * 3000) & 0xFFFFFFFF
                    marker = at == len(payloads) - 1
                    self.transcoder.insert(self.sequence & 0xFFFF, timestamp, marker, payload, now)
                self.sequence += 1
            self._receive(self.transcoder.poll(now), now)

    def _receive(self, packets: list[VideoPacket], now: float) -> None:
        self.sent += packets
        for sequence, timestamp, marker, payload, key in packets:
            assert key <= starts_key[self.rendition.codec](payload, 0, len(payload))
            self.receiver.insert(sequence, timestamp, marker, payload, now)
        shown = self.receiver.poll(now)
        if shown is not None:
            number = (shown.timestamp - START & 0xFFFFFFFF) // 3000
            size = (shown.picture.width, shown.picture.height)
            self.seen.append(Seen(now, number, likeness_db(number, shown.picture), size))
            assert read_number(luma(shown.picture)) in (number, None), "the picture is the one the timestamp says"


@pytest.mark.parametrize(("codec", "made"), [("VP8", "VP8"), ("H264", "VP8"), ("VP8", "H264")])
def test_pictures_arrive_at_the_receivers_own_rate(codec: str, made: str) -> None:
    call = Call(VideoFormat(codec), 400_000, VideoFormat(made))
    call.run(range(150))
    assert len(call.seen) >= 130
    assert min(seen.likeness for seen in call.seen[5:]) > 30
    assert sum(len(packet.payload) for packet in call.sent) * 8 / 5 < 440_000
    sequences = [packet.sequence for packet in call.sent]
    assert sequences == [(65_530 + n) & 0xFFFF for n in range(len(sequences))]
    assert call.rendition.key_frames == 1


@pytest.mark.parametrize("made", VideoFormat)
def test_a_falling_target_makes_the_picture_smaller_not_a_slide_show(made: VideoFormat) -> None:
    call = Call(VideoFormat.VP8, 800_000, made)
    call.run(range(60))
    call.rendition.change_target(90_000)
    call.run(range(60, 240))
    late = [seen for seen in call.seen if seen.now > 4]
    assert {seen.size for seen in late} <= {(320, 240), (240, 180)}
    assert len(late) / 4 > 11, "frames a second"
    assert min(seen.likeness for seen in late) > 27
    bits = sum(len(p.payload) for p in call.sent if (p.timestamp - START & 0xFFFFFFFF) > 4 * 90_000) * 8
    assert bits / 4 < 110_000


@pytest.mark.parametrize("made", VideoFormat)
def test_a_key_frame_comes_when_the_receiver_asks(made: VideoFormat) -> None:
    call = Call(VideoFormat.VP8, 300_000, made)
    call.run(range(20))
    call.rendition.request_key_frame()
    call.run(range(20, 40))
    assert call.rendition.key_frames == 2
    assert sum(packet.key for packet in call.sent) == 2
    assert call.asked == 0, "the source is left alone: the transcoder has pictures"


@pytest.mark.parametrize("codec", VideoFormat)
def test_a_lost_source_packet_costs_a_moment_and_one_request(codec: VideoFormat) -> None:
    call = Call(codec, 400_000)
    call.run(range(120), lost=lambda number: number == 40)
    assert call.asked in (1, 2)
    frozen = [b.now - a.now for a, b in pairwise(call.seen)]
    assert max(frozen) < 0.45
    assert min(seen.likeness for seen in call.seen[5:]) > 29, "nothing broken is ever shown"


def test_packets_lost_for_good_never_show_a_broken_picture() -> None:
    dice = random.Random(5)
    call = Call(VideoFormat.VP8, 300_000)
    call.run(range(180), lost=lambda _: dice.random() < 0.03)
    assert len(call.seen) >= 45
    assert min(seen.likeness for seen in call.seen) > 26


def test_after_a_pause_the_newest_picture_is_encoded_only() -> None:
    call = Call(VideoFormat.VP8, 400_000)
    call.run(range(10))
    frames = [(number, call.make(number, False)) for number in range(10, 16)]
    for number, payloads in frames:
        for at, payload in enumerate(payloads):
            timestamp = (START + number * 3000) & 0xFFFFFFFF
            call.transcoder.insert(call.sequence & 0xFFFF, timestamp, at == len(payloads) - 1, payload, 0.6)
            call.sequence += 1
    packets = call.transcoder.poll(0.6)
    assert {packet.timestamp for packet in packets} == {(START + 15 * 3000) & 0xFFFFFFFF}


def test_the_patience_for_a_gap_is_a_timeout() -> None:
    call = Call(VideoFormat.VP8, 400_000)
    call.run(range(10))
    assert call.transcoder.next_timeout() is None
    call.run(range(10, 13), lost=lambda number: number == 10)
    due = call.transcoder.next_timeout()
    assert due is not None
    assert call.transcoder.poll(due) == []
    assert call.transcoder.source.wants_key_frame(due)


_PACKETS = st.tuples(
    st.integers(0, 40), st.integers(0, 10).map(lambda n: n * 3000), st.booleans(), st.binary(max_size=60)
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(VideoFormat), st.lists(_PACKETS, max_size=40))
def test_whatever_comes_it_goes_on(codec: VideoFormat, packets: list[tuple[int, int, bool, bytes]]) -> None:
    transcoder = Transcoder(PictureSource(codec), Rendition(200_000))
    for n, packet in enumerate(packets):
        transcoder.insert(*packet, n * 0.1)
        transcoder.poll(n * 0.1)
