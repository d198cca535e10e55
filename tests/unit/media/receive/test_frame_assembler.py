"""Frames out of packets: any order, gaps that close, gaps that do not, temporal layers, damaged payloads."""

import random
from typing import NamedTuple

import pytest
from hypothesis import given, settings, strategies as st

from media.receive.frame_assembler import (
    KEY_FRAME_INTERVAL,
    MAX_BYTES,
    MAX_PACKETS,
    PATIENCE,
    Frame,
    FrameAssembler,
    VideoFormat,
)
from media.wire.vp8 import Vp8Descriptor, build_descriptor

STEP = 3000


class Packet(NamedTuple):
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes


def vp8_frame(number: int, first: int, *, key: bool = False, parts: int = 3, layers: bool = False) -> list[Packet]:
    """A frame of `parts` packets whose data says its number; with `layers` the L1T3 pattern."""
    layer, sync = (0, 2, 1, 2)[number % 4] if layers else 0, number % 4 in (1, 2)
    data = bytes((0x00 if key else 0x01,)) + b"\x00\x00\x9d\x01\x2a" + number.to_bytes(2) + bytes(20 * parts)
    size = -(-len(data) // parts)
    packets = []
    for part in range(parts):
        descriptor = Vp8Descriptor(
            0,
            part == 0,
            0,
            temporal_level_zero_index=(number // 4) & 0xFF if layers else None,
            temporal_layer=layer if layers else None,
            layer_sync=sync and layers,
        )
        payload = build_descriptor(descriptor) + data[part * size : (part + 1) * size]
        sequence, timestamp = (first + part) & 0xFFFF, (0xFFFF_0000 + number * STEP) & 0xFFFFFFFF
        packets.append(Packet(sequence, timestamp, part == parts - 1, payload))
    return packets


def vp8_stream(frames: int, *, parts: int = 3, layers: bool = False) -> list[list[Packet]]:
    return [vp8_frame(n, 65_500 + n * parts, key=n == 0, parts=parts, layers=layers) for n in range(frames)]


def number_of(frame: Frame) -> int:
    return int.from_bytes(frame.data[6:8])


def feed(assembler: FrameAssembler, packets: list[Packet], now: float) -> list[int]:
    for packet in packets:
        assembler.insert(*packet, now)
    return [number_of(frame) for frame in assembler.poll(now)]


def test_frames_come_out_whole_and_in_order() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    got = [feed(assembler, packets, n * 0.033) for n, packets in enumerate(vp8_stream(40))]
    assert got == [[n] for n in range(40)]
    assert assembler.statistics.key_frames == 1
    assert assembler.next_timeout() is None


@given(st.integers(0, 10_000))
def test_any_order_within_the_patience_gives_every_frame_once(seed: int) -> None:
    dice = random.Random(seed)
    assembler = FrameAssembler(VideoFormat.VP8)
    stream = vp8_stream(30)
    got = feed(assembler, stream[0], 0.0)
    packets = [packet for frame in stream[1:] for packet in frame]
    arrivals = sorted((n * 0.01 + dice.uniform(0, 0.2), n) for n in range(len(packets)))
    for arrival, n in arrivals:
        got += feed(assembler, [packets[n], packets[n]], arrival)
    assert got == list(range(30))
    assert assembler.statistics.given_up == 0


def test_a_gap_is_waited_for_then_given_up_until_a_key_frame() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    stream = vp8_stream(6)
    assert feed(assembler, stream[0], 0.0) == [0]
    assert feed(assembler, stream[1][:2] + stream[2], 0.1) == []
    due = assembler.next_timeout()
    assert due == 0.1 + PATIENCE
    assert not assembler.wants_key_frame(0.2)
    assert feed(assembler, stream[3], 0.2) == []
    assert assembler.poll(due) == []
    assert assembler.wants_key_frame(due)
    assert not assembler.wants_key_frame(due + 0.1)
    assert assembler.wants_key_frame(due + KEY_FRAME_INTERVAL)
    assert feed(assembler, stream[4], 0.5) == []
    key = vp8_frame(5, 65_515, key=True)
    assert feed(assembler, key, 0.6) == [5]
    assert not assembler.wants_key_frame(2.0)


def test_a_whole_key_frame_ends_the_wait_for_what_it_makes_needless() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    stream = vp8_stream(8)
    feed(assembler, stream[0], 0.0)
    feed(assembler, stream[2], 0.1)
    assembler.poll(0.1 + PATIENCE)
    assert assembler.wants_key_frame(0.4)
    assert feed(assembler, stream[4], 0.41) == []
    assert feed(assembler, vp8_frame(6, 65_518, key=True), 0.42) == [6], "frame 5 is missing, nobody needs it"


def test_nothing_before_the_first_key_frame_and_it_is_asked_for() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    assert not assembler.wants_key_frame(0.0), "nothing came yet"
    assert feed(assembler, vp8_frame(1, 100), 0.0) == []
    assert assembler.wants_key_frame(0.0)
    assert feed(assembler, vp8_frame(2, 103, key=True), 0.1) == [2]


def test_a_missing_upper_layer_costs_what_needs_it_only() -> None:
    assembler = FrameAssembler(VideoFormat.VP8, patience=0.05)
    stream = vp8_stream(12, layers=True)
    got = []
    for n, packets in enumerate(stream):
        got += feed(assembler, [] if n in (2, 5) else packets, n * 0.1)
        got += [number_of(frame) for frame in assembler.poll(n * 0.1 + 0.06)]
    assert got == [0, 1, 4, 6, 8, 9, 10, 11], "3 and 7 are no sync frames: they may refer to what is missing"
    assert not assembler.wants_key_frame(3.0)


def test_a_missing_base_frame_needs_a_key_frame() -> None:
    assembler = FrameAssembler(VideoFormat.VP8, patience=0.05)
    got = []
    for n, packets in enumerate(vp8_stream(12, layers=True)):
        got += feed(assembler, [] if n == 4 else packets, n * 0.1)
        got += [number_of(frame) for frame in assembler.poll(n * 0.1 + 0.06)]
    assert got == [0, 1, 2, 3]
    assert assembler.wants_key_frame(3.0)


def test_padding_is_no_frame_and_no_gap() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    assert feed(assembler, vp8_frame(0, 10, key=True), 0.0) == [0]
    padding = [Packet(13 + n, 0xFFFF_0000, False, b"") for n in range(3)]
    assert feed(assembler, padding + vp8_frame(1, 16), 0.1) == [1]


def test_an_unreadable_payload_costs_its_frame() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    assert feed(assembler, vp8_frame(0, 10, key=True), 0.0) == [0]
    broken = vp8_frame(1, 13)
    broken[1] = broken[1]._replace(payload=b"\x80")
    assert feed(assembler, broken + vp8_frame(2, 16), 0.1) == []
    assert assembler.wants_key_frame(0.1)
    assert assembler.statistics.malformed == 2


def test_another_source_begins_anew() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    assert feed(assembler, vp8_frame(0, 10, key=True), 0.0) == [0]
    assert feed(assembler, vp8_frame(1, 30_000), 0.1) == []
    assert assembler.wants_key_frame(0.4)
    assert feed(assembler, vp8_frame(2, 30_003, key=True), 0.5) == [2]


SPS, PPS, IDR, SLICE = b"\x67\x42", b"\x68\xce", b"\x65" + bytes(30), b"\x41" + bytes(30)


def stap(*units: bytes) -> bytes:
    return b"\x78" + b"".join(len(unit).to_bytes(2) + unit for unit in units)


def fragments(unit: bytes, parts: int) -> list[bytes]:
    size = -(-(len(unit) - 1) // parts)
    body = [unit[1 + n * size : 1 + (n + 1) * size] for n in range(parts)]
    flags = [(0x80 if n == 0 else 0) | (0x40 if n == parts - 1 else 0) for n in range(parts)]
    return [bytes((unit[0] & 0xE0 | 28, flag | unit[0] & 0x1F)) + part for flag, part in zip(flags, body, strict=True)]


def h264_packets(first: int, timestamp: int, payloads: list[bytes]) -> list[Packet]:
    return [Packet(first + n, timestamp, n == len(payloads) - 1, payload) for n, payload in enumerate(payloads)]


def test_h264_units_aggregates_and_fragments_become_a_byte_stream() -> None:
    assembler = FrameAssembler(VideoFormat.H264)
    for packet in h264_packets(5, 0, [stap(SPS, PPS), *fragments(IDR, 3)]) + h264_packets(9, STEP, [SLICE]):
        assembler.insert(*packet, 0.0)
    key, delta = assembler.poll(0.0)
    assert key.is_key
    assert key.data == b"".join(b"\0\0\0\1" + unit for unit in (SPS, PPS, IDR))
    assert not delta.is_key
    assert delta.data == b"\0\0\0\1" + SLICE


def test_h264_goes_on_at_the_next_key_frame_after_a_gap() -> None:
    assembler = FrameAssembler(VideoFormat.H264, patience=0.1)
    for packet in h264_packets(5, 0, [SPS, PPS, IDR]) + h264_packets(9, 2 * STEP, fragments(SLICE, 2)):
        assembler.insert(*packet, 0.0)
    assert len(assembler.poll(0.0)) == 1
    assert assembler.poll(0.1) == []
    assert assembler.wants_key_frame(0.1)
    for packet in h264_packets(11, 3 * STEP, [SPS, PPS, *fragments(IDR, 2)]):
        assembler.insert(*packet, 0.2)
    assert [frame.is_key for frame in assembler.poll(0.2)] == [True]


@pytest.mark.parametrize(
    "payloads",
    [
        [stap(SPS, PPS)[:-1]],
        [b"\x78"],
        fragments(IDR, 3)[:2],
        fragments(IDR, 3)[1:],
        [fragments(IDR, 2)[0], SLICE],
        [b"\x7d\x00"],
        [b"\x1c"],
    ],
)
def test_h264_that_does_not_fit_together_is_dropped(payloads: list[bytes]) -> None:
    assembler = FrameAssembler(VideoFormat.H264)
    for packet in h264_packets(5, 0, payloads):
        assembler.insert(*packet, 0.0)
    assert assembler.poll(0.0) == []
    assert assembler.statistics.malformed >= 1


_PACKETS = st.tuples(
    st.one_of(st.integers(0, 65_535), st.integers(100, 140)),
    st.one_of(st.integers(0, 2**32 - 1), st.integers(0, 12).map(lambda n: n * STEP)),
    st.booleans(),
    st.one_of(st.binary(max_size=12), st.sampled_from([p.payload for p in vp8_frame(3, 0, key=True)]), st.just(IDR)),
    st.floats(0, 0.3),
)


@settings(max_examples=300)
@given(st.sampled_from(VideoFormat), st.lists(_PACKETS, max_size=60))
def test_whatever_comes_it_stays_bounded_and_ends(
    codec: VideoFormat, packets: list[tuple[int, int, bool, bytes, float]]
) -> None:
    assembler = FrameAssembler(codec)
    now = 0.0
    for sequence, timestamp, marker, payload, pause in packets:
        now += pause
        assembler.insert(sequence, timestamp, marker, payload, now)
        for frame in assembler.poll(now):
            assert frame.data
        assert sum(len(p.payload) for p in assembler._packets.values()) == assembler._bytes
    due = assembler.next_timeout()
    if due is not None:
        assembler.poll(due)
        later = assembler.next_timeout()
        assert later is None or later > due - 1e-9


def test_what_waits_is_bounded() -> None:
    assembler = FrameAssembler(VideoFormat.VP8)
    feed(assembler, vp8_frame(0, 10, key=True), 0.0)
    payload = vp8_frame(1, 0)[0].payload + bytes(1400)
    for n in range(5000):
        assembler.insert((15 + n) & 0xFFFF, STEP * n, False, payload, 0.0)
        assert len(assembler._packets) <= MAX_PACKETS
        assert assembler._bytes <= MAX_BYTES
    assert assembler.wants_key_frame(1.0)
