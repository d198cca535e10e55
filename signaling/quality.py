"""Plain facts about a call's quality for the pages to put into words."""

from typing import Literal, NamedTuple

from media.api import LegStats
from signaling.board import Board
from signaling.protocol import QualityHint
from signaling.session import Session
from signaling.state import Participant

Level = Literal["good", "fair", "poor"]
Side = Literal["own_uplink", "own_downlink", "peer", ""]

FAIR_LOSS, POOR_LOSS = 0.03, 0.10
"""Fractions: below the first nobody notices what repair leaves, above the second pictures freeze (media.md §5)."""
FAIR_RTT_MS, POOR_RTT_MS = 400.0, 800.0
"""Twice ITU-T G.114's 200 ms of comfortable one-way delay, and twice that."""

_ORDER: dict[Level, int] = {"good": 0, "fair": 1, "poor": 2}


class Reading(NamedTuple):
    level: Level
    side: Side


class Trend(NamedTuple):
    """What was said last and what the newest report says."""

    said: Reading
    newest: Reading


GOOD = Reading("good", "")


def judge(own: LegStats, peer: LegStats | None) -> Reading:
    """Whose direction suffers most, seen from `own`; the own side is named first when both do equally."""
    candidates = [
        Reading(_level(own.fraction_lost_uplink, own.rtt_ms), "own_uplink"),
        Reading(_level(own.fraction_lost_downlink, None), "own_downlink"),
    ]
    if peer is not None:
        candidates.append(Reading(_level(peer.fraction_lost_uplink, peer.rtt_ms), "peer"))
    worst = max(candidates, key=lambda reading: _ORDER[reading.level])
    return worst if worst.level != "good" else GOOD


def _level(loss: float, rtt_ms: float | None) -> Level:
    rtt = rtt_ms or 0.0
    if loss > POOR_LOSS or rtt > POOR_RTT_MS:
        return "poor"
    return "fair" if loss > FAIR_LOSS or rtt > FAIR_RTT_MS else "good"


def reported(board: Board, legs: tuple[LegStats, ...]) -> None:
    """Tell each page whose reading changed; one report alone changes nothing, so that a hint does not flicker."""
    stats = {(leg.call_id, leg.leg_id): leg for leg in legs}
    for call_id in {leg.call_id for leg in legs}:
        call = board.calls.get(call_id)
        if call is None or not call.joined:
            continue
        for one in call.participants():
            own, peer = _stats(stats, call_id, one), _stats(stats, call_id, call.other(one))
            session = board.sessions.get(one.session_id)
            if own is not None and session is not None:
                _tell(board, session, judge(own, peer))


def _stats(stats: dict[tuple[str, str], LegStats], call_id: str, one: Participant | None) -> LegStats | None:
    return stats.get((call_id, one.current.leg_id)) if one is not None and one.current is not None else None


def _tell(board: Board, session: Session, reading: Reading) -> None:
    trend: Trend = session.hint or Trend(GOOD, GOOD)
    confirmed = reading == trend.newest and reading != trend.said
    session.hint = Trend(reading if confirmed else trend.said, reading)
    if confirmed:
        board.send(session, QualityHint(0, reading.level, reading.side))
