"""Plain words about a call's quality on their way to the pages. What to say is decided by whoever measures (the
application's quality recorder); here it is said to the right session, once."""

from typing import Literal, NamedTuple

from signaling.board import Board
from signaling.protocol import QualityHint

Level = Literal["good", "fair", "poor"]
Side = Literal["own_uplink", "own_downlink", "peer", ""]
Word = Literal["", "weak", "delay", "silent", "black", "cpu"]

REPEAT = 30.0
"""A hint that holds is said again this often (seconds): the page may have been refreshed since."""
LEAST_INTERVAL = 3.0
"""Between two hints to one page, but for the first and for a worse one."""

_ORDER: dict[Level, int] = {"good": 0, "fair": 1, "poor": 2}


class Reading(NamedTuple):
    """How it is, whose direction suffers most, and what the matter is if the side can do something about it."""

    level: Level
    side: Side
    kind: Word = ""


class Told(NamedTuple):
    """What a session was told, and when (monotonic)."""

    reading: Reading
    at: float


GOOD = Reading("good", "")


def advise(board: Board, call_id: str, role: str, reading: Reading) -> None:
    """Tell the page of this side what holds now, if it is news."""
    call = board.calls.get(call_id)
    one = next((one for one in call.participants() if one.role == role), None) if call is not None else None
    session = board.sessions.get(one.session_id) if one is not None else None
    if call is None or not call.joined or session is None:
        return
    now = board.at.now
    told: Told = session.hint or Told(GOOD, float("-inf"))
    worse = _ORDER[reading.level] > _ORDER[told.reading.level]
    if reading == told.reading:
        if reading == GOOD or now - told.at < REPEAT:
            return
    elif not worse and now - told.at < LEAST_INTERVAL:
        return
    session.hint = Told(reading, now)
    board.send(session, QualityHint(0, reading.level, reading.side, reading.kind))
