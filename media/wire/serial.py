"""Serial number arithmetic (RFC 1982) for 16- and 32-bit counters on the wire."""

_HALF16 = 0x8000
_HALF32 = 0x80000000


def delta16(newer: int, older: int) -> int:
    """The signed distance newer - older of two 16-bit serial numbers, in -32768..32767."""
    return ((newer - older + _HALF16) & 0xFFFF) - _HALF16


def delta32(newer: int, older: int) -> int:
    """The signed distance newer - older of two 32-bit serial numbers."""
    return ((newer - older + _HALF32) & 0xFFFFFFFF) - _HALF32


def unwrap16(value: int, near: int) -> int:
    """The unbounded number closest to `near` whose low 16 bits are `value`."""
    return near + ((value - near + _HALF16) & 0xFFFF) - _HALF16


def unwrap32(value: int, near: int) -> int:
    """The unbounded number closest to `near` whose low 32 bits are `value`."""
    return near + ((value - near + _HALF32) & 0xFFFFFFFF) - _HALF32
