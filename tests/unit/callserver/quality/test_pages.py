"""Pages may lie, be silent, or have a wrong clock."""

import math

import pytest
from hypothesis import given, strategies as st

from callserver.quality.pages import OLDEST, PageClock, StoredPage, device, read
from signaling.protocol import QualityReport

NOW = 1_800_000_000.0


def test_a_page_s_clock_is_put_on_ours_by_the_fastest_report() -> None:
    clock = PageClock()
    assert clock.place(100.0, NOW + 0.9) == NOW + 0.9  # the first took 0.9 s; nobody knows
    assert clock.place(105.0, NOW + 5.1) == pytest.approx(NOW + 5.1)  # 0.1 s
    assert clock.place(110.0, NOW + 11.1) == pytest.approx(NOW + 10.1)  # a second late, and now we know


def test_a_clock_that_jumps_is_learned_anew() -> None:
    clock = PageClock()
    clock.place(1000.0, NOW)
    assert clock.place(10.0, NOW + 5) == NOW + 5
    assert clock.place(15.0, NOW + 10) == pytest.approx(NOW + 10)


@given(st.one_of(st.none(), st.floats()), st.lists(st.floats(0, 1e12), max_size=20))
def test_no_clock_speaks_of_the_future_or_long_ago(stamp: float | None, before: list[float]) -> None:
    clock = PageClock()
    for number, earlier in enumerate(before):
        clock.place(earlier, NOW + number)
    at = clock.place(stamp, NOW + 100)
    assert NOW + 100 - OLDEST <= at <= NOW + 100


@given(
    st.builds(
        QualityReport,
        leg_id=st.just("l"),
        concealed=st.one_of(st.none(), st.floats()),
        silenced=st.one_of(st.none(), st.floats()),
        stretched=st.one_of(st.none(), st.floats()),
        buffer_ms=st.one_of(st.none(), st.floats()),
        fps_received=st.one_of(st.none(), st.floats()),
        height=st.one_of(st.none(), st.integers()),
        freeze_ms=st.one_of(st.none(), st.floats()),
        seconds=st.one_of(st.none(), st.floats()),
        at=st.one_of(st.none(), st.floats()),
        level=st.one_of(st.none(), st.floats()),
        limitation=st.text(max_size=20),
        browser=st.text(max_size=200),
        network=st.text(max_size=200),
    )
)
def test_whatever_a_page_says_what_is_kept_can_be_so(report: QualityReport) -> None:
    page = read(report, PageClock(), NOW)
    for value in (page.concealed, page.frozen, page.level, page.silenced, page.stretched):
        assert value is None or 0.0 <= value <= 1.0
    for number in (page.buffer_ms, page.fps, page.height):
        assert number is None or (math.isfinite(number) and 0 <= number <= 10_000)
    assert page.limited_by in ("", "cpu", "bandwidth", "other")
    known = device(report)
    assert len(known.browser) <= 26
    assert len(known.network) <= 9


def test_a_hostile_label_is_no_label() -> None:
    report = QualityReport("l", browser='Chrome 1"}\n# HELP', network="<script>")
    assert device(report) == ("", "")
    assert device(QualityReport("l", browser="Chrome 126", network="cellular")) == ("Chrome 126", "cellular")


def test_a_report_is_stored_as_it_was_read() -> None:
    page = read(QualityReport("l", concealed=0.25, freeze_ms=500.0, seconds=5.0, black=True), PageClock(), NOW)
    assert page == StoredPage(NOW, 5.0, concealed=0.25, frozen=0.1, black=True)
    assert page.view().black is True
