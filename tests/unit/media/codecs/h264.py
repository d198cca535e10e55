"""An H.264 source as browsers send it: constrained baseline, parameter sets before each key frame (RFC 6184)."""

from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext

from media.codecs.pictures import Picture

START = b"\0\0\0\1"


class H264Source:
    def __init__(self, width: int, height: int, bitrate_bps: int = 600_000) -> None:
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
        context.bit_rate = bitrate_bps
        context.gop_size = 10_000
        context.options = {"profile": "baseline", "preset": "ultrafast", "tune": "zerolatency"}
        self._context = context
        self._number = 0

    def encode(self, picture: Picture, key_frame: bool = False) -> bytes:
        """One access unit, Annex B."""
        picture.pts, self._number = self._number, self._number + 1
        picture.time_base = Fraction(1, 30)
        picture.pict_type = av.video.frame.PictureType.I if key_frame else av.video.frame.PictureType.NONE
        return b"".join(bytes(packet) for packet in self._context.encode(picture))


def packetised(unit: bytes, room: int = 900) -> list[bytes]:
    """Single NAL units, and FU-A where they are too long."""
    payloads = []
    for nal in (part for part in unit.replace(START, START[1:]).split(START[1:]) if part):
        if len(nal) <= room:
            payloads.append(nal)
            continue
        body = nal[1:]
        for at in range(0, len(body), room):
            ends = 0x40 if at + room >= len(body) else 0
            header = (0x80 if at == 0 else 0) | ends | nal[0] & 0x1F
            payloads.append(bytes((nal[0] & 0xE0 | 28, header)) + body[at : at + room])
    return payloads
