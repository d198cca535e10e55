"""A voice without holes, and in time."""

import av
import pytest
from hypothesis import given, strategies as st

from media.recording.voice import LONG_MS, SHORT_MS, Voice, silence
from media.wire.opus import packet_ms

PACKET = b"\x78" + b"x" * 40


def contiguous(sound: list[tuple[float, bytes]], start: float) -> float:
    for time_ms, packet in sound:
        assert time_ms == pytest.approx(start)
        start += packet_ms(packet)
    return start


@given(st.lists(st.tuples(st.floats(-30, 400), st.booleans()), min_size=1, max_size=60))
def test_packets_follow_each_other_and_their_time(steps: list[tuple[float, bool]]) -> None:
    voice = Voice()
    time_ms = end = 100.0
    for jump, quiet in steps:
        if quiet:
            end = contiguous(voice.silence_until(time_ms), end)
        left_out = voice.left_out
        sound = voice.add(time_ms, PACKET)
        end = contiguous(sound, end)
        assert voice.end_ms == pytest.approx(end)
        if voice.left_out == left_out:
            placed = sound[-1][0]
            assert -SHORT_MS - 0.01 <= placed - time_ms <= LONG_MS + 0.01
        time_ms = max(0.0, time_ms + 20 + jump)


def test_a_slow_sound_card_gets_five_milliseconds_now_and_then() -> None:
    """100 ppm: a packet of 20 ms lasts 20.002 ms of call time."""
    voice = Voice()
    for index in range(90_000):
        for time_ms, packet in voice.add(index * 20.002, PACKET):
            if packet is PACKET:
                assert abs(time_ms - index * 20.002) <= SHORT_MS + 0.1
    assert 150 < voice.filled_ms < 200


def test_a_fast_sound_card_loses_a_packet_now_and_then() -> None:
    voice = Voice()
    for index in range(90_000):
        for time_ms, packet in voice.add(index * 19.998, PACKET):
            if packet is PACKET:
                assert abs(time_ms - index * 19.998) <= LONG_MS + 0.1
    assert 6 <= voice.left_out <= 12


def test_a_hole_is_concealed_first_and_silent_then() -> None:
    voice = Voice()
    voice.add(0.0, PACKET)
    filling = [packet for _, packet in voice.add(1020.0, PACKET)][:-1]
    assert filling[:5] == [b"\x78"] * 5
    assert all(packet.startswith((b"\xfb\x06", b"\xf8\xff\xfe")) for packet in filling[5:])
    assert sum(packet_ms(packet) for packet in filling) == 1000


def test_what_fills_is_understood_by_decoders() -> None:
    for name in ("libopus", "opus"):
        codec = av.CodecContext.create(name, "r")
        codec.sample_rate, codec.layout = 48_000, "stereo"  # type: ignore[attr-defined]
        for _, packet in [*silence(0, 275), *((0, bytes((toc & 0xFC,))) for toc in (0x78, 0x08, 0xFC, 0x48))]:
            frames = codec.decode(av.Packet(packet))  # type: ignore[attr-defined]
            samples = sum(frame.samples for frame in frames)
            assert abs(samples - packet_ms(packet) * 48) <= (0 if name == "libopus" else 24)


@given(st.integers(0, 100_000), st.integers(0, 30_000))
def test_silence_lasts_as_long_as_it_should(start: int, length: int) -> None:
    sound = silence(start, start + length)
    assert 0 <= length - sum(packet_ms(packet) for _, packet in sound) < 5


@given(st.binary(max_size=10))
def test_any_packet_is_survived(packet: bytes) -> None:
    voice = Voice()
    voice.add(0.0, PACKET)
    voice.add(20.0, packet)
    assert voice.bad <= 1
