"""Who had which trouble since when: the rules, applied every second to both sides of a call, and what they found."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from media.api import LegSecond
from media.quality.hearing import Hearing
from media.quality.measures import LegWindow, Measures
from media.quality.page import PageView
from media.quality.rules import DEVICE, POOR, RULES, Rule, explained
from media.quality.verdict import Holding, Verdict

_NONE: frozenset[tuple[str, str]] = frozenset()
BRIDGED = 10.0
"""Seconds without the trouble that do not end it."""
ABSORBED = 15.0
"""What began at most so long before its explanation was known was part of it: a narrow link loses first."""
MAX_KEPT = 200
"""Ended verdicts of one call that nobody has taken yet."""

_NAMED = tuple((rule, rule.name, rule.measure, rule.fair, rule.below) for rule in RULES)
_AT_ONCE = tuple(named for named in _NAMED if named[2] in ("silent_s", "black"))
"""Rules that a page's word can make true between two seconds."""


class Side(NamedTuple):
    """One side's second."""

    role: str
    second: LegSecond
    page: PageView | None = None
    audio_on: bool = True
    video_on: bool = True


class _Trouble:
    """One rule of one side while it holds."""

    __slots__ = ("_sum", "begin", "did", "end", "rule", "seconds", "severity")

    def __init__(self, rule: Rule, begin: float) -> None:
        self.rule = rule
        self.begin = self.end = begin
        self.severity = ""
        self.seconds = 0
        self.did: dict[str, None] = {}
        self._sum = 0.0

    def lasts(self, at: float, value: float, severity: str, did: tuple[str, ...]) -> None:
        self.end = at
        self.seconds += 1
        self._sum += value
        self.severity = severity if severity == POOR or not self.severity else self.severity
        if did:
            self.did.update(dict.fromkeys(did))

    @property
    def value(self) -> float:
        return self._sum / max(self.seconds, 1)


