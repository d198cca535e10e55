"""Reception statistics: extended numbers, loss, jitter."""

import pytest
from hypothesis import given, strategies as st

from media.receive.statistics import NOT_VALID, ReceptionStatistics


def fed(numbers: list[int], interval: float = 0.02) -> ReceptionStatistics:
    statistics = ReceptionStatistics(48000)
    for index, number in enumerate(numbers):
        statistics.received(number & 0xFFFF, index * 960, index * interval)
    return statistics


@given(st.integers(0, 0xFFFF), st.lists(st.integers(1, 50), max_size=60))
def test_numbers_are_extended_over_wraps(first: int, steps: list[int]) -> None:
    statistics = ReceptionStatistics(90000)
    start = extended = statistics.received(first, 0, 0.0)
    number = first
    for step in steps:
        number += step
        extended = statistics.received(number & 0xFFFF, 0, 0.0)
        assert extended - start == number - first
    assert statistics.expected == extended - start + 1
    assert statistics.cumulative_lost == statistics.expected - len(steps) - 1


def test_late_and_repeated_packets_keep_their_numbers() -> None:
    statistics = ReceptionStatistics(90000)
    base = statistics.received(65535, 0, 0.0)
    assert statistics.received(2, 0, 0.0) == base + 3
    assert statistics.received(0, 0, 0.0) == base + 1
    assert statistics.received(2, 0, 0.0) == base + 3
    assert statistics.received(65530, 0, 0.0) == base - 5
    assert statistics.highest == base + 3


def test_the_report_tells_the_interval_and_the_whole() -> None:
    statistics = fed([0, 1, 2, 3, 4, 7, 8, 9])
    block = statistics.report(9, 5, 6)
    assert (block.ssrc, block.cumulative_lost, block.fraction_lost) == (9, 2, 2 * 256 // 10)
    assert (block.highest_sequence, block.last_sender_report, block.delay_since_last) == (9, 5, 6)
    assert statistics.report(9, 0, 0).fraction_lost == 0
    assert statistics.fraction_lost == 0.0


def test_jitter_follows_rfc_3550() -> None:
    assert fed(list(range(50))).jitter < 1
    statistics = ReceptionStatistics(48000)
    for index in range(400):  # every second packet is 10 ms late: |D| is always 480 units
        statistics.received(index, index * 960, index * 0.02 + 0.01 * (index % 2))
    assert abs(statistics.jitter - 480) < 5


def test_what_stands_in_a_queue_comes_later_than_the_fastest() -> None:
    statistics = ReceptionStatistics(48000)
    for index in range(100):  # half a second of queue builds up, and drains again
        late = min(index, 100 - index) * 0.01
        statistics.received(index, index * 960, index * 0.02 + 0.05 + late)
        assert statistics.queued == pytest.approx(late, abs=1e-6)
    assert ReceptionStatistics(48000).queued == 0.0


def test_another_clock_does_not_look_like_a_queue_for_ever() -> None:
    statistics = ReceptionStatistics(48000)
    for second in range(3600):  # 100 ppm slower than ours: 0.36 s an hour
        statistics.received(second & 0xFFFF, second * 48000 & 0xFFFFFFFF, second * (1 + 1e-4))
        statistics.report(1, 0, 0)
    assert statistics.queued < 0.01
    statistics.received(3600, 1 << 31, 3600.0)  # a timestamp from elsewhere begins anew
    assert statistics.queued == 0.0


def test_one_packet_from_elsewhere_is_dropped_and_two_are_a_restart() -> None:
    statistics = fed(list(range(100)))
    assert statistics.received(40000, 0, 3.0) == NOT_VALID
    assert statistics.received(100, 0, 3.0) == 0x10000 + 100
    assert statistics.received(50000, 0, 3.0) == NOT_VALID
    extended = statistics.received(50001, 0, 3.0)
    assert extended & 0xFFFF == 50001
    assert extended > 0x20000
    assert statistics.restarts == 1
    assert statistics.cumulative_lost == 0


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)), max_size=80))
def test_any_sequence_gives_a_report(packets: list[tuple[int, int]]) -> None:
    statistics = ReceptionStatistics(90000)
    for number, timestamp in packets:
        assert statistics.received(number, timestamp, 1.0) >= NOT_VALID
    block = statistics.report(1, 0, 0)
    assert 0 <= block.fraction_lost <= 255
    assert 0 <= block.highest_sequence <= 0xFFFFFFFF
    assert 0 <= block.jitter <= 0xFFFFFFFF
