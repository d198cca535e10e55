from ipaddress import ip_address

import pytest

from callserver.ops.country import country


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", "US"),
        ("::ffff:8.8.8.8", "US"),
        ("2a00:1450:4001::1", "IE"),
        ("127.0.0.1", ""),
        ("10.0.0.1", ""),
        ("::", ""),
        ("fe80::1", ""),
    ],
)
def test_countries(address: str, expected: str) -> None:
    assert country(ip_address(address)) == expected