class Diagnosis:
    """One call's. `observe` once a second; `current` holds now, `ended` is over, `take` once in a while."""

    def __init__(self) -> None:
        self._windows: dict[str, LegWindow] = {}
        self._hearing: dict[str, Hearing] = {}
        self._troubles: dict[tuple[str, str], _Trouble] = {}
        self._row: dict[tuple[str, str], int] = {}
        self._roles: tuple[str, ...] = ()
        self.ended: list[Verdict] = []
        self.changes = 0
        """Grows when a trouble begins, becomes worse, or ends."""

    def observe(self, sides: list[Side], lag_ms: float = 0.0) -> None:
        """Take the same second of every side."""
        self._roles = tuple(side.role for side in sides)
        for side in sides:
            window = self._windows.get(side.role)
            if window is None:
                window = self._windows[side.role] = LegWindow(self._hearing.setdefault(side.role, Hearing()))
            others = [other for other in sides if other is not side]
            jitter, unseen = 0, True
            for other in others:
                far = other.second
                jitter = max(jitter, far.up_jitter_ms)
                unseen = unseen and (far.paused or _gone(far))
            window.add(side.second, side.page, audio_on=side.audio_on, far_jitter_ms=jitter, unseen=unseen)
            if not window.calm(lag_ms):
                self._apply(side, window.measures(video_on=side.video_on, lag_ms=lag_ms), others)
            elif self._troubles or self._row:
                self._pause(side, _NONE)

    def say(self, role: str, page: PageView, *, video_on: bool) -> bool:
        """A word of the page between two seconds; whether it told of a trouble of its device that nobody knew of."""
        window = self._windows.get(role)
        if window is None:
            return False
        window.say(page)
        measures, known = window.device(video_on=video_on), len(self._troubles)
        found = {key[1] for key in self._troubles if key[0] == role}
        for rule, name, measure, _, _ in _AT_ONCE:
            severity = rule.severity(value := measures[measure])
            if value is not None and severity and name not in found and not explained(rule, found):
                trouble = self._troubles[role, name] = _Trouble(rule, window.at - rule.hold)
                trouble.lasts(window.at, value, severity, ())
        self.changes += len(self._troubles) > known
        return len(self._troubles) > known

    def _apply(self, side: Side, measures: Measures, others: list[Side]) -> None:
        at, role = side.second.at, side.role
        found = {key[1] for key in self._troubles if key[0] == role or key[0] == "server"}
        held = set()
        did: dict[str, tuple[str, ...]] = {}
        for rule, name, measure, fair, below in _NAMED:
            value = measures[measure]
            if value is None or (value > fair if below else value < fair) or explained(rule, found):
                continue
            if rule.far and self._far(role, rule.far):
                continue
            key = ("server" if rule.everywhere else role, name)
            held.add(key)
            found.add(name)
            row = self._row[key] = self._row.get(key, 0) + 1
            if row >= rule.hold:
                trouble = self._troubles.get(key)
                if trouble is None:
                    trouble = self._troubles[key] = _Trouble(rule, self._absorb(key[0], rule, at - row))
                did = did or actions(side, others)
                before = trouble.severity
                trouble.lasts(at, value, rule.severity(value), did.get(rule.direction, ()))
                self.changes += trouble.severity != before
        self._pause(side, held)

    def _far(self, role: str, names: tuple[str, ...]) -> bool:
        """Whether the other side has one of these troubles, or seems to."""
        return any(who not in (role, "server") and name in names for who, name in (*self._troubles, *self._row))

    def _pause(self, side: Side, held: AbstractSet[tuple[str, str]]) -> None:
        """All but these troubles are not there in this second."""
        at, whose = side.second.at, (side.role, "server")
        if self._row.keys() - held:
            for key in [key for key in self._row if key not in held and key[0] in whose]:
                del self._row[key]
        over = [key for key, trouble in self._troubles.items() if at - trouble.end > BRIDGED]
        for key in over:
            if key not in held and key[0] in whose:
                self._end(key)

    def _absorb(self, who: str, rule: Rule, begin: float) -> float:
        """Take over what this trouble explains and began just before it; returns when it all began."""
        for key, other in list(self._troubles.items()):
            same = who in (key[0], "server") and other.rule is not rule
            if same and other.begin > begin - ABSORBED and explained(other.rule, {rule.name}):
                begin = min(begin, other.begin)
                del self._troubles[key]
        return begin

    def forget(self, role: str) -> None:
        """The side has another leg: its measures begin anew, its troubles end if they do not go on. Its microphone is
        the one it was."""
        self._windows.pop(role, None)

    def note(self, role: str, action: str) -> None:
        """Something was done for this side (`tcp`, `ice_restart`, `new_leg`)."""
        for (who, _), trouble in self._troubles.items():
            if who == role:
                trouble.did[action] = None

    def current(self) -> list[Verdict]:
        """What holds now, the worst first."""
        now = [self._verdict(key, trouble) for key, trouble in self._troubles.items()]
        return sorted(now, key=lambda verdict: (verdict.severity != POOR, verdict.begin))

    def holding(self) -> list[Holding]:
        """The same in a few words, in the order it began."""
        return [
            Holding(who, trouble.rule.direction, trouble.rule.kind, trouble.severity, trouble.begin, trouble.end)
            for (who, _), trouble in self._troubles.items()
        ]

    def close(self) -> list[Verdict]:
        """The call is over: every verdict in order of time."""
        for key in list(self._troubles):
            self._end(key)
        return sorted(self.ended, key=lambda verdict: verdict.begin)

    def take(self) -> list[Verdict]:
        """What ended since the last time, for good."""
        ended, self.ended = self.ended, []
        return ended

    def _end(self, key: tuple[str, str]) -> None:
        verdict = self._verdict(key, self._troubles.pop(key))
        self.changes += 1
        if len(self.ended) < MAX_KEPT:
            self.ended.append(verdict)

    def _verdict(self, key: tuple[str, str], trouble: _Trouble) -> Verdict:
        who, rule = key[0], trouble.rule
        return Verdict(
            round(trouble.begin, 1),
            round(trouble.end, 1),
            who,
            rule.direction,
            rule.kind,
            trouble.severity,
            1.0 if rule.kind == "silent" else round(trouble.value, 4),
            self._heard_by(who, rule),
            tuple(trouble.did),
            f"verdict.tell.{told(who, rule)}",
            f"verdict.title.{rule.kind}",
        )

    def _heard_by(self, who: str, rule: Rule) -> tuple[str, ...]:
        """`up` and what a device does wrong is noticed by the others, `down` by the side itself, the rest by all."""
        if rule.direction == "down":
            return (who,)
        if rule.direction == "up" or rule.kind in DEVICE:
            return tuple(role for role in self._roles if role != who)
        return self._roles


def told(who: str, rule: Rule) -> str:
    """What the agent can tell the customer of it, as the last part of a message's key."""
    if who == "server":
        return "ours_server"
    if who != "customer":
        return "ours_device" if rule.kind in DEVICE else "ours"
    return f"weak_{rule.direction}" if rule.direction else rule.kind


def _gone(second: LegSecond) -> bool:
    """Nothing comes from there: nobody is there to see pictures, or to say how they arrive."""
    return not (second.up_audio_bps or second.up_video_bps)


def actions(side: Side, others: list[Side]) -> dict[str, tuple[str, ...]]:
    """What the server is doing in this second, by direction of the leg."""
    second = side.second
    down = (
        ("repair", second.down_repair_bps > 0 and second.down_nacks > 0),
        ("copies", second.copies > 0),
        ("parity", second.parity_percent > 0),
        ("slowed", any(other.second.up_limit_bps for other in others)),
        ("paused", second.paused),
    )
    return {"down": tuple([name for name, done in down if done]), "up": ("repair",) if second.up_nacks > 0 else ()}
