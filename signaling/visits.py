"""Sessions come, go and come back: hello, resume, detach, and the end of patience."""

from signaling import agents, customers
from signaling.admission import Admission, RefusedError
from signaling.board import Board, TimerKey
from signaling.endings import arm_away, patience
from signaling.legs import ensure_leg, replace_leg, tell_offer
from signaling.protocol import (
    CLOSE_RATE,
    CLOSE_REPLACED,
    CLOSE_RESTART,
    CLOSE_RESUME_FAILED,
    VERSION,
    Resume,
    Resumed,
    ServerDraining,
    Snapshot,
    Welcome,
    encode,
)
from signaling.records import SessionState
from signaling.roster import Agent
from signaling.session import Session, token_hash
from signaling.views import of_ended, sees


def arrive(board: Board, connection: int, admission: Admission) -> Session:
    """A new session; raise RefusedError when there are too many."""
    known = board.roster.get(admission.agent_id) if admission.role == "agent" else None
    if len(board.sessions) >= board.rules.max_sessions and known is None:
        raise RefusedError("at_capacity", "too many visitors, please try again soon", CLOSE_RESTART)
    token = board.environment.new_id("token")
    state = SessionState(
        session_id=board.environment.new_id("session"),
        role=admission.role,
        token_hash=token_hash(token),
        site_id=admission.site_id,
        person=admission.person,
        agent_id=admission.agent_id,
        customer_id=admission.customer_id,
        country=admission.country,
        invited_call=admission.invited_call,
        seen_at=board.at.wall,
        origin=admission.origin,
        policy=admission.policy,
        context=customers.bounded(admission.context) if admission.context else None,
    )
    session = Session(state, connection, board.at.now)
    board.add_session(session)
    if admission.role == "agent":
        _sign_in(board, session, admission)
    welcome = Welcome(
        seq=0,
        session_id=session.session_id,
        resume_token=token,
        resume_window=board.rules.resume_window,
        heartbeat=board.rules.heartbeat,
        photo_token=board.environment.photo_token(session.session_id),
        snapshot=snapshot(board, session),
        ice_servers=board.environment.ice_servers(session.session_id),
    )
    board.send(session, welcome)
    if board.draining_until is not None:
        board.send(session, ServerDraining(0, board.draining_until))
    _see_to_media(board, session, fresh=True)
    board.touch_session(session)
    return session


def _sign_in(board: Board, session: Session, admission: Admission) -> None:
    """An agent has one session: a sign-in elsewhere takes over the older one's call or ringing."""
    agent = board.roster.get(admission.agent_id)
    fresh = Agent(admission.agent_id, session.session_id, admission.person.name, idle_since=board.at.now)
    if agent is not None:
        fresh.chosen, fresh.call_id = agent.chosen, agent.call_id
        fresh.ringing, fresh.idle_since = agent.ringing, agent.idle_since
        _move(board, board.sessions[agent.session_id], session, agent.call_id or agent.ringing)
    fresh.sites, fresh.languages, fresh.skills = admission.sites, admission.languages, admission.skills
    board.roster.add(fresh)
    board.queue_moved = True


def _move(board: Board, old: Session, new: Session, call_id: str) -> None:
    call = board.calls.get(call_id)
    one = call.of_session(old.session_id) if call else None
    if call is not None and one is not None:
        one.session_id, one.view = new.session_id, None
        board.timers.cancel(TimerKey("reopen", call.call_id, old.session_id))
        new.call_id = old.call_id
        if one is call.agent:
            call.state.agent_session = new.session_id
            legs = {session_id: leg for session_id, leg in call.state.legs.items() if session_id != old.session_id}
            call.state.legs = {**legs, new.session_id: one.current.leg_id} if one.current else legs
        board.touch(call)
    if old.connection is not None:
        board.close_connection(old.connection, CLOSE_REPLACED, "you signed in elsewhere")
    board.drop_session(old)


