from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callserver.ops.history_answer import MAX_CALLS, HistoryFilter, Problem, answer
from callserver.ops.history_routes import _filter
from callserver.quality.minutes import MinuteRow
from signaling.http.context import ApiError

AT = 1_780_272_000.0


def row(call_id: str, minute: int = 0, role: str = "customer", **values: Any) -> MinuteRow:
    base: dict[str, Any] = {
        "audio": 4.0,
        "video": 4.0,
        "connection": 4.0,
        "loss": 0.0,
        "rtt_ms": 40.0,
        "browser": "Chrome 126",
        "network": "wifi",
        "country": "DE",
        "agent_id": "a1",
        "site_id": "s",
    }
    return MinuteRow(call_id=call_id, at=AT + minute * 60, role=role, **(base | values))


ROWS = [
    row("good"),
    row("good", role="agent", country="FR", browser="Firefox 130", network="ethernet"),
    row("bad", minute=1, connection=1.5, agent_id="a2", country="MX", network="cellular"),
    row("bad", minute=1, role="agent", connection=3.5, agent_id="a2"),
    row("bad", minute=2, connection=4.5, agent_id="a2", country="MX", network="cellular"),
]
PROBLEMS = [Problem("bad", "customer", "up", "loss", "fair"), Problem("bad", "customer", "up", "loss", "poor")]


def calls(**wanted: Any) -> list[str]:
    found = answer(ROWS, PROBLEMS, HistoryFilter(0, 2e9, **wanted), UTC, {"a1": "Anna", "a2": "Ben"}, False)
    assert found.summary.all.calls == len(found.calls)
    return [call.call_id for call in found.calls]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["bad", "good"]),
        ({"score": 2.0}, ["bad"]),
        ({"score": 1.5}, []),
        ({"side": "customer"}, ["bad"]),
        ({"side": "agent"}, []),
        ({"kind": "loss", "side": "customer"}, ["bad"]),
        ({"kind": "delay"}, []),
        ({"agent": "a1"}, ["good"]),
        ({"country": "FR"}, ["good"]),
        ({"network": "cellular"}, ["bad"]),
        ({"browser": "Firefox"}, ["good"]),
        ({"browser": "Firefox", "agent": "a2"}, []),
        ({"hour": 0}, ["bad", "good"]),
        ({"hour": 1}, []),
    ],
)
def test_filters(wanted: dict[str, Any], expected: list[str]) -> None:
    assert calls(**wanted) == expected


def test_a_listed_call_says_what_matters() -> None:
    found = answer(ROWS, PROBLEMS, HistoryFilter(0, 2e9), UTC, {"a2": "Ben", "a9": "Zoe"}, True)
    bad = found.calls[0]
    assert (bad.country, bad.network, bad.worst, bad.connection) == ("MX", "cellular", 1.5, 3.17)
    assert [(problem.kind, problem.severity) for problem in bad.verdicts] == [("loss", "poor")]
    assert found.agents == {"a2": "Ben"}
    assert found.known["browser"] == ["Chrome", "Firefox"]
    assert found.truncated


def test_the_list_is_bounded() -> None:
    rows = [row(f"c{n}", minute=n) for n in range(MAX_CALLS + 10)]
    found = answer(rows, [], HistoryFilter(0, 2e9), UTC, {}, False)
    assert (len(found.calls), found.calls[0].call_id) == (MAX_CALLS, f"c{MAX_CALLS + 9}")
    assert found.summary.all.calls == MAX_CALLS + 10


def test_the_hour_is_the_operator_s() -> None:
    def minutes(hour: int) -> int:
        wanted = HistoryFilter(0, 2e9, hour=hour)
        return answer(ROWS, PROBLEMS, wanted, ZoneInfo("Asia/Kolkata"), {}, False).summary.all.minutes

    assert (minutes(0), minutes(5)) == (0, len(ROWS))


@pytest.mark.parametrize("hour", ["24", "-1", "1.5", "x", "nan"])
def test_an_hour_that_is_none_is_refused(hour: str) -> None:
    with pytest.raises(ApiError, match="hour"):
        _filter({"hour": hour}, 2e9)


def test_an_hour_is_read() -> None:
    assert (_filter({"hour": "23"}, 2e9).hour, _filter({}, 2e9).hour) == (23, None)
