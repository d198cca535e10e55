"""Payload formats: RED, RTX, VP8 and H.264."""

import pytest
from hypothesis import given, strategies as st

from media.errors import WireError
from media.wire import h264, vp8
from media.wire.red import build_red, parse_red
from media.wire.rtp import RtpPacket, build_packet, parse_packet
from media.wire.rtx import make_rtx, read_original_sequence, restore_original

redundant = st.lists(st.tuples(st.integers(0, 127), st.integers(0, 16383), st.binary(max_size=60)), max_size=5)


@given(redundant, st.integers(0, 127), st.binary(max_size=60), st.integers(0, 4))
def test_red_blocks_survive(blocks: list[tuple[int, int, bytes]], primary_type: int, primary: bytes, at: int) -> None:
    data = bytes(at) + build_red(blocks, primary_type, primary)
    found = parse_red(data, at, len(data))
    assert [(b.payload_type, b.timestamp_offset, data[b.start : b.end]) for b in found] == [
        *blocks,
        (primary_type, 0, primary),
    ]


def test_red_of_known_bytes() -> None:
    data = bytes.fromhex("ef0f0003 6f 010203 0405".replace(" ", ""))  # RFC 2198 §3: F=1, type 111, offset 960, length 3
    assert [tuple(block) for block in parse_red(data, 0, len(data))] == [(111, 960, 5, 8), (111, 0, 8, 10)]


@pytest.mark.parametrize("payload", ["", "ef0f", "ef0f0003", "ef0f0003 6f 0102", "ef0f0003" * 17 + "6f" + "00" * 60])
def test_red_that_lies_is_refused(payload: str) -> None:
    data = bytes.fromhex(payload.replace(" ", ""))
    with pytest.raises(WireError):
        parse_red(data, 0, len(data))


@given(st.binary(max_size=80))
def test_any_red_payload_stays_inside_or_is_a_wire_error(data: bytes) -> None:
    try:
        blocks = parse_red(data, 0, len(data))
    except WireError:
        return
    assert all(0 <= block.start <= block.end <= len(data) for block in blocks)


@given(st.binary(max_size=100), st.integers(0, 0xFFFF), st.booleans(), st.integers(0, 5))
def test_a_retransmission_becomes_the_original_again(payload: bytes, number: int, marker: bool, start: int) -> None:
    packet = RtpPacket(96, number, 777, 0xABCD, marker, payload, ((3, b"\x00\x09"),))
    original = build_packet(packet)
    header = len(original) - len(payload)
    wrapped = bytes(make_rtx(original, header, 97, 5, 0xDCBA))
    outside = parse_packet(wrapped)
    assert outside == packet._replace(
        payload_type=97, sequence_number=5, ssrc=0xDCBA, payload=number.to_bytes(2) + payload
    )
    view = memoryview(bytearray(start) + wrapped)
    assert read_original_sequence(view, start + header, len(view)) == number
    second = original[1]
    end = restore_original(view, start, start + header, len(view), second, number, 0xABCD)
    assert bytes(view[start:end]) == original


def test_a_retransmission_without_a_number_is_refused() -> None:
    with pytest.raises(WireError):
        read_original_sequence(bytes(13), 12, 13)


descriptors = st.builds(
    vp8.Vp8Descriptor,
    st.just(0),
    st.booleans(),
    st.integers(0, 7),
    st.booleans(),
    picture_id=st.none(),
    picture_id_bits=st.just(0),
    temporal_level_zero_index=st.none() | st.integers(0, 255),
    temporal_layer=st.none(),
    layer_sync=st.just(False),
    key_index=st.none() | st.integers(0, 31),
)


@given(descriptors, st.sampled_from([(None, 0), (5, 7), (127, 7), (5, 15), (32767, 15)]), st.booleans(), st.booleans())
def test_vp8_descriptors_survive(
    descriptor: vp8.Vp8Descriptor, picture: tuple[int | None, int], layered: bool, sync: bool
) -> None:
    descriptor = descriptor._replace(picture_id=picture[0], picture_id_bits=picture[1], layer_sync=False)
    if layered:
        descriptor = descriptor._replace(temporal_layer=2, layer_sync=sync)
    data = vp8.build_descriptor(descriptor)
    assert vp8.parse_descriptor(b"ab" + data + b"c", 2, len(data) + 3) == descriptor._replace(size=len(data))


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ("10 00", True),  # no extension, S, partition 0, P bit clear: RFC 7741 §4.3
        ("10 01", False),
        ("00 00", False),
        ("11 00", False),
        ("90 80 81 01 00", True),  # 15-bit picture id
        ("90 80 81 01 01", False),
        ("90 80 01 10", True),
        ("90 e0 81 01 05 00 10", True),
        ("90 e0 81 01 05 00", False),
        ("90", False),
        ("", False),
    ],
)
def test_vp8_key_frames_of_known_bytes(payload: str, key: bool) -> None:
    data = b"h" + bytes.fromhex(payload.replace(" ", ""))
    assert vp8.starts_key_frame(data, 1, len(data)) is key


@given(st.binary(max_size=12))
def test_any_vp8_payload_has_a_descriptor_or_a_wire_error(data: bytes) -> None:
    key = vp8.starts_key_frame(data, 0, len(data))
    try:
        descriptor = vp8.parse_descriptor(data, 0, len(data))
    except WireError:
        assert not key
        return
    first_of_frame = descriptor.start_of_partition and descriptor.partition == 0
    rest = data[descriptor.size :]
    assert key == (first_of_frame and bool(rest) and not rest[0] & 1)


@pytest.mark.parametrize(
    ("payload", "key"),
    [
        ("67 42", True),  # sequence parameter set
        ("65 88", True),  # IDR slice
        ("61 88", False),
        ("7c 85 00", True),  # FU-A, start, IDR
        ("7c 05 00", False),  # FU-A, middle
        ("7c 81 00", False),
        ("78 0002 67 42 0002 68 ce", True),  # STAP-A: SPS, PPS
        ("78 0002 68 ce 0002 65 88", True),
        ("78 0002 61 88", False),
        ("78 0000 67", False),
        ("78 ffff 61", False),
        ("7c", False),
        ("", False),
    ],
)
def test_h264_key_frames_of_known_bytes(payload: str, key: bool) -> None:
    data = b"h" + bytes.fromhex(payload.replace(" ", ""))
    assert h264.starts_key_frame(data, 1, len(data)) is key


@given(st.binary(max_size=60))
def test_any_h264_payload_is_judged(data: bytes) -> None:
    assert h264.starts_key_frame(b"\x78" + data, 0, len(data) + 1) in (True, False)