def resume(board: Board, connection: int, message: Resume) -> Session:
    """A known session on a new connection; raise RefusedError if it is not known (any more)."""
    session = board.sessions.get(board.tokens.get(token_hash(message.token), ""))
    if session is None:
        raise RefusedError("resume_failed", "this session is over", CLOSE_RESUME_FAILED)
    if message.version != VERSION:
        raise RefusedError("version", f"this server speaks version {VERSION}")
    if not session.may_resume(board.at.now):
        raise RefusedError("rate_limited", "too many connections", CLOSE_RATE)
    replaced = session.attach(connection)
    if replaced is not None:
        board.close_connection(replaced, CLOSE_REPLACED, "another connection resumed this session")
    arm_away(board, session)
    agent = board.roster.get(session.state.agent_id) if session.state.role == "agent" else None
    if agent is not None:
        agent.attached = True
        board.queue_moved = True
    missed = session.missed(message.last_seq)
    replayed = missed is not None and not message.fresh
    # Numbered so that a client that counts sees no gap: what follows is the next frame of its stream.
    seq = message.last_seq if replayed else session.replay.last_seq
    board.send_frame(session, encode(Resumed(seq, session.session_id, replayed, snapshot(board, session))))
    for frame in (missed or []) if replayed else []:
        board.send_frame(session, frame)
    if not replayed and board.draining_until is not None:
        board.send(session, ServerDraining(0, board.draining_until))
    _tell_peer(board, session)
    _see_to_media(board, session, message.fresh, tell=not replayed)
    session.state.seen_at = board.at.wall
    board.touch_session(session)
    return session


def _see_to_media(board: Board, session: Session, fresh: bool, tell: bool = False) -> None:
    """A page that lost its state gets a new leg; one that may have missed an offer gets it again."""
    place = board.place_of(session)
    if place is None:
        return
    call, one = place
    if fresh:
        replace_leg(board, call, one)
        return
    for leg in one.legs() if tell else ():
        if leg.offer is not None and leg.answered < leg.generation:
            tell_offer(board, call, one, leg)
    ensure_leg(board, call, one)


def snapshot(board: Board, session: Session) -> Snapshot:
    """Everything the page needs to draw itself; also counts as the newest view sent."""
    state = session.state
    place = board.place_of(session)
    view = of_ended(session.ended, state.role) if session.ended else None
    incoming = []
    if place is not None:
        call, one = place
        view = sees(call, one, board.sessions, chat=True)
        if one.agent_id in call.ringers:
            incoming, view = [view], None
        else:
            one.view = sees(call, one, board.sessions)
    agent = board.roster.get(state.agent_id) if state.role == "agent" else None
    if agent is None:
        return Snapshot(state.role, state.person, call=view)
    waiting = board.waiting_for(agent.sites)
    session.said = (agent.status, waiting)
    return Snapshot(state.role, state.person, agent.status, view, incoming, waiting)


def leave(board: Board, session: Session) -> None:
    """The connection is gone; the session stays for a while."""
    session.detach(board.at.now)
    session.state.seen_at = board.at.wall
    board.touch_session(session)
    agent = board.roster.get(session.state.agent_id) if session.state.role == "agent" else None
    if agent is not None:
        agent.attached = False
        board.queue_moved = True
    arm_away(board, session)
    _tell_peer(board, session)
    call = board.calls.get(session.call_id)
    if call is not None:
        board.record(call.state, "away", role=session.state.role)


def _tell_peer(board: Board, session: Session) -> None:
    call = board.calls.get(session.call_id)
    if call is not None:
        board.glance(call)


def gone(board: Board, session_id: str) -> None:
    """The patience with a detached session has ended: first its unanswered call, then the session itself."""
    session = board.sessions.get(session_id)
    if session is None or session.attached:
        return
    call = board.calls.get(session.call_id)
    if session.state.role == "agent":
        agents.stayed_away(board, session)
    elif call is not None:
        customers.stayed_away(board, call)
    if board.at.now >= session.detached_at + max(patience(board, session), board.rules.resume_window):
        board.drop_session(session)
    else:
        arm_away(board, session)


def drop(board: Board, session: Session) -> None:
    """Forget a session that takes part in nothing, whatever state it is in."""
    agent = board.roster.get(session.state.agent_id)
    if agent is not None and agent.session_id == session.session_id:
        board.roster.remove(agent.agent_id)
    board.drop_session(session)


def forget_ended(board: Board, session_id: str) -> None:
    """The end screen's time is over."""
    session = board.sessions.get(session_id)
    if session is not None:
        session.ended = None
