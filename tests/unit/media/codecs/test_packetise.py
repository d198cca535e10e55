"""Frames to payloads and back."""

from hypothesis import given, strategies as st

from media.codecs.packetise import packetise, packetise_h264
from media.codecs.vp8 import EncodedFrame
from media.receive.depacketise import holds_idr, inspect_h264, join_h264, join_vp8
from media.wire.vp8 import parse_descriptor, starts_key_frame

FRAMES = st.builds(
    EncodedFrame,
    st.binary(min_size=1, max_size=6000),
    st.booleans(),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 255),
    st.booleans(),
)


@given(FRAMES, st.integers(0, 100_000), st.integers(50, 1200))
def test_payloads_carry_the_frame_and_say_where_it_belongs(frame: EncodedFrame, picture_id: int, room: int) -> None:
    payloads = packetise(frame, picture_id, room)
    assert join_vp8(payloads) == frame.data
    assert max(map(len, payloads)) <= room
    assert max(map(len, payloads)) - min(map(len, payloads)) <= len(payloads)
    descriptors = [parse_descriptor(payload, 0, len(payload)) for payload in payloads]
    assert [d.start_of_partition for d in descriptors] == [True] + [False] * (len(payloads) - 1)
    assert {d.picture_id for d in descriptors} == {picture_id & 0x7FFF}
    assert {d.temporal_level_zero_index for d in descriptors} == {frame.level_zero_index}
    assert {d.temporal_layer for d in descriptors} == {frame.temporal_layer}
    assert {d.non_reference for d in descriptors} == {not frame.is_reference}
    assert starts_key_frame(payloads[0], 0, len(payloads[0])) == (not frame.data[0] & 1)


START = b"\0\0\0\1"
SLICE = st.binary(max_size=6000).map(lambda data: data.replace(b"\0", b"\7") + b"\x80")


@given(SLICE, st.booleans(), st.integers(50, 1200))
def test_h264_parameter_sets_travel_together_and_slices_in_fragments(data: bytes, key: bool, room: int) -> None:
    sets = [b"\x67sequence", b"\x68picture"] if key else []
    units = [*sets, (b"\x65" if key else b"\x41") + data]
    payloads = packetise_h264(b"".join([START + b"\x06made by", *(START[1:] + unit for unit in units)]), room)
    whole = join_h264(payloads)
    assert whole == START + START.join(units)
    assert holds_idr(whole) is key
    assert max(map(len, payloads)) <= room
    assert [inspect_h264(payload).starts_frame for payload in payloads] == (
        [True] * (1 + key) + [False] * (len(payloads) - 1 - key)
    )
