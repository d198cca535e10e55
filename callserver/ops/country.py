"""The country of an IP address, from a table inside the package iptocc (regional registries' data): nobody is asked."""

import ipaddress

import iptocc


def country(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """ISO 3166-1 alpha-2 code; empty for private and unknown addresses."""
    found = iptocc.country_code(str(getattr(address, "ipv4_mapped", None) or address))
    return found if isinstance(found, str) and len(found) == 2 else ""
