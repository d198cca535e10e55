"""Joined Opus packets decode to what their frames decode to."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st

from media.errors import WireError
from media.wire.opus import frame_ms, join, packet_ms


def _encode(count: int, bit_rate: int) -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48000, "mono", "s16"
    encoder.bit_rate, encoder.time_base = bit_rate, Fraction(1, 48000)
    encoder.options = {"application": "voip", "vbr": "on"}
    packets: list[bytes] = []
    for index in range(count):
        phase = (np.arange(960) + index * 960) / 48000
        tone = (8000 * np.sin(2 * np.pi * (200 + 10 * index) * phase)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(tone[None, :], "s16", "mono")
        frame.sample_rate, frame.pts = 48000, index * 960
        packets += [bytes(p) for p in encoder.encode(frame)]
    return packets


def _decode(packets: list[bytes]) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48000, "mono"
    frames = [f.to_ndarray().reshape(-1) for p in packets for f in decoder.decode(av.Packet(p))]
    return np.concatenate(frames)


@pytest.mark.parametrize(("size", "bit_rate"), [(2, 16_000), (3, 24_000), (3, 64_000), (6, 32_000)])
def test_joined_frames_sound_the_same(size: int, bit_rate: int) -> None:
    packets = _encode(24, bit_rate)
    packets = packets[: len(packets) // size * size]
    joined = [join(packets[i : i + size]) for i in range(0, len(packets), size)]
    assert packet_ms(joined[0]) == 20.0 * size
    np.testing.assert_array_equal(_decode(joined), _decode(packets))


@pytest.mark.parametrize(
    "packets", [[b"\x08aa", b"\x10aa"], [b"\x0baa"] * 2, [b"\x08a"] * 7, [], [b"", b""], [bytes(361)] * 2]
)
def test_packets_that_differ_are_not_joined(packets: list[bytes]) -> None:
    with pytest.raises(WireError, match="joined"):
        join(packets)


def test_durations() -> None:
    assert frame_ms(0 << 3) == 10.0
    assert frame_ms(11 << 3) == 60.0
    assert frame_ms(13 << 3) == 20.0
    assert frame_ms(16 << 3) == 2.5
    assert packet_ms(b"\x0a..") == 40.0


@given(st.binary(max_size=10))
def test_any_bytes_have_a_duration_or_are_refused(data: bytes) -> None:
    try:
        assert 2.5 <= packet_ms(data) <= 120.0
    except WireError:
        return


@given(st.lists(st.one_of(st.binary(max_size=8), st.just(b"\x08a")), max_size=60))
def test_any_packets_are_joined_or_refused(packets: list[bytes]) -> None:
    try:
        joined = join(packets)
        assert joined == packets[0] or packet_ms(joined) == sum(packet_ms(p) for p in packets)
    except WireError:
        return
