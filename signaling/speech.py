"""What is played to a customer: spoken notices in their language, music while they wait or are on hold."""

from media.announcement import SPOKEN_LANGUAGES, Announcement
from signaling.actions import Play
from signaling.board import Board
from signaling.call import UNANSWERED
from signaling.state import Call

LOOPS = (Announcement.WAITING.value, Announcement.RING_BACK.value, Announcement.HOLD.value)
"""What is played again and again."""


def spoken(announcement: str, language: str) -> str:
    """The announcement in the caller's language, or one of the same family, or English."""
    wanted = language.lower()
    family = wanted.partition("-")[0]
    for known in SPOKEN_LANGUAGES:
        if known.lower() == wanted or known.lower().partition("-")[0] == family:
            return f"{announcement}.{known}"
    return f"{announcement}.en"


def follow(board: Board, call: Call) -> None:
    """See that the customer's leg is played what the call's phase asks for."""
    leg = call.customer.current if call.customer is not None else None
    if leg is None or not leg.up:
        return
    wanted, words = _wanted(call)
    if leg.music == wanted:
        return
    leg.music = wanted
    board.act(Play(call.call_id, leg.leg_id, wanted or None, repeat=True))
    if words:
        call.greeted = call.greeted or words == Announcement.PLEASE_WAIT
        board.act(Play(call.call_id, leg.leg_id, spoken(words, call.state.language), repeat=False))


def _wanted(call: Call) -> tuple[str, str]:
    """What is played again and again, and what is said once when that begins; empty: nothing."""
    phase, policy = call.state.phase, call.state.policy
    if phase == "on_hold":
        return Announcement.HOLD.value, Announcement.ON_HOLD.value if policy.announce else ""
    if phase not in UNANSWERED or not policy.waiting_music:
        return "", ""
    if phase == "ringing":
        return Announcement.RING_BACK.value, ""
    return Announcement.WAITING.value, "" if call.greeted else Announcement.PLEASE_WAIT.value
