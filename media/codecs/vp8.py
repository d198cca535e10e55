"""VP8 in real time: pictures in, frames out, with the rate changed in place (RFC 6386; layers as in RFC 7741 §4.2).

The encoder takes the size of its pictures. Another size is another native encoder, hence a key frame: VP8 says the
size in key frames only. Nothing else but a request makes one.
"""

from typing import NamedTuple

import av

from media.codecs import vpx
from media.codecs.limits import MAX_PIXELS
from media.codecs.picture_clock import PictureClock
from media.errors import CodecError, WireError
from media.units import VIDEO_CLOCK_HZ

MIN_BITRATE_BPS = 20_000
KEY_FRAME_START = b"\x9d\x01\x2a"
"""RFC 6386 §9.1, behind the three bytes of the frame tag."""

_ONLY_LAST = vpx.NO_REF_GOLDEN | vpx.NO_REF_ALTERNATE
_KEEP_ALL = vpx.NO_UPDATE_LAST | vpx.NO_UPDATE_GOLDEN | vpx.NO_UPDATE_ALTERNATE | vpx.NO_UPDATE_ENTROPY
_BASE = _ONLY_LAST | vpx.NO_UPDATE_GOLDEN | vpx.NO_UPDATE_ALTERNATE
_MIDDLE = _ONLY_LAST | vpx.NO_UPDATE_LAST | vpx.NO_UPDATE_ALTERNATE | vpx.NO_UPDATE_ENTROPY
_SMALL = 640 * 480


class EncodedFrame(NamedTuple):
    """One frame and, for VP8, its place among the temporal layers."""

    data: bytes
    is_key: bool
    temporal_layer: int = 0
    layer_sync: bool = True
    """It refers to the base layer only (or to nothing)."""
    level_zero_index: int = 0
    """TL0PICIDX: counts base layer frames, 8 bits."""
    is_reference: bool = True
    """Later frames refer to it."""


class _Position(NamedTuple):
    layer: int
    flags: int
    sync: bool


_PATTERNS = {
    1: (_Position(0, 0, True),),
    2: (_Position(0, _BASE, True), _Position(1, _KEEP_ALL | _ONLY_LAST, True)),
    3: (
        _Position(0, _BASE, True),
        _Position(2, _KEEP_ALL | _ONLY_LAST, True),
        _Position(1, _MIDDLE, True),
        _Position(2, _KEEP_ALL | vpx.NO_REF_ALTERNATE, False),
    ),
}
"""L1T1, L1T2 and L1T3 (W3C webrtc-svc). The base is kept in `last`, the middle layer in `golden`; what is above the
base never changes probabilities that the base needs. So any layer can be left out on the way."""

_LAYERS = {
    1: vpx.Layers(),
    2: vpx.Layers((0, 1), (2, 1), (0.6, 1.0)),
    3: vpx.Layers((0, 2, 1, 2), (4, 2, 1), (0.4, 0.6, 1.0)),
}


class Vp8Encoder:
    """One stream's encoder. `cpu_used` is libvpx's speed, 1 (careful) to 16 (fast); None chooses by size."""

    def __init__(self, bitrate_bps: int, *, temporal_layers: int = 1, cpu_used: int | None = None) -> None:
        if temporal_layers not in _PATTERNS:
            raise CodecError(f"VP8 is encoded in 1 to 3 temporal layers, not {temporal_layers}")
        self._rate = max(MIN_BITRATE_BPS, bitrate_bps)
        self._pattern = _PATTERNS[temporal_layers]
        self._layers = _LAYERS[temporal_layers]
        self._cpu_used = cpu_used
        self._encoder: vpx.VpxEncoder | None = None
        self._size = (0, 0)
        self._position = 0
        self._level_zero_index = 0
        self._clock = PictureClock()

    @property
    def bitrate_bps(self) -> int:
        """The target."""
        return self._rate

    def change_rate(self, bitrate_bps: int) -> None:
        """Another target from the next picture on."""
        rate = max(MIN_BITRATE_BPS, bitrate_bps)
        if rate != self._rate and self._encoder is not None:
            self._encoder.change_rate(rate)
        self._rate = rate

    def encode(self, picture: av.VideoFrame, timestamp: int, *, key_frame: bool = False) -> EncodedFrame | None:
        """Encode a yuv420p picture of RTP `timestamp` (90 kHz); None when rate control leaves it out.

        Raise CodecError for a picture that is too large or of another format.
        """
        encoder = self._encoder_for(picture)
        if key_frame or not self._clock.begun:
            self._position = 0
        position = self._pattern[self._position]
        if len(self._pattern) > 1:
            encoder.control(vpx.TEMPORAL_LAYER, position.layer)
        # libvpx takes each duration for the frame rate from now on: with its own for every picture (25 of 30 frames a
        # second: 3000, 3000, …, 6000) it made twice its target.
        pts, duration = self._clock.advance(timestamp)
        packet = encoder.encode(picture, pts, duration, position.flags | (vpx.FORCE_KEY_FRAME if key_frame else 0))
        if packet is None:
            return None
        self._position = (self._position + 1) % len(self._pattern)
        if position.layer == 0:
            self._level_zero_index = self._level_zero_index + 1 & 0xFF
        is_reference = position.layer == 0 or position.layer < max(self._layers.pattern)
        return EncodedFrame(
            packet.data, packet.is_key, position.layer, position.sync, self._level_zero_index, is_reference
        )

    def _encoder_for(self, picture: av.VideoFrame) -> vpx.VpxEncoder:
        size = (picture.width, picture.height)
        if picture.format.name != "yuv420p":
            raise CodecError(f"VP8 encodes yuv420p, not {picture.format.name}")
        if self._encoder is None or size != self._size:
            if not 0 < size[0] * size[1] <= MAX_PIXELS:
                raise CodecError(f"a picture of {size[0]}x{size[1]} is not encoded")
            self._encoder = vpx.VpxEncoder(*size, self._rate, VIDEO_CLOCK_HZ, self._layers)
            cpu_used = self._cpu_used or (4 if size[0] * size[1] <= _SMALL else 6)
            self._encoder.control(vpx.CPU_USED, -cpu_used)  # negative: fixed; positive would follow the wall clock
            self._encoder.control(vpx.MAX_INTRA_PERCENT, 300)
            self._size, self._position = size, 0
        return self._encoder


def frame_size(frame: bytes) -> tuple[int, int] | None:
    """Width and height that a key frame declares (RFC 6386 §9.1); None for other frames, WireError if cut short."""
    if not frame or frame[0] & 1:
        return None
    if len(frame) < 10 or frame[3:6] != KEY_FRAME_START:
        raise WireError("VP8 key frame without its start code")
    return int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF
