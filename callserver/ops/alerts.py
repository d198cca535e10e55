"""Alerts: rules as data, and an evaluator in virtual time that says what began, goes on and ended.

A reading is one number of one metric, of one subject where there are several (a call, a worker). A rule compares what
its window makes of the readings with a threshold; `for` says how long that must hold, `clear` where it ends.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, NamedTuple

import msgspec

from callserver.ops.alert_window import Window

Severity = Literal["info", "warning", "critical"]
MAX_SERIES = 2_000
"""(rule, subject) pairs that are followed; readings of further ones are ignored and counted."""
MAX_SILENCES = 100
STALE = 60.0
"""Seconds without a reading after which a subject is gone (a call that ended)."""
MAX_SUBJECT_CHARACTERS = 100
REMEMBERED = 900.0
"""Seconds after a restart within which an alert that was acknowledged before counts as the same."""

Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]{1,64}$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule as it stands in TOML. Exactly one of `above` and `below` is set."""

    name: Name
    metric: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    """A score (`mos`, `loss`, …) or a sample of /metrics as it is written there, labels included."""
    above: float | None = None
    below: float | None = None
    clear: float | None = None
    """An alert ends where the value is on the good side of this; default: the threshold itself."""
    over: Literal["last", "mean", "min", "max", "increase"] = "last"
    """What is made of the readings of the window; `increase` is for counters and survives their restart."""
    window: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 60.0
    lasting: Seconds = msgspec.field(default=0.0, name="for")
    repeat: Annotated[float, msgspec.Meta(ge=60, le=604_800)] = 14_400.0
    """Seconds after which an alert that lasts and was not acknowledged is said again."""
    severity: Severity = "warning"
    text: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """What it means and what to do, for the one who is woken."""
    enabled: bool = True

    def __post_init__(self) -> None:
        if (self.above is None) == (self.below is None):
            raise ValueError("exactly one of `above` and `below` is expected")
        threshold = self.above if self.above is not None else self.below
        if self.clear is not None and threshold is not None:
            wrong = self.clear > threshold if self.above is not None else self.clear < threshold
            if wrong:
                raise ValueError("`clear` must be on the good side of the threshold")

    def breached(self, value: float, firing: bool) -> bool:
        """Whether the value is bad; once `firing`, whether it is not good again."""
        if self.above is not None:
            return value > (self.clear if firing and self.clear is not None else self.above)
        assert self.below is not None
        return value < (self.clear if firing and self.clear is not None else self.below)


class Reading(NamedTuple):
    metric: str
    value: float
    subject: str = ""


class Key(NamedTuple):
    rule: str
    subject: str = ""


class Alert(msgspec.Struct):
    """A rule that holds for a subject, now or until `ended_at`. Times are the evaluator's."""

    rule: str
    subject: str
    severity: Severity
    text: str
    metric: str
    value: float
    threshold: float
    began_at: float
    ended_at: float | None = None
    said_at: float = 0.0
    acknowledged_by: str = ""
    silenced: bool = False


class Silence(msgspec.Struct, frozen=True):
    """Nobody is told of this rule (all subjects, or one) before `until`."""

    rule: str
    subject: str
    until: float
    by: str = ""


class Notice(NamedTuple):
    """Something to tell: `fired`, `resolved`, or `repeated` while it lasts."""

    event: Literal["fired", "resolved", "repeated"]
    alert: Alert


class _Series:
    __slots__ = ("alert", "seen", "since", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.since: float | None = None
        """Since when the condition holds without a break."""
        self.seen = 0.0
        self.alert: Alert | None = None


class Evaluator:
    """Follows readings. Every method takes the time, in seconds of any clock that does not jump back."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rule for rule in rules if rule.enabled)
        self.silences: list[Silence] = []
        self.ignored = 0
        """Readings of subjects beyond MAX_SERIES."""
        self._by_metric: dict[str, list[Rule]] = {}
        for rule in self.rules:
            self._by_metric.setdefault(rule.metric, []).append(rule)
        self._series: dict[Key, _Series] = {}
        self._acknowledged: dict[Key, str] = {}
        self._remembered_until = 0.0

    def restore(self, silences: Iterable[Silence], acknowledged: Mapping[Key, str], now: float) -> None:
        """Take over what an earlier evaluator was told; an acknowledged alert that still holds is not said again."""
        self.silences = [one for one in silences if one.until > now][:MAX_SILENCES]
        self._acknowledged = dict(list(acknowledged.items())[:MAX_SERIES])
        self._remembered_until = now + REMEMBERED

    @property
    def acknowledged(self) -> dict[Key, str]:
        """Who took care of which alert that holds, or may hold again after a restart."""
        held = {key: one.alert.acknowledged_by for key, one in self._series.items() if one.alert is not None}
        return self._acknowledged | {key: by for key, by in held.items() if by}

    @property
    def metrics(self) -> frozenset[str]:
        """What readings are wanted of; others need not be made."""
        return frozenset(self._by_metric)

    @property
    def active(self) -> list[Alert]:
        """Alerts that hold now, the worst and oldest first."""
        order = {"critical": 0, "warning": 1, "info": 2}
        found = [series.alert for series in self._series.values() if series.alert is not None]
        return sorted(found, key=lambda alert: (order[alert.severity], alert.began_at))

    def evaluate(self, readings: Iterable[Reading], now: float) -> list[Notice]:
        """Take the readings of one moment; return what is to be told."""
        self.silences = [silence for silence in self.silences if silence.until > now]
        if self._acknowledged and now > self._remembered_until:
            self._acknowledged.clear()
        notices: list[Notice] = []
        for metric, value, subject in readings:
            if not math.isfinite(value):
                continue
            for rule in self._by_metric.get(metric, ()):
                series = self._find(Key(rule.name, subject[:MAX_SUBJECT_CHARACTERS]), rule)
                if series is not None:
                    series.window.add(value, now)
                    series.seen = now
                    notices += self._judge(rule, subject[:MAX_SUBJECT_CHARACTERS], series, now)
        notices += self._forget_stale(now)
        return notices

    def silence(self, rule: str, subject: str, until: float, by: str = "") -> bool:
        """Tell nobody before `until`; False if there are too many silences."""
        self.silences = [one for one in self.silences if (one.rule, one.subject) != (rule, subject)]
        if len(self.silences) >= MAX_SILENCES:
            return False
        self.silences.append(Silence(rule, subject, until, by))
        self._mark_silenced()
        return True

    def unsilence(self, rule: str, subject: str) -> None:
        self.silences = [one for one in self.silences if (one.rule, one.subject) != (rule, subject)]
        self._mark_silenced()

    def acknowledge(self, rule: str, subject: str, by: str) -> bool:
        """Somebody takes care: it is not said again. False if there is no such alert."""
        series = self._series.get(Key(rule, subject))
        if series is None or series.alert is None:
            return False
        series.alert.acknowledged_by = by
        return True

    def _find(self, key: Key, rule: Rule) -> _Series | None:
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= MAX_SERIES:
                self.ignored += 1
                return None
            series = self._series[key] = _Series(Window(rule.window))
        return series

    def _judge(self, rule: Rule, subject: str, series: _Series, now: float) -> Iterator[Notice]:
        value = getattr(series.window, rule.over)
        if value is None:
            return
        if not rule.breached(value, series.alert is not None):
            series.since = None
            if series.alert is not None:
                series.alert.value = value
                yield from self._end(series, now)
            return
        if series.since is None:
            series.since = now
        if series.alert is None and now - series.since >= rule.lasting:
            yield from self._begin(rule, subject, series, value, now)
        elif series.alert is not None:
            alert = series.alert
            alert.value = value
            alert.silenced = self._is_silenced(alert)
            if now - alert.said_at >= rule.repeat and not alert.acknowledged_by and not alert.silenced:
                alert.said_at = now
                yield Notice("repeated", alert)

    def _begin(self, rule: Rule, subject: str, series: _Series, value: float, now: float) -> Iterator[Notice]:
        threshold = rule.above if rule.above is not None else rule.below
        assert threshold is not None
        began = series.since if series.since is not None else now
        alert = Alert(rule.name, subject, rule.severity, rule.text, rule.metric, value, threshold, began)
        alert.silenced, alert.said_at = self._is_silenced(alert), now
        series.alert = alert
        alert.acknowledged_by = self._acknowledged.pop(Key(rule.name, subject), "")
        if not alert.silenced and not alert.acknowledged_by:
            yield Notice("fired", alert)

    def _end(self, series: _Series, now: float) -> Iterator[Notice]:
        alert, series.alert = series.alert, None
        assert alert is not None
        alert.ended_at = now
        alert.silenced = self._is_silenced(alert)
        if not alert.silenced:
            yield Notice("resolved", alert)

    def _forget_stale(self, now: float) -> Iterator[Notice]:
        for key in [key for key, series in self._series.items() if now - series.seen > STALE]:
            series = self._series.pop(key)
            if series.alert is not None:
                yield from self._end(series, now)

    def _mark_silenced(self) -> None:
        for series in self._series.values():
            if series.alert is not None:
                series.alert.silenced = self._is_silenced(series.alert)

    def _is_silenced(self, alert: Alert) -> bool:
        return any(one.rule == alert.rule and one.subject in ("", alert.subject) for one in self.silences)
