"""What is played to a customer: spoken notices in their language, music while they wait or are on hold."""

from media.api import SPOKEN_LANGUAGES, Announcement
from signaling.actions import Play
from signaling.board import Board
from signaling.call import UNANSWERED
from signaling.state import Call


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
    wanted = ""
    if call.state.phase == "on_hold":
        wanted = Announcement.HOLD.value
    elif call.state.phase in UNANSWERED and call.state.policy.waiting_music:
        wanted = Announcement.WAITING.value
    if leg.music != wanted:
        leg.music = wanted
        board.act(Play(call.call_id, leg.leg_id, wanted or None, repeat=True))
