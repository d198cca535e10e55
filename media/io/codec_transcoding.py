"""The codec worker's transcoding: one thread a source, which decodes it once and encodes it for each leg in need."""

import logging
import secrets
import time
from collections.abc import Callable

from media.codecs.transcode import PictureSource, Rendition, TimedPicture
from media.errors import CodecError
from media.io import codec_words as words
from media.io.codec_room import Room
from media.receive.frame_assembler import VideoFormat
from media.wire.tapped import H264, VP8, TappedPacket, packet_frame

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 4 << 20
LATE_SECONDS, LATE_FOR_SECONDS = 0.5, 5.0
"""Pictures that come out so late for so long: there is no CPU for this."""

Say = Callable[[words.FromWorker], None]
Send = Callable[[bytes], None]


class TranscodeRoom(Room[TappedPacket | words.Making]):
    """One source and its renditions."""

    def __init__(self, source: words.OpenTap, say: Say, send: Send) -> None:
        super().__init__(f"transcode-{source.tap}", MOST_WAITING_BYTES)
        self.renditions: dict[int, Rendition] = {}
        self._source = source
        self._say = say
        self._send = send
        self._pictures: PictureSource | None = None
        self._format = (0, 0)
        self._late_since: float | None = None

    def work(self, work: TappedPacket | words.Making) -> None:
        """Do one thing."""
        match work:
            case TappedPacket():
                self._packet(work)
            case words.StartTranscode():
                self._begin(work)
            case words.ChangeRate(number, bps):
                if number in self.renditions:
                    self.renditions[number].change_target(bps)
            case words.MakeKeyFrame(number):
                if number in self.renditions:
                    self.renditions[number].request_key_frame()
            case words.StopTranscode(number):
                self.renditions.pop(number, None)
            case _:
                pass  # a voice's

    def _begin(self, start: words.StartTranscode) -> None:
        chance = secrets.randbits(31)
        codec = VideoFormat.H264 if start.h264 else VideoFormat.VP8
        try:
            rendition = Rendition(start.bps, codec, first_sequence=chance >> 15, picture_id=chance & 0x7FFF)
        except CodecError as error:
            self._end(start.number, str(error))
        else:
            self.renditions[start.number] = rendition

    def _packet(self, packet: TappedPacket) -> None:
        pictures = self._pictures
        if pictures is None or self._format != (packet.codec, packet.generation):
            self._format = (packet.codec, packet.generation)
            pictures = PictureSource(VideoFormat.H264 if packet.codec == H264 else VideoFormat.VP8)
            self._pictures = pictures
        pictures.insert(packet.sequence & 0xFFFF, packet.timestamp, packet.marker, packet.payload, packet.arrival)
        self._poll(pictures, time.monotonic())

    def _poll(self, pictures: PictureSource, now: float) -> None:
        shown = pictures.poll(now)
        if pictures.wants_key_frame(now):
            self._say(words.KeyFrameWanted(self._source.call_id, self._source.leg_id))
        if shown is not None:
            for number, rendition in list(self.renditions.items()):
                self._encode(number, rendition, shown, now)
            self._watch(time.monotonic(), shown.arrival)

    def _encode(self, number: int, rendition: Rendition, shown: TimedPicture, now: float) -> None:
        try:
            packets = rendition.encode(shown, now)
        except CodecError as error:
            self._end(number, str(error))
            return
        codec = H264 if rendition.codec is VideoFormat.H264 else VP8
        for sequence, timestamp, marker, payload, key in packets:
            self._send(packet_frame(TappedPacket(codec, marker, key, number, 0, sequence, timestamp, now, payload)))

    def _watch(self, now: float, arrival: float) -> None:
        """Give up what comes out too late."""
        if now - arrival < LATE_SECONDS:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now
        elif now - self._late_since > LATE_FOR_SECONDS:
            self._late_since = None
            for number in list(self.renditions):
                self._end(number, f"{now - arrival:.1f} s late: there is no CPU for it")

    def _end(self, number: int, reason: str) -> None:
        self.renditions.pop(number, None)
        self._say(words.TranscodeEnded(number, reason))

    def idle(self, now: float) -> None:
        """Gaps are given up by the clock."""
        if self._pictures is not None:
            self._poll(self._pictures, now)
