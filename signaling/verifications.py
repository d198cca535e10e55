"""Verification calls: a challenge code, guided shots and a recording, from which evidence is made after the call."""

from msgspec import structs

from signaling import recordings
from signaling.board import Board
from signaling.call import ANSWERED
from signaling.protocol import VerificationSet
from signaling.records import Verification
from signaling.session import Session
from signaling.state import Call


def set_step(board: Board, session: Session, call: Call, message: VerificationSet) -> None:
    """The agent begins, asks for the next shot, or ends."""
    if call.state.phase not in ANSWERED:
        board.error(session, "wrong_state", "the call is not answered", "verification.set")
        return
    running = call.verification
    if running is None and message.on:
        _begin(board, call, message.shot)
    elif running is not None and not message.on:
        end(board, call)
    elif running is not None and running.shot != message.shot:
        board.record(call.state, "shot_asked", shot=message.shot)
        _keep(board, call, structs.replace(running, shot=message.shot))


def end(board: Board, call: Call) -> None:
    """It is over, if there was one."""
    running = call.verification
    if running is not None:
        board.record(call.state, "verification_ended", verification=running.verification_id)
        _keep(board, call, structs.replace(running, ended_at=board.at.wall))


def _begin(board: Board, call: Call, shot: str) -> None:
    new_id = board.environment.new_id
    begun = Verification(new_id("verification"), new_id("challenge"), board.at.wall, shot=shot)
    board.record(call.state, "verification_started", verification=begun.verification_id, code=begun.challenge)
    _keep(board, call, begun)
    if call.state.policy.recording != "off":
        recordings.want(board, call, "agent")


def _keep(board: Board, call: Call, verification: Verification) -> None:
    call.state.verification = verification
    board.touch(call)
