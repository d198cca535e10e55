"""Bringing waiting customers and free agents together: rounds of ringing, and the claim that settles them."""

from signaling.actions import Claim, Release
from signaling.board import Board, TimerKey
from signaling.call import Event
from signaling.customers import repeat_view
from signaling.endings import arm_away, back_to_queue, end_call, stop_ringing
from signaling.legs import ensure_leg, join, keep_leg, keep_sending
from signaling.protocol import CallIncoming, ChatAdded
from signaling.roster import Agent
from signaling.routing import Need, choose
from signaling.session import Session
from signaling.state import Call, Participant
from signaling.views import sees

CHAT_FOR_THE_NEW_AGENT = 50


def dispatch(board: Board) -> None:
    """Ring free agents for every unanswered call, in the queue's order."""
    if not any(agent.free for agent in board.roster):
        return
    for state in board.ordered():
        _ring_more(board, board.calls[state.call_id])
        if not any(agent.free for agent in board.roster):
            return


def _ring_more(board: Board, call: Call) -> None:
    if call.claiming:
        return
    now = board.at.now
    call.paused = {agent_id: until for agent_id, until in call.paused.items() if until > now}
    need = Need(call.state.site_id, call.state.language, call.state.declined, call.missed, call.paused)
    agents = (board.roster.get(agent_id) for agent_id in call.ringers)
    ringing = [agent for agent in agents if agent is not None and agent.attached]
    chosen = choose(need, board.roster, board.rules.ring_agents - len(ringing), ringing)
    if not chosen:
        return
    board.transition(call, Event.OFFERED, agents=[agent.agent_id for agent in chosen])
    board.queue_moved = True
    for agent in chosen:
        _ring(board, call, agent)


def _ring(board: Board, call: Call, agent: Agent) -> None:
    one = Participant("agent", agent.session_id, agent.agent_id)
    if not call.ringers:
        call.state.ring_deadline = board.at.wall + board.rules.ring_timeout
        board.timers.set(TimerKey("ring", call.call_id), board.at.now + board.rules.ring_timeout)
    call.ringers[agent.agent_id] = one
    call.state.ringing = tuple(call.ringers)
    agent.ringing = call.call_id
    board.send(board.sessions[agent.session_id], CallIncoming(0, sees(call, one, board.sessions)))
    ensure_leg(board, call, one)


def round_over(board: Board, call_id: str) -> None:
    """The round's time is up: those who let it ring are passed over, unless their accept is being decided."""
    call = board.calls.get(call_id)
    if call is None or call.state.phase != "ringing":
        return
    for agent_id in [agent_id for agent_id in call.ringers if agent_id not in call.claiming]:
        call.missed.add(agent_id)
        stop_ringing(board, call, agent_id, "unanswered", pause=True)
    if not call.claiming:
        board.transition(call, Event.RING_TIMEOUT)
    back_to_queue(board, call)


def queue_over(board: Board, call_id: str) -> None:
    """Nobody answered in time; an accept that is being decided goes first."""
    call = board.calls.get(call_id)
    if call is None or call.state.answered_at is not None:
        return
    if call.claiming:
        board.timers.set(TimerKey("queue", call_id), board.at.now + 1.0)
    else:
        end_call(board, call, Event.QUEUE_TIMEOUT)


def accept(board: Board, session: Session, call_id: str) -> None:
    """The agent takes the call: the records decide whether it is theirs."""
    call = _ringing_at(board, session, call_id, "call.accept")
    agent_id = session.state.agent_id
    if call is None or agent_id in call.claiming:
        return
    call.claiming.add(agent_id)
    call.claimed = True
    call.state.epoch += 1
    board.touch(call)
    board.act(Claim(call_id, agent_id, call.state.epoch))


def decline(board: Board, session: Session, call_id: str) -> None:
    """Not this agent, if there is another."""
    call = _ringing_at(board, session, call_id, "call.decline")
    if call is None:
        return
    if session.state.agent_id in call.claiming:
        board.error(session, "wrong_state", "you have just accepted this call", "call.decline")
        return
    refuse(board, call, session.state.agent_id)


def refuse(board: Board, call: Call, agent_id: str) -> None:
    """An agent at whom it rings does not want it."""
    if agent_id not in call.state.declined:
        call.state.declined = (*call.state.declined, agent_id)
    board.transition(call, Event.DECLINED, agent=agent_id)
    stop_ringing(board, call, agent_id, "declined", pause=True)
    back_to_queue(board, call)


def _ringing_at(board: Board, session: Session, call_id: str, ref: str) -> Call | None:
    call = board.calls.get(call_id)
    if call is not None and session.state.agent_id in call.ringers:
        return call
    if call is None:
        board.error(session, "not_found", "this call is over", ref)
    elif ref == "call.accept" and call.of_session(session.session_id) is not None:
        repeat_view(board, session)
    elif ref == "call.decline" and session.state.agent_id in call.state.declined:
        return None  # a repeat
    elif session.state.agent_id in {*call.state.declined, *call.missed, call.state.agent_id}:
        board.error(session, "wrong_state", "it does not ring here", ref)
    else:
        board.error(session, "not_allowed", "it does not ring here", ref)
    return None


def claimed(board: Board, call_id: str, agent_id: str, won: bool) -> None:
    """The records have decided one claim."""
    call = board.calls.get(call_id)
    if call is None:
        return  # ended meanwhile; its Release is behind the Claim
    asked = agent_id in call.claiming
    call.claiming.discard(agent_id)
    if won and asked and agent_id in call.ringers and call.agent is None:
        _answer(board, call, agent_id)
        return
    if won and call.agent is None:
        board.act(Release(call_id))
    if asked and agent_id in call.ringers:
        stop_ringing(board, call, agent_id, "answered_elsewhere", pause=True)
    if not call.claiming and TimerKey("ring", call_id) not in board.timers:
        round_over(board, call_id)
    back_to_queue(board, call)
    board.queue_moved = True


def _answer(board: Board, call: Call, agent_id: str) -> None:
    one = call.ringers.pop(agent_id)
    for other in list(call.ringers):
        stop_ringing(board, call, other, "answered_elsewhere", pause=False)
    call.agent = one
    agent, session = board.roster.get(agent_id), board.sessions[one.session_id]
    assert agent is not None, "an agent who rings is signed in"
    agent.ringing, agent.call_id, session.call_id, session.ended = "", call.call_id, call.call_id, None
    state = call.state
    state.agent_id, state.agent_name, state.agent_session = agent_id, agent.name, one.session_id
    state.ringing, state.ring_deadline, state.answered_at = (), None, board.at.wall
    for name in ("ring", "queue", "repause"):
        board.timers.cancel(TimerKey(name, call.call_id))
    board.timers.cancel(TimerKey("forget", session.session_id))
    board.transition(call, Event.ACCEPTED, agent=agent_id)
    keep_leg(board, call, one)
    keep_sending(board, call, one)
    for side in call.participants():
        arm_away(board, board.sessions[side.session_id])
    board.queue_moved = True
    board.publish(call)
    for item in call.chat[-CHAT_FOR_THE_NEW_AGENT:]:
        board.send(session, ChatAdded(0, call.call_id, item))
    join(board, call)
