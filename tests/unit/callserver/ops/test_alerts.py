"""Rules in virtual time: thresholds, windows, `for`, hysteresis, silence, acknowledgement, bounds."""

import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from callserver.ops.alert_window import BUCKETS, Window
from callserver.ops.alerts import MAX_SERIES, MAX_SILENCES, STALE, Evaluator, Notice, Reading, Rule


def rule(**values: Any) -> Rule:
    return msgspec.convert({"name": "r", "metric": "m", **values}, Rule)


def feed(evaluator: Evaluator, values: list[float], start: float = 0.0, step: float = 5.0) -> list[tuple[float, str]]:
    """(time, event) of every notice while the metric takes these values one after another."""
    told = []
    for index, value in enumerate(values):
        now = start + index * step
        told += [(now, notice.event) for notice in evaluator.evaluate([Reading("m", value)], now)]
    return told


def test_it_fires_after_for_and_ends_at_clear() -> None:
    evaluator = Evaluator([rule(above=10, clear=5, **{"for": 10})])
    assert feed(evaluator, [11, 11, 11, 11, 7, 6, 5, 1]) == [(10.0, "fired"), (30.0, "resolved")]


def test_a_break_starts_for_anew() -> None:
    assert feed(Evaluator([rule(above=10, **{"for": 10})]), [11, 11, 9, 11, 11, 9]) == []


def test_below_and_without_clear_the_threshold_itself_ends_it() -> None:
    assert feed(Evaluator([rule(below=3)]), [3, 2.9, 3]) == [(5.0, "fired"), (10.0, "resolved")]


@pytest.mark.parametrize(
    ("over", "values", "fires"),
    [
        ("mean", [0, 0, 0, 30], False),
        ("mean", [20, 0, 0, 30], True),
        ("max", [0, 30, 0], True),
        ("min", [30, 9, 30], True),
        ("increase", [100, 104, 109], False),
        ("increase", [100, 104, 111], True),
        ("increase", [100, 3, 11], True),
    ],
)
def test_what_the_window_makes_of_readings(over: str, values: list[float], fires: bool) -> None:
    threshold = {"min": {"below": 10.0}}.get(over, {"above": 10.0})
    evaluator = Evaluator([rule(over=over, window=60, **threshold)])
    told = feed(evaluator, values)
    assert bool(evaluator.active or told) == fires


def test_the_window_forgets() -> None:
    assert feed(Evaluator([rule(over="max", above=10, window=20)]), [30, 0, 0, 0, 0, 0]) == [
        (0.0, "fired"),
        (20.0, "resolved"),
    ]


def test_subjects_are_followed_apart_and_forgotten_when_they_are_gone() -> None:
    evaluator = Evaluator([rule(below=3)])
    told = evaluator.evaluate([Reading("m", 2, "a"), Reading("m", 4, "b"), Reading("other", 0)], 0.0)
    assert [(notice.event, notice.alert.subject) for notice in told] == [("fired", "a")]
    (gone,) = evaluator.evaluate([Reading("m", 4, "b")], STALE + 1)
    assert (gone.event, gone.alert.subject, gone.alert.ended_at) == ("resolved", "a", STALE + 1)


def test_it_is_said_again_until_somebody_takes_care() -> None:
    evaluator = Evaluator([rule(above=1, repeat=60)])
    assert feed(evaluator, [2, 2, 2, 2], step=40) == [(0.0, "fired"), (80.0, "repeated")]
    assert evaluator.acknowledge("r", "", "olga")
    assert feed(evaluator, [2, 2, 2, 0], start=160, step=40) == [(280.0, "resolved")]
    assert not evaluator.acknowledge("r", "", "olga")


def test_silence_tells_nobody_and_ends_by_itself() -> None:
    evaluator = Evaluator([rule(above=1, repeat=60)])
    evaluator.silence("r", "", until=50.0)
    assert feed(evaluator, [2, 2], step=40) == []
    assert evaluator.active[0].silenced
    assert feed(evaluator, [2], start=80.0) == [(80.0, "repeated")]
    assert not evaluator.active[0].silenced


def test_unsilenced_it_is_told_again() -> None:
    evaluator = Evaluator([rule(above=1, repeat=60)])
    evaluator.silence("r", "x", until=1e9)
    evaluator.evaluate([Reading("m", 2, "x"), Reading("m", 2, "y")], 0.0)
    assert [alert.silenced for alert in evaluator.active] == [True, False]
    evaluator.unsilence("r", "x")
    assert not any(alert.silenced for alert in evaluator.active)


def test_everything_is_bounded() -> None:
    evaluator = Evaluator([rule(below=3)])
    evaluator.evaluate([Reading("m", 1, f"{n}") for n in range(MAX_SERIES + 50)], 0.0)
    assert len(evaluator.active) == MAX_SERIES
    assert evaluator.ignored == 50
    told = [evaluator.silence(f"r{n}", "", 1e9) for n in range(MAX_SILENCES + 1)]
    assert told == [True] * MAX_SILENCES + [False]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_reading(value: float) -> None:
    assert feed(Evaluator([rule(above=1)]), [value]) == []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"above": 1, "below": 2},
        {"above": 5, "clear": 6},
        {"below": 5, "clear": 4},
        {"above": 1, "window": 0},
        {"above": 1, "name": "a b"},
        {"above": 1, "sort": 2},
        {"above": 1, "over": "median"},
    ],
)
def test_a_rule_that_means_nothing_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        rule(**values)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), min_size=1, max_size=80))
def test_a_fired_alert_always_ends_and_events_alternate(steps: list[tuple[float, float]]) -> None:
    evaluator = Evaluator([rule(above=50, clear=20, over="mean", **{"for": 5})])
    now, told = 0.0, list[Notice]()
    for value, pause in steps:
        now += pause
        told += evaluator.evaluate([Reading("m", value)], now)
    told += evaluator.evaluate([], now + STALE + 1)
    names = [notice.event for notice in told]
    assert all(one != other for one, other in pairwise(names))
    assert not names or (names[0], names[-1]) == ("fired", "resolved")


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 100)), min_size=1, max_size=300), st.floats(1, 1000))
def test_a_window_is_small_and_between_its_extremes(steps: list[tuple[float, float]], seconds: float) -> None:
    window, now = Window(seconds), 0.0
    for value, pause in steps:
        now += pause
        window.add(value, now)
        assert window.min is not None
        assert window.max is not None
        assert window.mean is not None
        assert window.min - 1e-3 <= window.mean <= window.max + 1e-3
        assert len(window._buckets) <= BUCKETS + 1
