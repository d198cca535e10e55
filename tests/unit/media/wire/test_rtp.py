"""RTP packets and header extensions, as values and as layouts."""

import pytest
from hypothesis import given, strategies as st

from media.errors import WireError
from media.wire.extensions import ONE_BYTE_PROFILE, TWO_BYTE_PROFILE, build_extensions, element_places
from media.wire.layout import NO_LAYOUT, LayoutIds, read_layout
from media.wire.rtp import RtpPacket, build_packet, parse_packet

IDS = LayoutIds(mid=4, audio_level=1, abs_send_time=2, transport_cc=3)

# Version 2, extension, marker, type 111, sequence 0x1234, one-byte elements 3 (two bytes), 1 (one byte), padded.
VECTOR = bytes.fromhex("90ef1234 00000fa0 cafebabe bede0002 31 0007 10 94 00 00 00 78797a".replace(" ", ""))

elements = st.lists(
    st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=6, unique_by=lambda element: element[0]
).map(tuple)
packets = st.builds(
    RtpPacket,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.booleans(),
    st.binary(max_size=50),
    elements,
    st.lists(st.integers(0, 0xFFFFFFFF), max_size=15).map(tuple),
    st.integers(0, 255),
)


def test_a_packet_of_known_bytes() -> None:
    packet = parse_packet(VECTOR)
    assert packet == RtpPacket(111, 0x1234, 4000, 0xCAFEBABE, True, b"xyz", ((3, b"\x00\x07"), (1, b"\x94")))
    assert packet.extension(3) == b"\x00\x07"
    assert packet.extension(9) is None


@given(packets)
def test_what_is_built_is_parsed(packet: RtpPacket) -> None:
    assert parse_packet(build_packet(packet)) == packet


@given(st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=255)), min_size=1, max_size=5).map(tuple))
def test_elements_that_need_it_take_the_two_byte_form(values: tuple[tuple[int, bytes], ...]) -> None:
    block = build_extensions(values)
    profile = int.from_bytes(block[:2])
    fits = all(identifier <= 14 and 1 <= len(value) <= 16 for identifier, value in values)
    assert profile == (ONE_BYTE_PROFILE if fits else TWO_BYTE_PROFILE)
    found = [
        (identifier, block[at : at + size]) for identifier, at, size in element_places(block, 4, len(block), profile)
    ]
    assert tuple(found) == values


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_are_a_packet_or_a_wire_error(data: bytes, look_real: bool) -> None:
    if look_real:
        data = b"\xb1" + data
    try:
        packet = parse_packet(data)
    except WireError:
        return
    assert len(packet.payload) <= len(data)


@pytest.mark.parametrize(
    "packet",
    [
        RtpPacket(128, 0, 0, 0),
        RtpPacket(0, 65536, 0, 0),
        RtpPacket(0, 0, -1, 0),
        RtpPacket(0, 0, 0, 0, padding=256),
        RtpPacket(0, 0, 0, 0, csrcs=(0,) * 16),
        RtpPacket(0, 0, 0, 0, extensions=((0, b"x"),)),
        RtpPacket(0, 0, 0, 0, extensions=((256, b"x"),)),
    ],
)
def test_values_that_do_not_fit_are_refused(packet: RtpPacket) -> None:
    with pytest.raises(WireError):
        build_packet(packet)


@pytest.mark.parametrize("body", ["31ff", "f0", "0f313233"])
def test_one_byte_elements_that_leave_the_block_or_end_it(body: str) -> None:
    data = bytes.fromhex(body)
    if body == "31ff":
        with pytest.raises(WireError):
            list(element_places(data, 0, len(data), ONE_BYTE_PROFILE))
    else:
        assert list(element_places(data, 0, len(data), ONE_BYTE_PROFILE)) == []


@given(packets, st.integers(0, 8))
def test_a_layout_says_where_the_elements_stand(packet: RtpPacket, start: int) -> None:
    data = build_packet(packet)
    view = memoryview(bytearray(start) + data)
    layout = read_layout(view, start, len(view), IDS)
    assert layout.fits(view, start)
    assert bytes(data[layout.size : len(data) - packet.padding]) == packet.payload
    for name, width in (("mid", 1), ("audio_level", 1), ("abs_send_time", 3), ("transport_cc", 2)):
        value = packet.extension(getattr(IDS, name))
        place = getattr(layout, name)
        if value is not None and len(value) == width:
            assert data[place : place + width] == value
        else:
            assert place == 0


@given(packets, packets)
def test_a_layout_that_fits_another_packet_is_its_layout(one: RtpPacket, other: RtpPacket) -> None:
    first, second = build_packet(one), build_packet(other)
    if len(second) < len(first):
        second += bytes(len(first) - len(second))
    layout = read_layout(memoryview(first), 0, len(first), IDS)
    view = memoryview(second)
    if layout.fits(view, 0):
        real = read_layout(view, 0, len(view), IDS)
        for name in ("size", "mid", "audio_level", "abs_send_time", "transport_cc"):
            assert getattr(real, name) == getattr(layout, name)


def test_a_layout_is_kept_while_only_values_change() -> None:
    layout = read_layout(memoryview(VECTOR), 0, len(VECTOR), IDS)
    changed = bytearray(VECTOR)
    changed[17:19] = b"\xab\xcd"
    changed[1] ^= 0x80
    assert layout.fits(memoryview(changed), 0)
    changed[16] = 0x41
    assert not layout.fits(memoryview(changed), 0)
    assert not NO_LAYOUT.fits(memoryview(VECTOR), 0)


@given(st.binary(max_size=60))
def test_any_bytes_have_a_layout_or_a_wire_error(data: bytes) -> None:
    for text in (data, b"\x90" + data, b"\x93" + data):
        try:
            layout = read_layout(memoryview(text), 0, len(text), IDS)
        except WireError:
            continue
        assert layout.size <= len(text)
