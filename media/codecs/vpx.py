"""libvpx's VP8 encoder through cffi's ABI mode.

PyAV's own encoder (FFmpeg's libvpxenc) takes its bit rate once, at the start: a new rate needs a new encoder and that
a key frame. libvpx itself takes a new configuration between two frames (`vpx_codec_enc_config_set`).

The structs are those of libvpx 1.8 to 1.16; fields are only ever added behind them, room for which is kept. The
defaults that the library writes are checked against the layout before anything else, and the library refuses an
interface version that is not its own: another layout is an error at the start, never a wild write.
"""

from typing import Any, NamedTuple

import av
from cffi import FFI

from media.codecs.native import open_library
from media.errors import CodecError

_ffi = FFI()
_ffi.cdef(
    """
    typedef struct { int num; int den; } vpx_rational;
    typedef struct { void *buf; size_t sz; } vpx_buffer;
    typedef struct {
        unsigned g_usage, g_threads, g_profile, g_w, g_h; int g_bit_depth; unsigned g_input_bit_depth;
        vpx_rational g_timebase; uint32_t g_error_resilient; int g_pass; unsigned g_lag_in_frames;
        unsigned rc_dropframe_thresh, rc_resize_allowed, rc_scaled_width, rc_scaled_height;
        unsigned rc_resize_up_thresh, rc_resize_down_thresh; int rc_end_usage;
        vpx_buffer rc_twopass_stats_in, rc_firstpass_mb_stats_in;
        unsigned rc_target_bitrate, rc_min_quantizer, rc_max_quantizer, rc_undershoot_pct, rc_overshoot_pct;
        unsigned rc_buf_sz, rc_buf_initial_sz, rc_buf_optimal_sz;
        unsigned rc_2pass_vbr_bias_pct, rc_2pass_vbr_minsection_pct, rc_2pass_vbr_maxsection_pct, rc_2pass_corpus;
        int kf_mode; unsigned kf_min_dist, kf_max_dist;
        unsigned ss_number_layers; int ss_enable_auto_alt_ref[5]; unsigned ss_target_bitrate[5];
        unsigned ts_number_layers, ts_target_bitrate[5], ts_rate_decimator[5], ts_periodicity, ts_layer_id[16];
        unsigned layer_target_bitrate[12]; int temporal_layering_mode;
        char added_later[1024];
    } vpx_config;
    typedef struct {
        int fmt, cs, range; unsigned w, h, bit_depth, d_w, d_h, r_w, r_h, x_chroma_shift, y_chroma_shift;
        void *planes[4]; int stride[4]; int bps; void *user_priv; void *img_data; int img_data_owner, self_allocd;
        void *fb_priv; char added_later[128];
    } vpx_image;
    typedef struct { int kind; void *buf; size_t sz; int64_t pts; unsigned long duration; uint32_t flags; } vpx_packet;
    typedef struct { char opaque[512]; } vpx_context;
    const char *vpx_codec_version_str(void);
    const char *vpx_codec_err_to_string(int error);
    void *vpx_codec_vp8_cx(void);
    int vpx_codec_enc_config_default(void *interface, vpx_config *config, unsigned usage);
    int vpx_codec_enc_init_ver(vpx_context *context, void *interface, vpx_config *config, long flags, int version);
    int vpx_codec_enc_config_set(vpx_context *context, vpx_config *config);
    int vpx_codec_control_(vpx_context *context, int control, ...);
    int vpx_codec_encode(vpx_context *context, vpx_image *image, int64_t pts, unsigned long duration, long flags,
                         unsigned long deadline);
    vpx_packet *vpx_codec_get_cx_data(vpx_context *context, void **position);
    int vpx_codec_destroy(vpx_context *context);
    vpx_image *vpx_img_wrap(vpx_image *image, int format, unsigned w, unsigned h, unsigned align, void *data);
    """
)
_library = open_library(_ffi, "vpx")

_INTERFACE_VERSIONS = range(25, 40)
"""VPX_ENCODER_ABI_VERSION: 25 in libvpx 1.12, 39 in 1.16."""
_ABI_MISMATCH = 3
_I420 = 0x102
_REALTIME = 1
_CBR = 1
_FRAME_PACKET = 0
_KEY = 1

FORCE_KEY_FRAME = 1 << 0
NO_REF_LAST, NO_REF_GOLDEN, NO_REF_ALTERNATE = 1 << 16, 1 << 17, 1 << 21
NO_UPDATE_LAST, NO_UPDATE_GOLDEN, NO_UPDATE_ALTERNATE = 1 << 18, 1 << 22, 1 << 23
NO_UPDATE_ENTROPY = 1 << 20

CPU_USED, STATIC_THRESHOLD, TOKEN_PARTITIONS, MAX_INTRA_PERCENT, TEMPORAL_LAYER = 13, 17, 18, 26, 30


class Packet(NamedTuple):
    """What the encoder made of one picture."""

    data: bytes
    is_key: bool


class Layers(NamedTuple):
    """Temporal layers as libvpx wants them: who is in which, and each one's share of the rate with those below."""

    pattern: tuple[int, ...] = (0,)
    decimators: tuple[int, ...] = (1,)
    shares: tuple[float, ...] = (1.0,)


