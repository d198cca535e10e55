"""What was sent is kept a second, resent sparingly; round trips from echoed reports."""

import pytest

from media.send.allowance import Allowance
from media.send.round_trip import RoundTrip
from media.send.sent_packets import MAX_AGE, SentPackets
from media.wire.layout import NO_LAYOUT
from media.wire.ntp import middle_bits


def kept(count: int, capacity: int = 512, interval: float = 0.001) -> SentPackets:
    sent = SentPackets(capacity)
    for number in range(count):
        sent.store(0x1FF00 + number, number * interval, b"packet %d" % number, NO_LAYOUT)
    return sent


def test_a_packet_is_found_by_its_16_bits() -> None:
    sent = kept(300)
    found = sent.take((0x1FF00 + 290) & 0xFFFF, 0.3, 0.1)
    assert found is not None
    assert found[0] == b"packet 290"
    assert sent.take(5555, 0.3, 0.1) is None


def test_the_same_one_is_not_given_twice_within_the_interval() -> None:
    sent = kept(10)
    assert sent.take(0xFF05, 0.1, 0.08)
    assert sent.take(0xFF05, 0.15, 0.08) is None
    assert sent.take(0xFF05, 0.19, 0.08)


def test_it_is_bounded_by_number_and_by_age() -> None:
    sent = kept(2000)
    assert sent.held == 512
    sent.expire(0x1FF00 + 1999, 1.999 + MAX_AGE - 0.1)
    assert 90 <= sent.held <= 102
    assert sent.take((0x1FF00 + 1999) & 0xFFFF, 2.0 + MAX_AGE, 0.1) is None
    sent.expire(0x1FF00 + 1999, 10.0)
    assert sent.held == 0
    sent.store(0x1FF00 + 2000, 10.0, b"new", NO_LAYOUT)
    sent.expire(0x1FF00 + 2000, 10.1)
    assert sent.held == 1


def test_nothing_kept_gives_nothing() -> None:
    sent = SentPackets(64)
    assert sent.take(1, 0.0, 0.0) is None
    sent.expire(0, 0.0)
    with pytest.raises(ValueError, match="power of two"):
        SentPackets(100)


def test_an_allowance_is_a_rate_with_a_burst() -> None:
    allowance = Allowance(10.0, 5.0)
    assert sum(allowance.take(1.0) for _ in range(20)) == 5
    assert sum(allowance.take(1.0 + tick / 100) for tick in range(100)) in (9, 10)
    assert sum(allowance.take(100.0) for _ in range(20)) == 5


def test_a_round_trip_is_measured_from_what_is_echoed() -> None:
    round_trip = RoundTrip()
    ntp_time = 0xE000_0001_8000_0000
    round_trip.report_sent(ntp_time, 5.0)
    round_trip.echoed(middle_bits(ntp_time), round(0.3 * 65536), 5.4)
    assert round_trip.smoothed == pytest.approx(0.1, abs=1e-4)
    round_trip.echoed(middle_bits(ntp_time), 0, 5.9)
    assert round_trip.smoothed == pytest.approx(0.1 + 0.1, abs=1e-4)
    round_trip.echoed(12345, 0, 6.0)
    round_trip.echoed(middle_bits(ntp_time), 0xFFFFFFFF, 6.0)
    assert round_trip.latest == pytest.approx(0.9)
