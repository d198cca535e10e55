"""Our small STUN codec against aioice's full one, and against anything."""

from ipaddress import ip_address
from zlib import crc32

import pytest
from aioice import stun
from hypothesis import example, given, strategies as st

from media.errors import WireError
from media.io.address import Address
from media.io.stun import BindingRequest, binding_response, is_authentic, parse_binding_request

PASSWORD = "c" * 24


def request(username: str = "abcd:efgh", password: str = PASSWORD, **attributes: object) -> bytes:
    """A check as aioice writes it."""
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes.update({"USERNAME": username, "PRIORITY": 1, "ICE-CONTROLLING": 7, **attributes})
    message.add_message_integrity(password.encode())
    return bytes(message)


def refused(data: bytes) -> bool:
    try:
        parse_binding_request(data)
    except WireError:
        return True
    return False


@pytest.mark.parametrize("nominated", [False, True])
def test_a_check_of_another_library_is_understood(nominated: bool) -> None:
    data = request(**({"USE-CANDIDATE": None} if nominated else {}))
    parsed = parse_binding_request(data)
    assert parsed.ufrag == "abcd"
    assert parsed.use_candidate is nominated
    assert is_authentic(parsed, PASSWORD.encode())
    assert not is_authentic(parsed, b"d" * 24)


@given(
    st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16)),
    st.integers(1, 65535),
    st.binary(min_size=12, max_size=12),
)
def test_our_answer_is_understood_by_another_library(packed: bytes, port: int, transaction_id: bytes) -> None:
    address = Address(packed, port)
    asked = BindingRequest(transaction_id, "abcd", False, b"", b"")
    message = stun.parse_message(binding_response(asked, address, PASSWORD.encode()))
    assert message.message_class is stun.Class.RESPONSE
    assert message.transaction_id == transaction_id
    assert message.check_message_integrity(PASSWORD.encode())
    host, found_port = message.attributes["XOR-MAPPED-ADDRESS"]
    assert Address(ip_address(host).packed, found_port) == address


def test_attributes_behind_the_signature_do_not_count() -> None:
    data = bytearray(request())
    signed = bytes(data[:-8])
    nominate = b"\x00\x25\x00\x00"
    longer = signed[:2] + (len(signed) - 20 + 4 + 8).to_bytes(2, "big") + signed[4:] + nominate
    crc = crc32(longer) ^ 0x5354554E
    parsed = parse_binding_request(longer + b"\x80\x28\x00\x04" + crc.to_bytes(4, "big"))
    assert not parsed.use_candidate


def test_other_messages_are_refused() -> None:
    indication = stun.Message(stun.Method.BINDING, stun.Class.INDICATION)
    indication.add_message_integrity(PASSWORD.encode())
    unsigned = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": "abcd:efgh"})
    unsigned.add_fingerprint()
    good = request()
    for data in (bytes(indication), bytes(unsigned), good + b"\0\0\0\0", good[:-1], good[:20], b"", request("abcd")):
        assert refused(data)
    assert refused(good[:-8]), "without a fingerprint"
    assert refused(request("x" * 513 + ":y"))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, change: int) -> None:
    data = bytearray(request())
    data[at % len(data)] ^= change
    assert refused(bytes(data)), "the fingerprint covers all of it"


@given(st.binary(max_size=1200))
@example(bytes([0, 1, 0, 8]) + bytes.fromhex("2112a442") + bytes(12) + b"\x80\x28\x00\x04" + bytes(4))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    refused(data)


@given(st.binary(max_size=300))
def test_any_attributes_with_a_right_fingerprint_are_parsed_or_refused(body: bytes) -> None:
    body += bytes(-len(body) % 4)
    head = bytes([0, 1]) + (len(body) + 8).to_bytes(2, "big") + bytes.fromhex("2112a442") + bytes(12)
    crc = crc32(head + body) ^ 0x5354554E
    refused(head + body + b"\x80\x28\x00\x04" + crc.to_bytes(4, "big"))