def version() -> str:
    """What libvpx calls itself."""
    return str(_ffi.string(_library.vpx_codec_version_str()).decode())


class VpxEncoder:
    """One VP8 encoder of a fixed size in real-time mode. One thread at a time; the GIL is free while it works."""

    def __init__(self, width: int, height: int, bitrate_bps: int, clock_hz: int, layers: Layers) -> None:
        interface = _library.vpx_codec_vp8_cx()
        self._layers = layers
        self._config = _ffi.new("vpx_config *")
        _check(_library.vpx_codec_enc_config_default(interface, self._config, 0))
        _check_layout(self._config)
        self._configure(width, height, clock_hz)
        self._set_rate(bitrate_bps)
        self._context: Any = None
        self._open(interface)
        self._image = _ffi.new("vpx_image *")
        self._blank = _ffi.new("char[]", 1)  # vpx_img_wrap wants an address; the planes' are set for each picture
        _library.vpx_img_wrap(self._image, _I420, width, height, 1, self._blank)
        self.control(STATIC_THRESHOLD, 1)
        self.control(TOKEN_PARTITIONS, 0)

    def control(self, control: int, value: int) -> None:
        """Set one of the encoder's controls; raise CodecError if it is refused."""
        _check(_library.vpx_codec_control_(self._context, control, _ffi.cast("int", value)))

    def change_rate(self, bitrate_bps: int) -> None:
        """Another target from the next picture on, without a key frame."""
        self._set_rate(bitrate_bps)
        _check(_library.vpx_codec_enc_config_set(self._context, self._config))

    def encode(self, picture: av.VideoFrame, pts: int, duration: int, flags: int) -> Packet | None:
        """Encode a yuv420p picture of the encoder's size; None when rate control leaves it out."""
        for index, plane in enumerate(picture.planes):
            self._image.planes[index] = _ffi.cast("void *", plane.buffer_ptr)
            self._image.stride[index] = plane.line_size
        _check(_library.vpx_codec_encode(self._context, self._image, pts, duration, flags, _REALTIME))
        position = _ffi.new("void **")
        result = None
        while (packet := _library.vpx_codec_get_cx_data(self._context, position)) != _ffi.NULL:
            if packet.kind == _FRAME_PACKET and packet.sz:
                result = Packet(bytes(_ffi.buffer(packet.buf, packet.sz)), bool(packet.flags & _KEY))
        return result

    def _open(self, interface: Any) -> None:
        global _interface_version  # noqa: PLW0603 - what the library said once holds for the process
        versions = _INTERFACE_VERSIONS if _interface_version is None else (_interface_version,)
        for number in versions:
            context = _ffi.new("vpx_context *")
            error = _library.vpx_codec_enc_init_ver(context, interface, self._config, 0, number)
            if error != _ABI_MISMATCH:
                _check(error)
                _interface_version = number
                self._context = _ffi.gc(context, _library.vpx_codec_destroy)
                return
        raise CodecError(f"libvpx {version()} has an interface that we do not know")

    def _configure(self, width: int, height: int, clock_hz: int) -> None:
        """Real time: one pass, constant rate, frames left out before the queue grows, key frames only on request."""
        config = self._config
        config.g_w, config.g_h = width, height
        config.g_threads = 1
        config.g_timebase.num, config.g_timebase.den = 1, clock_hz
        config.g_lag_in_frames = 0
        config.g_error_resilient = 1 if len(self._layers.decimators) > 1 else 0
        config.rc_end_usage = _CBR
        config.rc_dropframe_thresh = 30
        config.rc_resize_allowed = 0
        config.rc_min_quantizer, config.rc_max_quantizer = 2, 56
        config.rc_undershoot_pct, config.rc_overshoot_pct = 100, 15
        config.rc_buf_initial_sz, config.rc_buf_optimal_sz, config.rc_buf_sz = 500, 600, 1000
        config.kf_mode = 0

    def _set_rate(self, bitrate_bps: int) -> None:
        kbps = max(1, round(bitrate_bps / 1000))
        layers = self._layers
        self._config.rc_target_bitrate = kbps
        self._config.ts_number_layers = len(layers.decimators)
        self._config.ts_periodicity = len(layers.pattern)
        for index, layer in enumerate(layers.pattern):
            self._config.ts_layer_id[index] = layer
        for index, (decimator, share) in enumerate(zip(layers.decimators, layers.shares, strict=True)):
            self._config.ts_rate_decimator[index] = decimator
            self._config.ts_target_bitrate[index] = max(1, round(kbps * share))


_interface_version: int | None = None


def _check_layout(config: Any) -> None:
    """The documented defaults of libvpx's VP8 encoder, from the struct's beginning, middle and end."""
    found = (config.g_w, config.g_h, config.g_timebase.den, config.rc_target_bitrate, config.rc_max_quantizer)
    more = (config.rc_buf_sz, config.kf_mode, config.kf_max_dist, config.ts_number_layers, config.ts_rate_decimator[0])
    if found != (320, 240, 30, 256, 63) or more[:4] != (6000, 1, 128, 1):
        raise CodecError(f"libvpx {version()} keeps its configuration in a layout that we do not know")


def _check(error: int) -> None:
    if error:
        raise CodecError(f"VP8: {_ffi.string(_library.vpx_codec_err_to_string(error)).decode()}")
