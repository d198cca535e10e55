"""VP8 and H.264 frames to pictures, through PyAV's decoders."""

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext

from media.codecs.limits import MAX_FRAME_BYTES, MAX_PIXELS
from media.codecs.vp8 import frame_size
from media.errors import CodecError, WireError
from media.receive.depacketise import VideoFormat

Picture = av.VideoFrame
"""yuv420p, as the decoders give it. Its planes are freed with it."""


VideoCodec = VideoFormat


class PictureDecoder:
    """One stream's decoder: whole frames in decoding order, from a key frame on.

    `max_pixels` bounds what is decoded; larger pictures raise CodecError before their memory is taken.
    """

    def __init__(self, codec: VideoCodec, max_pixels: int = MAX_PIXELS) -> None:
        self._codec = codec
        self._max_pixels = max_pixels
        self._context = self._open()
        self._needs_key = True

    def decode(self, frame: bytes) -> Picture | None:
        """The picture of one frame; None if it shows nothing. After a CodecError only a key frame goes on.

        VP8 frames as in RFC 6386; H.264 access units in Annex B byte streams.
        """
        if len(frame) > MAX_FRAME_BYTES:
            raise CodecError(f"{self._codec} frame of {len(frame)} bytes")
        self._check_vp8(frame)
        try:
            pictures = self._context.decode(av.Packet(frame))
        except (av.FFmpegError, ValueError, MemoryError) as error:
            self._context = self._open()
            self._needs_key = True
            raise CodecError(f"{self._codec} frame does not decode: {error}") from error
        self._needs_key = False
        return self._checked(pictures[-1]) if pictures else None

    def _check_vp8(self, frame: bytes) -> None:
        if self._codec is not VideoCodec.VP8:
            return
        try:
            size = frame_size(frame)
        except WireError as error:
            raise CodecError(str(error)) from error
        if size is None and self._needs_key:
            raise CodecError("VP8 starts with a key frame")
        if size is not None and not 0 < size[0] * size[1] <= self._max_pixels:
            raise CodecError(f"VP8 picture of {size[0]}x{size[1]} is not decoded")

    def _checked(self, picture: Picture) -> Picture:
        if picture.width * picture.height > self._max_pixels:
            raise CodecError(f"{self._codec} picture of {picture.width}x{picture.height} is not decoded")
        return picture if picture.format.name == "yuv420p" else picture.reformat(format="yuv420p")

    def _open(self) -> VideoCodecContext:
        context = av.CodecContext.create(self._codec.lower(), "r")
        assert isinstance(context, VideoCodecContext)
        context.thread_count = 1
        context.flags |= Flags.low_delay  # H.264 without B-frames: a picture for every frame, at once
        # A damaged H.264 frame is an error, not a smear; FFmpeg refuses larger sizes before it allocates.
        context.options = {"max_pixels": str(self._max_pixels), "err_detect": "explode"}
        return context
