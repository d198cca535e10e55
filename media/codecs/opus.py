"""Opus in mono PCM (RFC 6716): decoding with in-band FEC and concealment, encoding with changing settings.

Voice is mono throughout: a decoder mixes a stereo packet down. PCM is int16, one dimension, of 48 kHz unless another
rate was asked for. Nothing here has a thread; the GIL is free inside the native calls. One object serves one stream and
one thread at a time.
"""

from typing import Any, NamedTuple

import numpy as np
from cffi import FFI
from numpy.typing import NDArray

from media.codecs.native import open_library
from media.errors import CodecError, WireError
from media.units import AUDIO_CLOCK_HZ
from media.wire.opus import packet_ms

Pcm = NDArray[np.int16]

FRAME_SAMPLES = 960
"""20 ms."""
MAX_FRAME_SAMPLES = 5760
"""120 ms, the longest packet."""
MAX_ENCODED_BYTES = 1275 * 3 + 7
"""libopus writes at most three frames of 1275 bytes into a packet of 60 ms (RFC 6716 §3.4)."""
MIN_BITRATE_BPS, MAX_BITRATE_BPS = 6_000, 510_000
RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
SPEECH_RATE_HZ = 16_000
"""Enough for 8 kHz of bandwidth, and cheaper than 48 kHz: nothing is resampled on either side."""
FEC_SPEECH_BPS = 48_000
"""From this rate on speech with in-band FEC sounds as well at complexity 1 as at 4 and 32 kbps, for half the CPU."""

_SHORTEST = 120
"""2.5 ms, the unit of every duration (RFC 6716 §2.1.4)."""
_ENCODED_SHORTEST = (1, 2, 4, 8, 16, 24)
"""2.5, 5, 10, 20, 40 and 60 ms."""
_VOIP, _VOICE = 2048, 3001
_BANDWIDTHS = {4_000: 1101, 6_000: 1102, 8_000: 1103, 12_000: 1104, 20_000: 1105}
_SET_BITRATE, _SET_BANDWIDTH, _SET_COMPLEXITY, _SET_FEC, _SET_LOSS, _SET_DTX, _SET_SIGNAL = (
    4002,
    4004,
    4010,
    4012,
    4014,
    4016,
    4024,
)

_ffi = FFI()
_ffi.cdef(
    """
    typedef struct OpusDecoder OpusDecoder;
    typedef struct OpusEncoder OpusEncoder;
    const char *opus_get_version_string(void);
    const char *opus_strerror(int error);
    OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
    void opus_decoder_destroy(OpusDecoder *state);
    int opus_decode(OpusDecoder *state, const char *data, int32_t bytes, int16_t *pcm, int frame_size, int fec);
    OpusEncoder *opus_encoder_create(int32_t rate, int channels, int application, int *error);
    void opus_encoder_destroy(OpusEncoder *state);
    int32_t opus_encode(OpusEncoder *state, const int16_t *pcm, int frame_size, char *data, int32_t max_bytes);
    int opus_encoder_ctl(OpusEncoder *state, int request, ...);
    int opus_packet_has_lbrr(const char *packet, int32_t bytes);
    """
)
_library = open_library(_ffi, "opus")


def version() -> str:
    """What libopus calls itself."""
    return str(_ffi.string(_library.opus_get_version_string()).decode())


def has_fec(packet: bytes) -> bool:
    """Whether the packet carries the one before it once more (LBRR, RFC 6716 §4.2.4)."""
    return bool(packet) and _library.opus_packet_has_lbrr(packet, len(packet)) == 1


class OpusDecoder:
    """One stream's decoder. What is lost is either recovered from the packet after it or concealed, in order."""

    def __init__(self, rate_hz: int = AUDIO_CLOCK_HZ) -> None:
        self._shortest = _shortest(rate_hz)
        self._most = self._shortest * MAX_FRAME_SAMPLES // _SHORTEST
        error = _ffi.new("int *")
        state = _library.opus_decoder_create(rate_hz, 1, error)
        _check(error[0])
        self._state = _ffi.gc(state, _library.opus_decoder_destroy)
        self._pcm: Pcm = np.empty(self._most, np.int16)
        self._out = _ffi.cast("int16_t *", _ffi.from_buffer(self._pcm))

    def decode(self, packet: bytes) -> Pcm:
        """The packet's sound; raise CodecError if it is corrupt."""
        try:
            packet_ms(packet)
        except WireError as error:
            raise CodecError(str(error)) from error
        return self._run(packet, self._most, 0)

    def recover(self, following: bytes, samples: int | None = None) -> Pcm:
        """The lost sound right before the packet `following`, from its in-band FEC; concealment if it has none.

        Decode `following` itself afterwards. `samples` is how much was lost, a multiple of 2.5 ms; 20 ms unless told.
        """
        return self._run(following, self._duration(samples), 1)

    def conceal(self, samples: int | None = None) -> Pcm:
        """Sound in place of what is lost for good: a fading continuation, or comfort noise in DTX."""
        return self._run(_ffi.NULL, self._duration(samples), 0)

    def _duration(self, samples: int | None) -> int:
        if samples is None:
            return self._shortest * FRAME_SAMPLES // _SHORTEST
        if not 0 < samples <= self._most or samples % self._shortest:
            raise CodecError("lost sound is filled in steps of 2.5 ms up to 120 ms")
        return samples

    def _run(self, packet: Any, samples: int, fec: int) -> Pcm:
        size = 0 if packet == _ffi.NULL else len(packet)
        count = _check(_library.opus_decode(self._state, packet, size, self._out, samples, fec))
        return self._pcm[:count].copy()


