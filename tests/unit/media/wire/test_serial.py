"""Serial numbers and NTP time."""

from hypothesis import given, strategies as st

from media.units import NTP_EPOCH_OFFSET
from media.wire.ntp import middle_bits, ntp_from_unix, ntp_shifted, seconds_from_ntp
from media.wire.serial import delta16, delta32, unwrap16, unwrap32


@given(st.integers(0, 2**40), st.integers(-0x8000, 0x7FFF))
def test_16_bits_are_unwrapped_near_what_was_seen(near: int, step: int) -> None:
    assert unwrap16((near + step) & 0xFFFF, near) == near + step
    assert delta16((near + step) & 0xFFFF, near & 0xFFFF) == step


@given(st.integers(0, 2**60), st.integers(-0x80000000, 0x7FFFFFFF))
def test_32_bits_are_unwrapped_near_what_was_seen(near: int, step: int) -> None:
    assert unwrap32((near + step) & 0xFFFFFFFF, near) == near + step
    assert delta32((near + step) & 0xFFFFFFFF, near & 0xFFFFFFFF) == step


def test_ntp_time() -> None:
    assert ntp_from_unix(0.5) == (NTP_EPOCH_OFFSET << 32) + (1 << 31)
    assert seconds_from_ntp(3 << 31) == 1.5
    assert middle_bits(0x1122_3344_5566_7788) == 0x3344_5566
    assert ntp_shifted((1 << 64) - (1 << 32), 1.5) == 1 << 31
