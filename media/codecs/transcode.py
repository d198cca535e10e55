"""Rescue transcoding: packets of one video source in, packets for one receiver at its own rate out.

No thread, no clock. A `PictureSource` (assemble, decode) may feed several `Rendition`s (scale, choose frames, encode,
packetise), one for each receiver that needs its own; a `Transcoder` is one of each. Timestamps are the source's, so lip
sync stays as it was.
"""

from typing import NamedTuple

from av.video.reformatter import VideoReformatter

from media.codecs.h264 import H264Encoder
from media.codecs.ladder import FrameRateLimit, Ladder, Step
from media.codecs.limits import MAX_PIXELS
from media.codecs.packetise import packetise, packetise_h264
from media.codecs.pictures import Picture, PictureDecoder
from media.codecs.vp8 import EncodedFrame, Vp8Encoder
from media.errors import CodecError
from media.receive.frame_assembler import FrameAssembler, VideoFormat

_DROP_WINDOW = 30
"""Pictures over which the share that rate control drops is averaged."""


class VideoPacket(NamedTuple):
    """One packet to send: a payload of VP8 (RFC 7741) or H.264 (RFC 6184) with the numbers of its own stream."""

    sequence: int
    timestamp: int
    """32 bits, 90 kHz, the source's."""
    marker: bool
    payload: bytes
    key: bool = False
    """A key frame begins with it."""


class TimedPicture(NamedTuple):
    picture: Picture
    timestamp: int
    """Unwrapped RTP timestamp."""
    arrival: float


class PictureSource:
    """One source's packets to pictures. `now` is monotonic seconds."""

    def __init__(self, codec: VideoFormat, max_pixels: int = MAX_PIXELS) -> None:
        self._assembler = FrameAssembler(codec)
        self._decoder = PictureDecoder(codec, max_pixels)
        self.undecodable = 0
        """Frames that were whole and did not decode; a key frame is asked for."""

    def insert(self, sequence: int, timestamp: int, marker: bool, payload: bytes, now: float) -> None:
        """Take one packet in any order."""
        self._assembler.insert(sequence, timestamp, marker, payload, now)

    def poll(self, now: float) -> TimedPicture | None:
        """The newest picture that can be had now. Older ones that became ready with it are late and not given."""
        newest = None
        for frame in self._assembler.poll(now):
            try:
                picture = self._decoder.decode(frame.data)
            except CodecError:
                self.undecodable += 1
                self._assembler.require_key_frame()
                continue
            if picture is not None:
                newest = TimedPicture(picture, frame.timestamp, frame.arrival)
        return newest

    def next_timeout(self) -> float | None:
        """When to poll at the latest, packets or not."""
        return self._assembler.next_timeout()

    def wants_key_frame(self, now: float) -> bool:
        """Whether to ask the source for a key frame now; true at most once in 300 ms."""
        return self._assembler.wants_key_frame(now)


class Rendition:
    """One receiver's version of the pictures: its codec, its rate, its size, its key frames, its packets.

    `first_sequence` and `picture_id` are random numbers of the caller's (RFC 3550 §5.1, RFC 7741 §4.2). Raise
    CodecError where there is no such encoder.
    """

    def __init__(
        self, target_bps: int, codec: VideoFormat = VideoFormat.VP8, *, first_sequence: int = 0, picture_id: int = 0
    ) -> None:
        self.codec = codec
        self._target = target_bps
        self._encoder = H264Encoder(target_bps) if codec is VideoFormat.H264 else Vp8Encoder(target_bps)
        self._ladder = Ladder()
        self._limit = FrameRateLimit()
        self._scaler = VideoReformatter()
        self._sequence = first_sequence & 0xFFFF
        self._picture_id = picture_id & 0x7FFF
        self._key_frame_due = True
        self._dropped = 0.0
        self.step: Step | None = None
        """What is encoded now; None before the first picture."""
        self.frames = self.key_frames = self.left_out = 0

    def change_target(self, target_bps: int) -> None:
        """Another rate, from the next picture on."""
        self._target = target_bps
        self._encoder.change_rate(target_bps)

    def request_key_frame(self) -> None:
        """The receiver asked for one (PLI, FIR): the next picture is."""
        self._key_frame_due = True

    def encode(self, shown: TimedPicture, now: float) -> list[VideoPacket]:
        """The picture's packets; none when frame rate or rate control leave it out, or CodecError."""
        picture = shown.picture
        # Even sides: H.264 in 4:2:0 has no others (a column less is nothing to see).
        width, height = picture.width & ~1, picture.height & ~1
        step = self._ladder.choose(self._target, width, height, now, self._dropped)
        if not self._limit.takes(shown.timestamp, step.fps) and not self._key_frame_due:
            self.left_out += 1
            return []
        if (picture.width, picture.height) != (step.width, step.height):
            picture = self._scaler.reformat(picture, step.width, step.height, "yuv420p", interpolation="AREA")
        frame = self._encoder.encode(picture, shown.timestamp, key_frame=self._key_frame_due)
        if step != self.step:
            self.step, self._dropped = step, 0.0
        self._dropped += ((frame is None) - self._dropped) / _DROP_WINDOW
        if frame is None:
            self.left_out += 1
            return []
        self._key_frame_due = False
        self.frames += 1
        self.key_frames += frame.is_key
        return self._packets(frame, shown.timestamp & 0xFFFFFFFF)

    def _packets(self, frame: EncodedFrame, timestamp: int) -> list[VideoPacket]:
        if self.codec is VideoFormat.H264:
            payloads = packetise_h264(frame.data)
        else:
            payloads = packetise(frame, self._picture_id)
            self._picture_id = (self._picture_id + 1) & 0x7FFF
        first, self._sequence = self._sequence, (self._sequence + len(payloads)) & 0xFFFF
        last = len(payloads) - 1
        return [
            VideoPacket((first + n) & 0xFFFF, timestamp, n == last, payload, frame.is_key and not n)
            for n, payload in enumerate(payloads)
        ]


class Transcoder:
    """One source for one receiver."""

    def __init__(self, source: PictureSource, rendition: Rendition) -> None:
        self.source = source
        self.rendition = rendition

    def insert(self, sequence: int, timestamp: int, marker: bool, payload: bytes, now: float) -> None:
        """Take one packet of the source, in any order."""
        self.source.insert(sequence, timestamp, marker, payload, now)

    def poll(self, now: float) -> list[VideoPacket]:
        """The packets to send now; decodes and encodes, some milliseconds a picture."""
        shown = self.source.poll(now)
        return [] if shown is None else self.rendition.encode(shown, now)

    def next_timeout(self) -> float | None:
        """When to poll at the latest, packets or not."""
        return self.source.next_timeout()
