"""NTP timestamps: 64 bits, 32 of seconds since 1900 and 32 of fraction (RFC 5905 §6, RFC 3550 §4)."""

from media.units import NTP_EPOCH_OFFSET

_UNIT = 1 << 32
_MASK = (1 << 64) - 1


def ntp_from_unix(unix_time: float) -> int:
    """The 64-bit NTP timestamp of a Unix wall time in seconds."""
    return int((unix_time + NTP_EPOCH_OFFSET) * _UNIT) & _MASK


def seconds_from_ntp(ntp_time: int) -> float:
    """Seconds since 1900 of a 64-bit NTP timestamp, to the microsecond a float can hold."""
    return ntp_time / _UNIT


def unix_from_ntp(ntp_time: int) -> float:
    """The Unix wall time in seconds of a 64-bit NTP timestamp of this era."""
    return ntp_time / _UNIT - NTP_EPOCH_OFFSET


def ntp_shifted(ntp_time: int, seconds: float) -> int:
    """`ntp_time` moved by `seconds`, modulo the era."""
    return (ntp_time + int(seconds * _UNIT)) & _MASK


def middle_bits(ntp_time: int) -> int:
    """The middle 32 bits, as LSR carries them (RFC 3550 §6.4.1)."""
    return (ntp_time >> 16) & 0xFFFFFFFF
