"""Frames and messages of the engine protocol: whatever arrives, a message or a WireError comes out."""

import inspect
import struct
from contextlib import suppress
from typing import get_args

import msgspec
import pytest
from hypothesis import given, strategies as st

from media import errors
from media.api import CallLost, Kind, LegSpec
from media.errors import EngineLostError, MediaError, NegotiationError, UnknownLegError, WireError
from media.io import remote


@given(st.lists(st.binary(max_size=300), max_size=20), st.lists(st.integers(1, 50), max_size=40))
def test_frames_come_out_as_they_went_in_however_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(struct.pack("!I", len(body)) + body for body in bodies)
    splitter = remote.FrameSplitter()
    found = []
    at = 0
    for cut in [*cuts, len(stream)]:
        found += splitter.feed(stream[at : at + cut])
        at += cut
    assert found == bodies


def test_a_frame_longer_than_a_megabyte_is_refused_by_its_length_alone() -> None:
    with pytest.raises(WireError, match="longer"):
        remote.FrameSplitter().feed(struct.pack("!I", remote.MAX_FRAME_BYTES + 1))


def test_a_message_too_long_to_send_is_refused() -> None:
    with pytest.raises(WireError, match="longer"):
        remote.encode(remote.Ask(1, remote.AcceptAnswer("c", "l", 0, "x" * remote.MAX_FRAME_BYTES)))


@given(st.binary(max_size=400))
def test_noise_is_a_message_or_a_wire_error(data: bytes) -> None:
    for decode in (remote.decode_from_client, remote.decode_from_server):
        with suppress(WireError):
            decode(data)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=9), lambda x: st.lists(x) | st.dictionaries(st.text(max_size=9), x)
    )
)
def test_wellformed_msgpack_of_another_kind_is_refused(value: object) -> None:
    try:
        data = msgspec.msgpack.encode(value)
    except OverflowError:
        return
    with pytest.raises(WireError):
        remote.decode_from_client(data)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(WireError):
        remote.decode_from_client(b"\x91" * 100_000 + b"\xc0")


def test_every_request_is_a_method_of_the_engine_with_its_arguments_in_order() -> None:
    for request in get_args(remote.Request):
        method = getattr(remote.ServedEngine, request.__struct_config__.tag)
        names = list(inspect.signature(method).parameters)[1:]
        assert names == list(request.__struct_fields__), request


def test_every_error_of_media_survives_the_way_back() -> None:
    kinds = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, MediaError)]
    assert NegotiationError in kinds
    for kind in kinds:
        message = remote.decode_from_server(remote.encode(remote.failure(7, kind("line 3: no")))[4:])
        assert isinstance(message, remote.Failure)
        error = remote.error_of(message)
        assert type(error) is kind
        assert str(error) == "line 3: no"


def test_our_own_fault_arrives_as_a_plain_media_error_with_its_kind() -> None:
    error = remote.error_of(remote.failure(1, ZeroDivisionError("x")))
    assert type(error) is MediaError
    assert "ZeroDivisionError" in str(error)


def test_an_error_code_of_a_newer_server_is_a_media_error() -> None:
    assert type(remote.error_of(remote.Failure(1, "quota", "no more"))) is MediaError


def test_a_long_error_text_is_cut() -> None:
    assert len(remote.failure(1, UnknownLegError("x" * 100_000)).text) < 3000


def test_messages_survive_the_way() -> None:
    asked = remote.Ask(3, remote.Mute("c", "l", Kind.VIDEO, True))
    assert remote.decode_from_client(remote.encode(asked)[4:]) == asked
    opened = remote.Ask(4, remote.OpenLeg(LegSpec("c", "l", dtx=True)))
    assert remote.decode_from_client(remote.encode(opened)[4:]) == opened
    assert remote.call_of(opened.request) == "c"
    assert remote.call_of(remote.Status()) is None
    happened = remote.Happened(CallLost("c"))
    assert remote.decode_from_server(remote.encode(happened)[4:]) == happened
    lost = remote.failure(9, EngineLostError("gone"))
    assert remote.decode_from_server(remote.encode(lost)[4:]) == lost
