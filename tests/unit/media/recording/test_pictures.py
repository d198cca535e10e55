"""Whole, decodable pictures out of packets."""

from hypothesis import given, strategies as st

from media.errors import WireError
from media.recording.h264_size import picture_size
from media.recording.pictures_h264 import H264Pictures
from media.recording.pictures_vp8 import Vp8Pictures
from media.recording.sequencer import Numbered
from media.wire.vp8 import Vp8Descriptor, build_descriptor

KEY = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01"
DELTA = b"\x11\x00\x00"
SPS = bytes.fromhex("6742c01eda0280f684000003000400000300f23c58ba80")
PPS, IDR, SLICE = b"\x68\xce\x3c\x80", b"\x65" + b"i" * 20, b"\x41" + b"s" * 20


def vp8(
    number: int,
    picture: int,
    data: bytes,
    *,
    layer: int | None = None,
    base: int | None = None,
    sync: bool = False,
    first: bool = True,
    last: bool = True,
    identified: bool = True,
) -> Numbered:
    descriptor = Vp8Descriptor(
        0,
        first,
        0,
        picture_id=picture if identified else None,
        picture_id_bits=15 if identified else 0,
        temporal_level_zero_index=base,
        temporal_layer=layer,
        layer_sync=sync,
    )
    return Numbered(number, picture * 3000, 0.0, last, build_descriptor(descriptor) + data)


def test_a_picture_of_several_packets_is_put_together() -> None:
    builder = Vp8Pictures()
    assert builder.wants_key
    assert builder.add(vp8(1, 1, KEY + b"one", last=False)) is None
    assert builder.add(vp8(2, 1, b"two", first=False, last=False)) is None
    picture = builder.add(vp8(3, 1, b"three", first=False))
    assert picture is not None
    assert (picture.key, picture.payload, picture.width, picture.height) == (True, KEY + b"onetwothree", 640, 480)
    assert not builder.wants_key


def test_nothing_is_kept_before_a_key_picture() -> None:
    builder = Vp8Pictures()
    assert builder.add(vp8(1, 1, DELTA)) is None
    assert builder.add(vp8(2, 2, KEY)) is not None
    assert builder.add(vp8(3, 3, DELTA)) is not None


def test_after_a_loss_everything_waits_for_a_key_picture() -> None:
    builder = Vp8Pictures()
    builder.add(vp8(1, 1, KEY))
    assert builder.add(vp8(3, 3, DELTA)) is None
    assert builder.wants_key
    assert builder.add(vp8(4, 4, DELTA)) is None
    assert builder.add(vp8(5, 5, KEY)) is not None
    assert builder.dropped == 2


def test_lost_padding_costs_nothing() -> None:
    builder = Vp8Pictures()
    builder.add(vp8(1, 1, KEY))
    assert builder.add(vp8(4, 2, DELTA)) is not None
    assert builder.add(Numbered(5, 0, 0.0, False, b"")) is None
    assert builder.add(vp8(6, 3, DELTA)) is not None


def test_a_lost_upper_layer_costs_only_itself() -> None:
    builder = Vp8Pictures()
    builder.add(vp8(1, 1, KEY, layer=0, base=1))
    assert builder.add(vp8(2, 2, DELTA, layer=1, base=1, sync=True)) is not None
    # 3 (layer 0, base 2) comes, 4 (layer 1) is lost
    assert builder.add(vp8(3, 3, DELTA, layer=0, base=2)) is not None
    assert builder.add(vp8(5, 5, DELTA, layer=0, base=3)) is not None
    assert builder.add(vp8(6, 6, DELTA, layer=1, base=3)) is None, "it may refer to the one that was lost"
    assert not builder.wants_key
    assert builder.add(vp8(7, 7, DELTA, layer=0, base=4)) is not None
    assert builder.add(vp8(8, 8, DELTA, layer=1, base=4, sync=True)) is not None
    assert builder.add(vp8(9, 9, DELTA, layer=1, base=4)) is not None


def test_a_lost_base_layer_needs_a_key_picture() -> None:
    builder = Vp8Pictures()
    builder.add(vp8(1, 1, KEY, layer=0, base=1))
    assert builder.add(vp8(3, 3, DELTA, layer=0, base=3)) is None
    assert builder.wants_key


def test_a_resolution_bomb_is_no_picture() -> None:
    builder = Vp8Pictures()
    assert builder.add(vp8(1, 1, KEY[:6] + b"\xff\x3f\xff\x3f")) is None
    assert builder.add(vp8(2, 2, KEY[:6] + b"\x00\x00\x00\x00")) is None
    assert builder.wants_key


def test_what_was_forgotten_is_not_referred_to() -> None:
    builder = Vp8Pictures()
    builder.add(vp8(1, 1, KEY))
    builder.forget()
    assert builder.add(vp8(2, 2, DELTA)) is None


def test_h264_is_stored_with_lengths_and_its_parameter_sets() -> None:
    builder = H264Pictures()
    stap = b"\x78" + b"".join(len(unit).to_bytes(2) + unit for unit in (SPS, PPS))
    assert builder.add(Numbered(1, 1, 0.0, False, stap)) is None
    fragments = (b"\x7c\x85" + IDR[1:10], b"\x7c\x05" + IDR[10:15], b"\x7c\x45" + IDR[15:])
    assert builder.add(Numbered(2, 1, 0.0, False, fragments[0])) is None
    assert builder.add(Numbered(3, 1, 0.0, False, fragments[1])) is None
    picture = builder.add(Numbered(4, 1, 0.0, True, fragments[2]))
    assert picture is not None
    assert picture.payload == b"".join(len(unit).to_bytes(4) + unit for unit in (SPS, PPS, IDR))
    assert picture.private[:6] == b"\x01\x42\xc0\x1e\xff\xe1"
    assert (picture.width, picture.height) == (640, 480)
    following = builder.add(Numbered(5, 2, 0.0, True, SLICE))
    assert following is not None
    assert not following.key
    assert builder.add(Numbered(7, 4, 0.0, True, SLICE)) is None
    assert builder.wants_key
    again = builder.add(Numbered(8, 5, 0.0, True, IDR))
    assert again is not None, "the parameter sets are known from before"
    assert again.payload.count(SPS) == 1


def test_h264_with_a_lost_fragment_is_left_out() -> None:
    builder = H264Pictures()
    for number, unit in enumerate((SPS, PPS)):
        builder.add(Numbered(number, 1, 0.0, False, unit))
    builder.add(Numbered(2, 1, 0.0, False, b"\x7c\x85" + b"i" * 5))
    assert builder.add(Numbered(4, 1, 0.0, True, b"\x7c\x45" + b"i" * 5)) is None
    assert builder.wants_key


@given(st.binary(max_size=60))
def test_any_parameter_set_is_survived(data: bytes) -> None:
    try:
        width, height = picture_size(b"\x67" + data)
    except WireError:
        return
    assert width > 0
    assert height > 0


PACKETS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.booleans(), st.binary(max_size=40)), max_size=60)


@given(PACKETS)
def test_any_payload_is_survived(packets: list[tuple[int, int, bool, bytes]]) -> None:
    builders = (Vp8Pictures(), H264Pictures())
    number = 0
    for step, timestamp, marker, payload in packets:
        number += step
        for builder in builders:
            builder.add(Numbered(number, timestamp, 0.0, marker, payload))
