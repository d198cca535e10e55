"""The stream between a tap and the codec worker: whole whatever the pieces, bounded whatever the bytes."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from media.errors import WireError
from media.wire.tapped import (
    H264,
    HEAD,
    LENGTH,
    MAX_FRAME_BYTES,
    MESSAGE,
    PACKET,
    FrameReader,
    TappedPacket,
    message_frame,
    packet_frame,
)

packets = st.builds(
    TappedPacket,
    st.integers(0, H264),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**32 - 1),
    st.floats(allow_nan=False),
    st.binary(max_size=2000),
)
frames = st.lists(st.one_of(packets, st.binary(max_size=200)), max_size=12)


def written(frame: TappedPacket | bytes) -> bytes:
    return packet_frame(frame) if isinstance(frame, TappedPacket) else message_frame(frame)


@given(frames, st.lists(st.integers(1, 700), min_size=1, max_size=20))
def test_what_was_written_is_read_however_it_is_cut(sent: list[TappedPacket | bytes], cuts: list[int]) -> None:
    stream = b"".join(written(frame) for frame in sent)
    reader, got, at, turn = FrameReader(), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        got += list(reader.feed(stream[at : at + size]))
        at, turn = at + size, turn + 1
    assert got == sent


@given(st.lists(st.binary(max_size=300), max_size=10))
def test_any_bytes_are_frames_or_an_error_and_no_more_than_a_frame_is_kept(pieces: list[bytes]) -> None:
    reader = FrameReader()
    with contextlib.suppress(WireError):
        for piece in pieces:
            for frame in reader.feed(piece):
                assert isinstance(frame, bytes | TappedPacket)
    assert len(reader._left) <= sum(map(len, pieces))


@pytest.mark.parametrize(
    "stream",
    [
        LENGTH.pack(0) + b"\0",
        LENGTH.pack(MAX_FRAME_BYTES + 1) + bytes((MESSAGE,)),
        LENGTH.pack(3) + bytes((PACKET, 0, 0)),
        LENGTH.pack(1) + bytes((7,)),
        HEAD.pack(HEAD.size - LENGTH.size, PACKET, H264 + 1, 0, 0, 1, 0, 0, 0, 0.0),
    ],
)
def test_what_is_no_frame_is_an_error(stream: bytes) -> None:
    with pytest.raises(WireError):
        list(FrameReader().feed(stream + b"\0"))
