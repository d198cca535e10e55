"""From verdicts to what a side is told while the call goes on: the one thing that helps it most."""

from collections.abc import Iterable
from typing import Literal, cast

from media.quality.rules import DEVICE, POOR
from media.quality.verdict import Holding
from signaling.quality import GOOD, Level, Reading, Side

_OWN = ("silent", "black", "outage", "rate", "burst", "loss", "jitter", "delay", "cpu")
"""Trouble of one's own, what one can do something about first."""
_HINTED = {"rate": "weak", "burst": "weak", "loss": "weak", "jitter": "weak", "outage": ""}
OVER = 2.0
LISTENING = 3.5
"""Seconds that an operator knows of a silent microphone before its owner is told: who only listens may have a gate."""
Word = Literal["", "weak", "delay", "silent", "black", "cpu"]


def advise(role: str, verdicts: Iterable[Holding], now: float) -> Reading:
    """What to tell this role now (wall-clock seconds of the newest second)."""
    worth = [verdict for verdict in verdicts if _worth(role, verdict) and not _over(verdict, now)]
    return _reading(role, min(worth, key=lambda verdict: _rank(role, verdict))) if worth else GOOD


def _worth(role: str, verdict: Holding) -> bool:
    """The other side's small troubles are no news. What a device does wrong is for its owner, and for the agent, who
    can tell the customer what helps."""
    if verdict.side == role:
        return True
    if verdict.kind in DEVICE:
        return role == "agent" and (verdict.severity == POOR or verdict.kind != "cpu")
    return verdict.severity == POOR or verdict.side == "server"


def _over(verdict: Holding, now: float) -> bool:
    """What was gone and is back is no news, although the verdict waits for what comes next; or not news yet."""
    if verdict.kind == "silent" and verdict.end - verdict.begin < LISTENING:
        return True
    return verdict.kind in ("outage", "silent", "black") and now - verdict.end >= OVER


def _rank(role: str, verdict: Holding) -> tuple[bool, bool, int, float]:
    mine = verdict.side == role
    place = _OWN.index(verdict.kind) if verdict.kind in _OWN else len(_OWN)
    device = verdict.kind in ("silent", "black")
    return (not (mine and device), not (mine and verdict.severity == POOR), not mine, place)


def _reading(role: str, verdict: Holding) -> Reading:
    level = cast(Level, verdict.severity)
    if verdict.side != role:
        word = verdict.kind if verdict.kind in DEVICE else ""
        return Reading(level, "peer" if verdict.side != "server" else "", cast(Word, word))
    sides: dict[str, Side] = {"up": "own_uplink", "down": "own_downlink"}
    side: Side = "own_uplink" if verdict.kind in DEVICE else sides.get(verdict.direction, "")
    return Reading(level, side, cast(Word, _HINTED.get(verdict.kind, verdict.kind)))
