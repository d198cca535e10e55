"""H.264 in real time, for pages that have nothing else: constrained baseline, as our offer says (RFC 6184 §8.1).

The encoder is x264 where PyAV brings it, as its wheels do; without it there is none. As with VP8 another size is
another native encoder, hence a key frame, and the rate is changed in place.
"""

from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from media.codecs.limits import MAX_PIXELS
from media.codecs.picture_clock import PictureClock
from media.codecs.vp8 import MIN_BITRATE_BPS, EncodedFrame
from media.errors import CodecError
from media.units import VIDEO_CLOCK_HZ

_ENCODER = "libx264"
_BUFFER_SECONDS = 0.5
"""What a picture may take of the rate at most; a key frame is some five others."""
_KILOBIT = 1_000
_OPTIONS = {
    "profile": "baseline",
    "preset": "veryfast",
    "tune": "zerolatency",
    "forced-idr": "1",
    # A picture is one slice made by one thread; key frames come when asked for, their parameter sets before them.
    "x264-params": "sliced-threads=0:keyint=infinite:scenecut=0:repeat-headers=1",
}


class H264Encoder:
    """One stream's encoder."""

    def __init__(self, bitrate_bps: int) -> None:
        if _ENCODER not in av.codecs_available:
            raise CodecError("PyAV has no H.264 encoder here")
        self._rate = max(MIN_BITRATE_BPS, bitrate_bps)
        self._context: VideoCodecContext | None = None
        self._clock = PictureClock()

    @property
    def bitrate_bps(self) -> int:
        """The target."""
        return self._rate

    def change_rate(self, bitrate_bps: int) -> None:
        """Another target from the next picture on."""
        self._rate = max(MIN_BITRATE_BPS, bitrate_bps)
        if self._context is not None:
            self._context.bit_rate = self._rate

    def encode(self, picture: av.VideoFrame, timestamp: int, *, key_frame: bool = False) -> EncodedFrame | None:
        """Encode a yuv420p picture of even sides and RTP `timestamp` (90 kHz) as an Annex B access unit.

        Raise CodecError for a picture that is too large or of another format.
        """
        context = self._context_for(picture)
        picture.pts, _ = self._clock.advance(timestamp)
        picture.time_base = Fraction(1, VIDEO_CLOCK_HZ)
        # A decoded picture says what it was in its source, and x264 would make the same of it.
        picture.pict_type = PictureType.I if key_frame else PictureType.NONE
        try:
            packets = context.encode(picture)
        except (av.FFmpegError, ValueError) as error:
            self._context = None
            raise CodecError(f"H.264 does not encode: {error}") from error
        if not packets:
            return None
        return EncodedFrame(b"".join(map(bytes, packets)), any(packet.is_keyframe for packet in packets))

    def _context_for(self, picture: av.VideoFrame) -> VideoCodecContext:
        width, height = picture.width, picture.height
        if picture.format.name != "yuv420p" or width % 2 or height % 2:
            raise CodecError(f"H.264 encodes yuv420p of even sides, not {picture.format.name} of {width}x{height}")
        context = self._context
        if context is None or (context.width, context.height) != (width, height):
            if not 0 < width * height <= MAX_PIXELS:
                raise CodecError(f"a picture of {width}x{height} is not encoded")
            context = self._context = self._open(width, height)
        return context

    def _open(self, width: int, height: int) -> VideoCodecContext:
        context = av.CodecContext.create(_ENCODER, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, VIDEO_CLOCK_HZ), Fraction(30)
        context.thread_count = 1
        # x264 changes the rate in place only of what began at a constant one: its highest must be its average.
        rate = self._rate // _KILOBIT * _KILOBIT
        context.bit_rate = rate
        context.options = {**_OPTIONS, "maxrate": str(rate), "bufsize": str(round(rate * _BUFFER_SECONDS))}
        return context
