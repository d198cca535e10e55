from datetime import UTC
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from callserver.ops.history import MAX_KEYS, OTHER, Distribution, summarise

MONDAY = 1_780_272_000.0
"""2026-06-01 00:00 UTC."""


def minute(call_id: str = "c", at: float = MONDAY, **values: Any) -> Any:
    base = dict.fromkeys(("audio", "video", "connection", "loss", "rtt_ms")) | dict.fromkeys(
        ("role", "browser", "network", "country", "agent_id", "site_id"), ""
    )
    return SimpleNamespace(**(base | {"call_id": call_id, "at": at} | values))


def test_percentiles_by_property() -> None:
    rows = [minute(f"c{n}", country="DE", connection=1 + n * 0.4, rtt_ms=n * 10.0) for n in range(11)]
    rows += [minute("x", country="FR", network="cellular", browser="Chrome 126", connection=2.0)]
    found = summarise(rows, UTC)
    assert [(group.key, group.calls, group.minutes) for group in found.country] == [("DE", 11, 11), ("FR", 1, 1)]
    assert found.country[0].connection.p50 == pytest.approx(3.0)
    assert found.country[0].connection.p10 == pytest.approx(1.4)
    assert found.country[0].audio.p50 is None
    assert [group.key for group in found.browser] == ["", "Chrome"]
    assert found.all.minutes == 12


def test_hours_are_the_operators_own() -> None:
    found = summarise(
        [minute(at=MONDAY, connection=4.0), minute(at=MONDAY + 60, connection=2.0)], ZoneInfo("Asia/Kolkata")
    )
    assert [(cell.weekday, cell.hour, cell.minutes, cell.connection) for cell in found.heat] == [(0, 5, 2, 3.0)]
    assert [group.key for group in found.hour] == ["05"]


def test_a_call_is_counted_once_a_group() -> None:
    rows = [minute("c", at=MONDAY + n * 60, country="DE", agent_id="a") for n in range(90)]
    found = summarise(rows, UTC)
    assert (found.all.calls, found.country[0].calls, [group.calls for group in found.hour]) == (1, 1, [1, 1])


def test_keys_are_bounded() -> None:
    found = summarise((minute(f"c{n}", country=f"{n}") for n in range(500)), UTC)
    assert len(found.country) == MAX_KEYS + 1
    assert next(group for group in found.country if group.key == OTHER).minutes == 500 - MAX_KEYS


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_a_distribution_answers_within_its_range(values: list[float]) -> None:
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    found = distribution.percentiles()
    if distribution.count:
        assert found.p10 is not None
        assert found.p50 is not None
        assert found.p90 is not None
        assert 1.0 <= found.p10 <= found.p50 <= found.p90 <= 5.0
    else:
        assert found.p50 is None
