"""Raw socket addresses say the same as the socket module's tuples."""

import socket

from hypothesis import given, strategies as st

from media.io.address import Address, pack_sockaddr, parse_sockaddr, source_of
from media.io.plain import destination


@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_ipv4_on_both_families(host: object, port: int) -> None:
    plain = pack_sockaddr(socket.AF_INET, (str(host), port))
    mapped = pack_sockaddr(socket.AF_INET6, (f"::ffff:{host}", port, 0, 0))
    assert parse_sockaddr(plain) == parse_sockaddr(mapped)
    assert str(parse_sockaddr(plain)) == f"{host}:{port}"
    assert source_of(plain) == source_of(mapped) == parse_sockaddr(plain).packed
    assert destination(socket.AF_INET, plain) == (str(host), port)
    assert destination(socket.AF_INET6, mapped)[1] == port  # type: ignore[index]


@given(st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None), st.integers(0, 65535), st.integers(0, 99))
def test_ipv6(host: object, port: int, scope: int) -> None:
    raw = pack_sockaddr(socket.AF_INET6, (str(host), port, 0, scope))
    address = parse_sockaddr(raw)
    assert address == Address(host.packed, port)  # type: ignore[attr-defined]
    assert address.is_ipv6
    assert str(address) == f"[{host}]:{port}"
    assert source_of(raw) == address.packed[:8], "a /64 is one source"
    assert destination(socket.AF_INET6, raw) == (str(host), port, 0, scope)
