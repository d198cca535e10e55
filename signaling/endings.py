"""How a call, or the ringing at one agent, comes to its end without leaving anything behind."""

from typing import Literal

from signaling import recordings, verifications
from signaling.actions import CloseCallMedia, CloseLeg, Release
from signaling.board import Board, TimerKey, TimerName
from signaling.call import REASONS, Event
from signaling.protocol import CallIncomingGone, CallUpdated
from signaling.session import Session
from signaling.state import Call, Participant
from signaling.views import of_ended

GoneReason = Literal["answered_elsewhere", "customer_left", "declined", "unanswered", "ended"]

_CALL_TIMERS: tuple[TimerName, ...] = ("ring", "queue", "created", "repause", "rejoin")
_GONE: dict[Event, GoneReason] = {
    Event.ABANDONED: "customer_left",
    Event.QUEUE_TIMEOUT: "unanswered",
}


def end_call(board: Board, call: Call, event: Event, by: str = "") -> None:
    """End the call: media closed, claim released, everyone told, nothing kept but the end screens.

    `by` is `customer`, `agent` or empty. Raise WrongPhaseError if the table does not allow it.
    """
    state = call.state
    state.reason, state.ended_by, state.ended_at = REASONS[event], by, board.at.wall
    verifications.end(board, call)
    recordings.close(board, call)
    board.transition(call, event, by=by)
    for agent_id in list(call.ringers):
        stop_ringing(board, call, agent_id, _GONE.get(event, "ended"), pause=False)
    board.act(CloseCallMedia(call.call_id))
    if call.claimed:
        board.act(Release(call.call_id))
    for one in call.participants():
        board.timers.cancel(TimerKey("reopen", call.call_id, one.session_id))
        _leave(board, call, one)
    for name in _CALL_TIMERS:
        board.timers.cancel(TimerKey(name, call.call_id))
    state.legs, state.ringing, state.ring_deadline = {}, (), None
    call.customer = call.agent = None
    del board.calls[call.call_id]
    board.queue_moved = True


def _leave(board: Board, call: Call, one: Participant) -> None:
    """Free the side's session and agent; the end stays on its screen for a while."""
    free_agent(board, one.agent_id)
    session = board.sessions.get(one.session_id)
    if session is None:
        return
    session.call_id, session.ended, session.hint = "", call.state, None
    board.timers.set(TimerKey("forget", session.session_id), board.at.now + board.rules.keep_ended)
    board.send(session, CallUpdated(0, of_ended(call.state, one.role)))
    arm_away(board, session)


def evict(board: Board, call: Call) -> None:
    """End a call whose state may contradict itself: trust nothing, clean everything, say `internal`."""
    state = call.state
    state.phase, state.reason = "ended", REASONS[Event.CRASHED]
    state.ended_at = state.ended_at or board.at.wall
    state.legs, state.ringing, state.ring_deadline = {}, (), None
    state.recording = None  # its files stay; what it was is in its own row
    board.record(state, Event.CRASHED.value)
    board.calls.pop(call.call_id, None)
    for agent in board.roster:
        if agent.ringing == call.call_id:
            agent.ringing = ""
            session = board.sessions.get(agent.session_id)
            if session is not None:
                board.send(session, CallIncomingGone(0, call.call_id, "ended"))
        if agent.call_id == call.call_id:
            agent.call_id = ""
    for key in board.timers.pending():
        if key.subject == call.call_id:
            board.timers.cancel(key)
    for session in board.sessions.values():
        if session.call_id == call.call_id:
            session.call_id, session.ended = "", state
            board.timers.set(TimerKey("forget", session.session_id), board.at.now + board.rules.keep_ended)
            board.send(session, CallUpdated(0, of_ended(state, session.state.role)))
            arm_away(board, session)
    board.act(CloseCallMedia(call.call_id))
    board.act(Release(call.call_id))
    board.queue_moved = True


def free_agent(board: Board, agent_id: str) -> None:
    """The agent has no call any more."""
    agent = board.roster.get(agent_id)
    if agent is not None:
        agent.call_id, agent.idle_since = "", board.at.now
        board.queue_moved = True


def stop_ringing(board: Board, call: Call, agent_id: str, reason: GoneReason, *, pause: bool) -> None:
    """It rings at this agent no more. `pause`: nor again for this call for a while."""
    one = call.ringers.pop(agent_id)
    call.claiming.discard(agent_id)
    close_legs(board, call, one)
    call.state.ringing = tuple(call.ringers)
    if pause:
        call.paused[agent_id] = board.at.now + board.rules.rering_pause
        board.timers.set(TimerKey("repause", call.call_id), board.at.now + board.rules.rering_pause)
    agent = board.roster.get(agent_id)
    if agent is not None:
        agent.ringing = ""
    session = board.sessions.get(one.session_id)
    if session is not None:
        board.send(session, CallIncomingGone(0, call.call_id, reason))
    board.touch(call)
    board.queue_moved = True


def back_to_queue(board: Board, call: Call) -> None:
    """If it rings nowhere any more, the call waits again."""
    if call.state.phase == "ringing" and not call.ringers and not call.claiming:
        call.state.ring_deadline = None
        board.timers.cancel(TimerKey("ring", call.call_id))
        board.transition(call, Event.UNOFFERED)
        board.queue_moved = True


def close_legs(board: Board, call: Call, one: Participant) -> None:
    """One side leaves the call, which goes on."""
    for leg in one.legs():
        board.act(CloseLeg(call.call_id, leg.leg_id))
    one.current, one.pending, one.replacing = None, None, False
    board.timers.cancel(TimerKey("reopen", call.call_id, one.session_id))


def arm_away(board: Board, session: Session) -> None:
    """Set the deadline by which a detached session must be back; what it is kept for decides how long."""
    if session.attached:
        board.timers.cancel(TimerKey("away", session.session_id))
        return
    board.timers.set(TimerKey("away", session.session_id), session.detached_at + patience(board, session))


def patience(board: Board, session: Session) -> float:
    """Seconds a session may be away: shorter for a customer whose call nobody has answered."""
    call = board.calls.get(session.call_id)
    unanswered = call is not None and call.state.answered_at is None
    if unanswered and session.state.role == "customer" and not session.restored:
        return min(board.rules.waiting_grace, board.rules.resume_window)
    return board.rules.resume_window