class OpusSettings(NamedTuple):
    """An encoder's settings; all of them may change between two frames."""

    bitrate_bps: int = 32_000
    complexity: int = 4
    """0 to 10; media/codecs/README.md has the price and the gain of each."""
    bandwidth_hz: int = 8_000
    """What is kept of the sound. 8 kHz for speech: bits spent above it would be missing below. 20 kHz for music."""
    fec: bool = True
    """In-band FEC: used when `expected_loss` is above zero and the rate allows (RFC 6716 §2.1.7)."""
    dtx: bool = False
    expected_loss: float = 0.0
    """0 to 1: how much of the stream is expected not to arrive."""


def speech(bitrate_bps: int, expected_loss: float = 0.0) -> OpusSettings:
    """What encodes speech at this rate best for its CPU.

    FEC encodes each frame twice: where the rate allows, bits take the place of search (prices: media/codecs/README.md).
    """
    light = expected_loss > 0 and bitrate_bps >= FEC_SPEECH_BPS
    return OpusSettings(bitrate_bps, complexity=1 if light else 4, expected_loss=expected_loss)


class OpusEncoder:
    """One stream's encoder, tuned for speech."""

    def __init__(self, settings: OpusSettings | None = None, rate_hz: int = AUDIO_CLOCK_HZ) -> None:
        self._lengths = tuple(_shortest(rate_hz) * count for count in _ENCODED_SHORTEST)
        error = _ffi.new("int *")
        state = _library.opus_encoder_create(rate_hz, 1, _VOIP, error)
        _check(error[0])
        self._state = _ffi.gc(state, _library.opus_encoder_destroy)
        self._data = _ffi.new("char[]", MAX_ENCODED_BYTES)
        self._set(_SET_SIGNAL, _VOICE)
        self.settings = settings or OpusSettings()
        self.change(self.settings)

    def change(self, settings: OpusSettings) -> None:
        """Apply settings from the next frame on; nothing is lost or restarted."""
        _check_settings(settings)
        self._set(_SET_BITRATE, settings.bitrate_bps)
        self._set(_SET_BANDWIDTH, _BANDWIDTHS[settings.bandwidth_hz])
        self._set(_SET_COMPLEXITY, settings.complexity)
        self._set(_SET_FEC, int(settings.fec))
        self._set(_SET_DTX, int(settings.dtx))
        self._set(_SET_LOSS, round(100 * settings.expected_loss))
        self.settings = settings

    def encode(self, pcm: Pcm) -> bytes:
        """One packet of a frame of 2.5, 5, 10, 20, 40 or 60 ms; empty when DTX says that nothing need be sent."""
        if pcm.ndim != 1 or len(pcm) not in self._lengths or pcm.dtype != np.int16:
            raise CodecError("an Opus frame is 2.5, 5, 10, 20, 40 or 60 ms of mono int16 PCM")
        samples = _ffi.cast("int16_t *", _ffi.from_buffer(np.ascontiguousarray(pcm)))
        size = _check(_library.opus_encode(self._state, samples, len(pcm), self._data, MAX_ENCODED_BYTES))
        return b"" if size <= 2 else bytes(_ffi.buffer(self._data, size))

    def _set(self, request: int, value: int) -> None:
        _check(_library.opus_encoder_ctl(self._state, request, _ffi.cast("int32_t", value)))


def _check_settings(settings: OpusSettings) -> None:
    if not MIN_BITRATE_BPS <= settings.bitrate_bps <= MAX_BITRATE_BPS:
        raise CodecError(f"Opus encodes {MIN_BITRATE_BPS} to {MAX_BITRATE_BPS} bps, not {settings.bitrate_bps}")
    if not 0 <= settings.complexity <= 10 or not 0 <= settings.expected_loss <= 1:
        raise CodecError("Opus complexity is 0 to 10, expected loss 0 to 1")
    if settings.bandwidth_hz not in _BANDWIDTHS:
        raise CodecError(f"Opus keeps 4, 6, 8, 12 or 20 kHz, not {settings.bandwidth_hz} Hz")


def _shortest(rate_hz: int) -> int:
    """Samples in 2.5 ms."""
    if rate_hz not in RATES_HZ:
        raise CodecError(f"Opus is decoded to and encoded from 8, 12, 16, 24 or 48 kHz, not {rate_hz} Hz")
    return rate_hz // 400


def _check(result: int) -> int:
    """A count, or CodecError with libopus's word for what went wrong."""
    if result < 0:
        raise CodecError(f"Opus: {_ffi.string(_library.opus_strerror(result)).decode()}")
    return result
