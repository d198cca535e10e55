"""At the end of a turn: what a call that changed asks of the engine beside its legs (recording, music)."""

from signaling import recordings, speech, verifications
from signaling.board import Board
from signaling.call import ANSWERED
from signaling.state import Call


def follow(board: Board, call: Call) -> None:
    """Say to the engine what it was not told yet. A call without an agent keeps nothing."""
    if call.state.phase not in ANSWERED:
        verifications.end(board, call)
    recordings.follow(board, call)
    speech.follow(board, call)
