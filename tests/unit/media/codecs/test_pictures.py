"""Decoding: what is too large or damaged is an error, never a crash, and never memory."""

import tracemalloc

import pytest
from hypothesis import given, settings, strategies as st

from media.codecs.limits import MAX_FRAME_BYTES
from media.codecs.pictures import PictureDecoder, VideoCodec
from media.codecs.vp8 import KEY_FRAME_START, Vp8Encoder
from media.errors import CodecError
from tests.unit.media.codecs.h264 import H264Source
from tests.unit.media.codecs.signals import likeness_db, picture


def vp8_bomb(width: int, height: int) -> bytes:
    """A key frame of a few bytes that declares a huge picture."""
    return b"\x10\x02\x00" + KEY_FRAME_START + width.to_bytes(2, "little") + height.to_bytes(2, "little") + bytes(60)


@pytest.mark.parametrize("size", [(16383, 16383), (1920, 1200), (0, 0)])
def test_a_resolution_bomb_is_refused_before_it_takes_memory(size: tuple[int, int]) -> None:
    tracemalloc.start()
    with pytest.raises(CodecError, match=f"{size[0]}x{size[1]}"):
        PictureDecoder(VideoCodec.VP8).decode(vp8_bomb(*size))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_h264_larger_than_allowed_is_refused() -> None:
    unit = H264Source(640, 480).encode(picture(0))
    with pytest.raises(CodecError):
        PictureDecoder(VideoCodec.H264, max_pixels=320 * 240).decode(unit)
    assert PictureDecoder(VideoCodec.H264).decode(unit) is not None


def test_a_frame_of_too_many_bytes_is_refused() -> None:
    with pytest.raises(CodecError, match="bytes"):
        PictureDecoder(VideoCodec.H264).decode(bytes(MAX_FRAME_BYTES + 1))


def test_vp8_begins_with_a_key_frame() -> None:
    encoder = Vp8Encoder(300_000)
    frames = [encoder.encode(picture(n, 160, 120), n * 3000) for n in range(2)]
    assert frames[1] is not None
    with pytest.raises(CodecError, match="key frame"):
        PictureDecoder(VideoCodec.VP8).decode(frames[1].data)


def test_h264_pictures_come_at_once() -> None:
    source, decoder = H264Source(640, 480, 1_500_000), PictureDecoder(VideoCodec.H264)
    for number in range(10):
        shown = decoder.decode(source.encode(picture(number)))
        assert shown is not None, "no picture is kept back"
        assert likeness_db(number, shown) > 30


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(VideoCodec), st.lists(st.binary(max_size=300), max_size=5), st.integers(0, 5000))
def test_any_bytes_are_pictures_or_errors(codec: VideoCodec, junk: list[bytes], at: int) -> None:
    decoder = PictureDecoder(codec)
    unit = H264Source(160, 120).encode(picture(0, 160, 120)) if codec is VideoCodec.H264 else vp8_bomb(160, 120)
    for data in [*junk, *(unit[: at % len(unit)] + bytes_ for bytes_ in junk)]:
        try:
            shown = decoder.decode(data)
        except CodecError:
            continue
        assert shown is None or shown.format.name == "yuv420p"
