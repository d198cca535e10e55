"""What agents do besides answering: status, hold, and staying away."""

from signaling.actions import Release
from signaling.board import Board, TimerKey
from signaling.call import ANSWERED, Event
from signaling.endings import arm_away, back_to_queue, close_legs, end_call, free_agent, stop_ringing
from signaling.legs import join, part, set_held, want_clean_voice
from signaling.protocol import AgentSetStatus, CallClean, CallHold
from signaling.ringing import refuse
from signaling.session import Session
from signaling.state import Call


def set_status(board: Board, session: Session, message: AgentSetStatus) -> None:
    """Ready or away. Going away while it rings is a no to that call."""
    agent = board.roster.get(session.state.agent_id)
    if agent is None or agent.chosen == message.status:
        return
    agent.chosen, agent.idle_since = message.status, board.at.now
    board.touch_status(agent.agent_id, message.status)
    board.queue_moved = True
    call = board.calls.get(agent.ringing)
    if message.status == "away" and call is not None and agent.agent_id not in call.claiming:
        refuse(board, call, agent.agent_id)


def hold(board: Board, session: Session, call: Call, message: CallHold) -> None:
    """Nothing is heard or seen while a call is on hold."""
    held = call.state.phase == "on_hold"
    if call.state.phase not in ANSWERED:
        board.error(session, "wrong_state", "the call is not answered", "call.hold")
    elif held != message.on:
        board.transition(call, Event.HELD if message.on else Event.UNHELD)
        if call.joined:
            set_held(board, call, message.on)
        join(board, call)


def clean(board: Board, session: Session, call: Call, message: CallClean) -> None:
    """Less noise in what this agent hears."""
    if call.state.phase not in ANSWERED:
        board.error(session, "wrong_state", "the call is not answered", "call.clean")
    elif call.state.clean_voice != message.on:
        want_clean_voice(board, call, message.on)


def stayed_away(board: Board, session: Session) -> None:
    """An agent's session is over: a call in progress goes back to the head of the queue, for the customer is still
    here and must not be lost by an agent's laptop."""
    agent = board.roster.get(session.state.agent_id)
    if agent is None or agent.session_id != session.session_id:
        return
    ringing = board.calls.get(agent.ringing)
    if ringing is not None:
        stop_ringing(board, ringing, agent.agent_id, "ended", pause=False)
        back_to_queue(board, ringing)
    call = board.calls.get(session.call_id)
    if call is not None:
        _lose_agent(board, call)
    board.roster.remove(agent.agent_id)
    board.touch_status(agent.agent_id, "away")
    board.queue_moved = True


def _lose_agent(board: Board, call: Call) -> None:
    assert call.agent is not None
    customer = board.sessions.get(call.customer.session_id) if call.customer else None
    if customer is None or not customer.attached:
        end_call(board, call, Event.CONNECTION_LOST, by="agent")
        return
    requeue(board, call)


def requeue(board: Board, call: Call) -> None:
    """Put an answered call back, ahead of all who wait."""
    one, state = call.agent, call.state
    assert one is not None
    part(board, call)
    close_legs(board, call, one)
    board.act(Release(call.call_id))
    call.agent, call.held, call.join_failures = None, False, 0
    call.paused, call.missed = {}, set()
    free_agent(board, one.agent_id)
    session = board.sessions.get(one.session_id)
    if session is not None:
        session.call_id = ""
    state.legs = {session_id: leg for session_id, leg in state.legs.items() if session_id != one.session_id}
    state.sending = {role: sends for role, sends in state.sending.items() if role != "agent"}
    state.clean_voice = False
    board.transition(call, Event.AGENT_LOST, agent=one.agent_id)
    state.agent_id = state.agent_name = state.agent_session = ""
    state.answered_at, state.queued_at = None, board.at.wall
    state.priority += 1
    state.declined = ()
    board.timers.cancel(TimerKey("rejoin", call.call_id))
    board.timers.set(TimerKey("queue", call.call_id), board.at.now + board.rules.queue_timeout)
    board.queue_moved = True
    if call.customer is not None and call.customer.session_id in board.sessions:
        arm_away(board, board.sessions[call.customer.session_id])
