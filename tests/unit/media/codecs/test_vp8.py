"""Pictures through the encoder and the decoder: rates in place, key frames on request, layers that can be left out."""

from contextlib import suppress

import av
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from media.codecs import vpx
from media.codecs.pictures import PictureDecoder, VideoCodec
from media.codecs.vp8 import EncodedFrame, Vp8Encoder, frame_size
from media.errors import CodecError, WireError
from tests.unit.media.codecs.signals import likeness_db, luma, picture


def encoded(encoder: Vp8Encoder, numbers: range, size: tuple[int, int] = (320, 240)) -> list[EncodedFrame]:
    frames = [encoder.encode(picture(n, *size), n * 3000) for n in numbers]
    return [frame for frame in frames if frame is not None]


def rate(frames: list[EncodedFrame], seconds: float) -> float:
    return sum(len(frame.data) for frame in frames) * 8 / seconds


def test_what_was_encoded_is_what_is_seen() -> None:
    encoder, decoder = Vp8Encoder(1_000_000), PictureDecoder(VideoCodec.VP8)
    for number in range(10):
        frame = encoder.encode(picture(number), number * 3000)
        assert frame is not None
        shown = decoder.decode(frame.data)
        assert shown is not None
        assert (shown.width, shown.height) == (640, 480)
        assert likeness_db(number, shown) > 33


def test_the_rate_changes_in_place_without_a_key_frame() -> None:
    encoder = Vp8Encoder(800_000)
    start = encoded(encoder, range(60))
    encoder.change_rate(150_000)
    encoded(encoder, range(60, 90))
    low = encoded(encoder, range(90, 180))
    encoder.change_rate(600_000)
    high = encoded(encoder, range(180, 270))
    assert [n for n, frame in enumerate(start + low + high) if frame.is_key] == [0]
    assert rate(low, 3.0) < 220_000
    assert rate(high, 3.0) > 2 * rate(low, 3.0)


def test_uneven_frame_spacing_keeps_the_rate() -> None:
    encoder = Vp8Encoder(170_000)
    frames = [encoder.encode(picture(n, 480, 360), n * 3000) for n in range(150) if n % 6 != 5]
    assert rate([frame for frame in frames if frame is not None], 5.0) < 210_000


def test_a_key_frame_comes_when_asked_for_and_else_never() -> None:
    encoder = Vp8Encoder(500_000)
    keys = []
    for number in range(40):
        frame = encoder.encode(picture(number, 320, 240), number * 3000, key_frame=number in (15, 30))
        keys.append(frame is not None and frame.is_key)
    assert [n for n, is_key in enumerate(keys) if is_key] == [0, 15, 30]


def test_another_size_is_a_key_frame_and_says_so() -> None:
    encoder, decoder = Vp8Encoder(500_000), PictureDecoder(VideoCodec.VP8)
    for number, size in enumerate([(640, 480), (640, 480), (322, 242), (322, 242), (640, 480)]):
        frame = encoder.encode(picture(number, *size), number * 3000)
        assert frame is not None
        assert frame.is_key == (number in (0, 2, 4))
        assert frame_size(frame.data) == (size if frame.is_key else None)
        shown = decoder.decode(frame.data)
        assert shown is not None
        assert (shown.width, shown.height) == size


@pytest.mark.parametrize("kept", [0, 1])
def test_upper_layers_can_be_left_out_without_any_drift(kept: int) -> None:
    encoder = Vp8Encoder(600_000, temporal_layers=3)
    frames = encoded(encoder, range(40))
    assert [frame.temporal_layer for frame in frames[:8]] == [0, 2, 1, 2, 0, 2, 1, 2]
    assert [frame.level_zero_index for frame in frames[:9]] == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    whole, thin = PictureDecoder(VideoCodec.VP8), PictureDecoder(VideoCodec.VP8)
    for frame in frames:
        complete = whole.decode(frame.data)
        if frame.temporal_layer <= kept:
            partial = thin.decode(frame.data)
            assert complete is not None
            assert partial is not None
            assert np.array_equal(luma(complete), luma(partial))


def test_layers_have_their_share_of_the_rate() -> None:
    frames = encoded(Vp8Encoder(400_000, temporal_layers=3), range(240))[8:]
    base = sum(len(frame.data) for frame in frames if frame.temporal_layer == 0)
    assert 0.25 < base / sum(len(frame.data) for frame in frames) < 0.6


def test_timestamps_that_jump_or_stand_still_are_survived() -> None:
    encoder = Vp8Encoder(500_000)
    for timestamp in (0, 3000, 3000, 1000, 2**31, 0xFFFF_FFFF, 3000 + 2**32, 5):
        assert encoder.encode(picture(1, 160, 120), timestamp) is not None


def test_what_cannot_be_encoded_is_refused() -> None:
    with pytest.raises(CodecError, match="layers"):
        Vp8Encoder(500_000, temporal_layers=4)
    with pytest.raises(CodecError, match="yuv420p"):
        Vp8Encoder(500_000).encode(av.VideoFrame(320, 240, "rgb24"), 0)
    with pytest.raises(CodecError, match="4096x2160"):
        Vp8Encoder(500_000).encode(av.VideoFrame(4096, 2160, "yuv420p"), 0)


def test_settings_that_libvpx_refuses_are_errors() -> None:
    encoder = vpx.VpxEncoder(320, 240, 500_000, 90_000, vpx.Layers())
    with pytest.raises(CodecError):
        encoder.control(9999, 1)
    encoder.encode(picture(0, 320, 240), 3000, 3000, 0)
    with pytest.raises(CodecError, match="VP8"):
        encoder.encode(picture(1, 320, 240), 0, 3000, 0)  # back in time


def test_the_library_keeps_its_configuration_where_we_think() -> None:
    """The contract: another layout fails here, and at every start, instead of writing somewhere."""
    config = vpx._ffi.new("vpx_config *")
    vpx._library.vpx_codec_enc_config_default(vpx._library.vpx_codec_vp8_cx(), config, 0)
    vpx._check_layout(config)
    config.kf_max_dist = 7
    with pytest.raises(CodecError, match="layout"):
        vpx._check_layout(config)
    assert vpx.version().startswith("v1.")


@given(st.binary(max_size=40))
def test_any_bytes_have_a_size_or_none_or_are_refused(data: bytes) -> None:
    try:
        size = frame_size(data)
    except WireError:
        return
    assert size is None or all(0 <= side < 16_384 for side in size)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=30))
def test_damaged_frames_are_pictures_or_errors_and_the_next_key_frame_heals(at: int, junk: bytes) -> None:
    encoder, decoder = Vp8Encoder(300_000), PictureDecoder(VideoCodec.VP8)
    frames = encoded(encoder, range(3), (160, 120))
    decoder.decode(frames[0].data)
    position = at % len(frames[1].data)
    for damaged in (frames[1].data[:position] + junk, junk):
        with suppress(CodecError):
            decoder.decode(damaged)
    key = encoder.encode(picture(9, 160, 120), 30_000, key_frame=True)
    assert key is not None
    assert decoder.decode(key.data) is not None
