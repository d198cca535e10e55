"""A control process starts: what the records and the media engine hold becomes the switchboard's memory again.

Calls in progress keep their media; nobody is connected yet, and everyone has the resume window to come back. Ringing
starts over when the agents are back. Legs the records do not know are closed; legs that are not connected are
offered anew when their page comes back.
"""

import copy
from collections.abc import Iterable, Mapping

from media.api import CallStatus, EngineStatus, LegState, RecordingState
from signaling import agents, recordings
from signaling.actions import CloseCallMedia, CloseLeg, Release, StopRecording
from signaling.board import Board, TimerKey
from signaling.call import ANSWERED, UNANSWERED, Event
from signaling.endings import arm_away, back_to_queue, end_call
from signaling.legs import join, part, set_held
from signaling.protocol import AgentStatus
from signaling.records import AgentAccount, CallState, OpenState, SessionState
from signaling.roster import Agent
from signaling.session import Session
from signaling.speech import LOOPS
from signaling.state import Call, Leg, Participant


def restore(board: Board, opened: OpenState, engine: EngineStatus, accounts: Mapping[str, AgentAccount]) -> None:
    """Rebuild everything; `accounts` are those of the agents whose sessions are open."""
    _sessions(board, opened.sessions, opened.agent_status, accounts, {call.agent_session for call in opened.calls})
    held = {status.call_id: status for status in engine.calls}
    for state in opened.calls:
        if state.phase != "ended":
            _call(board, copy.copy(state), held.get(state.call_id), opened)
    for call_id in held.keys() - board.calls.keys():
        board.act(CloseCallMedia(call_id))
    for session in board.sessions.values():
        arm_away(board, session)
    board.queue_moved = True


def _sessions(
    board: Board,
    states: Iterable[SessionState],
    statuses: Mapping[str, AgentStatus],
    accounts: Mapping[str, AgentAccount],
    in_calls: set[str],
) -> None:
    # An agent has one session: the one in a call, else the newest.
    for state in sorted(states, key=lambda state: (state.session_id in in_calls, state.seen_at)):
        session = Session(copy.copy(state), None, board.at.now)
        session.restored = True
        account = accounts.get(state.agent_id)
        if state.role == "agent":
            older = board.roster.get(state.agent_id)
            if older is not None:
                board.drop_session(board.sessions[older.session_id])
            if account is not None:
                board.roster.add(_agent(board, session, account, statuses.get(state.agent_id, "away")))
        board.add_session(session)
        if state.role == "agent" and account is None:
            board.drop_session(session)


def _agent(board: Board, session: Session, account: AgentAccount, chosen: AgentStatus) -> Agent:
    return Agent(
        account.agent_id,
        session.session_id,
        account.name,
        account.sites,
        account.languages,
        account.skills,
        chosen,
        attached=False,
        idle_since=board.at.now,
    )


def _call(board: Board, state: CallState, engine: CallStatus | None, opened: OpenState) -> None:
    call = board.calls[state.call_id] = Call(state, offered=True)
    call.chat = list(opened.chats.get(state.call_id, []))
    call.chat_ids = {item.id: item.sender for item in call.chat}
    call.stills = {still.still_id: still for still in opened.stills.get(state.call_id, [])}
    state.epoch += 1
    board.record(state, "control_restarted")
    if state.phase == "created":
        _deadline(board, call, "created", state.created_at + board.rules.created_timeout)
        return
    session = board.sessions.get(state.customer_session)
    if session is None:
        call.claimed = True
        end_call(board, call, Event.CONNECTION_LOST if state.phase in ANSWERED else Event.ABANDONED, by="customer")
        return
    call.customer = Participant("customer", session.session_id)
    session.call_id = call.call_id
    if state.phase in ANSWERED:
        _answered(board, call)
    _legs(board, call, engine)
    if state.phase in ANSWERED:
        _recording(board, call, engine)
        _rejoin(board, call)
    else:
        _unanswered(board, call)


def _answered(board: Board, call: Call) -> None:
    state = call.state
    call.agent = Participant("agent", state.agent_session, state.agent_id)
    call.claimed = True
    session, agent = board.sessions.get(state.agent_session), board.roster.get(state.agent_id)
    if session is not None and agent is not None:
        session.call_id = agent.call_id = call.call_id


def _legs(board: Board, call: Call, engine: CallStatus | None) -> None:
    known = {leg.leg_id: leg for leg in engine.legs} if engine else {}
    for one in call.participants():
        one.sending = call.state.sending.get(one.role, (True, True))
        leg = known.get(call.state.legs.get(one.session_id, ""))
        if leg is not None and leg.state == LegState.CONNECTED:
            one.current = Leg(leg.leg_id, None, leg.generation, leg.generation, up=True, muted=None)
            one.current.video_paused, one.current.video_bps = leg.video_paused, leg.wished_bps
            one.current.video_layers, one.current.playout_ms = leg.wished_layers, leg.playout_ms
            one.current.unshowable = leg.video_unshowable
            one.current.cleaning, one.current.cleaned = None, leg.voice_cleaned
            one.current.music = next((name for name in leg.playing if name in LOOPS), "")
            del known[leg.leg_id]
        else:
            one.broken = True
    for leg_id in known:
        board.act(CloseLeg(call.call_id, leg_id))
    call.state.legs = {one.session_id: one.current.leg_id for one in call.participants() if one.current}
    if engine is not None:
        call.held = engine.held
        call.joined = tuple(leg_id for leg_id in engine.connected if leg_id not in known)
    board.touch(call)


def _rejoin(board: Board, call: Call) -> None:
    assert call.agent is not None
    if call.agent.session_id not in board.sessions:
        agents.requeue(board, call)
        return
    legs = {one.current.leg_id for one in call.participants() if one.current}
    if set(call.joined) != legs or len(legs) < 2:
        call.joined = ()
    else:
        call.joined = tuple(one.current.leg_id for one in call.participants() if one.current)
    set_held(board, call, call.state.phase == "on_hold")
    join(board, call)


def _recording(board: Board, call: Call, engine: CallStatus | None) -> None:
    """What the engine records goes on; what it lost begins a new part when the legs are joined."""
    recording = call.state.recording
    for found in engine.recordings if engine else ():
        running = found.state in (RecordingState.STARTED, RecordingState.PAUSED, RecordingState.RESUMED)
        if recording is not None and found.recording_id == recording.recording_id and running:
            call.told = "paused" if found.state is RecordingState.PAUSED else "on"
        else:
            board.act(StopRecording(call.call_id, found.recording_id))
    if recording is not None and not call.told:
        recordings.lost(board, call)


def _unanswered(board: Board, call: Call) -> None:
    state = call.state
    part(board, call)
    state.ringing = ()
    # A claim may have been won in the very moment the process died; nobody was told of it.
    board.act(Release(call.call_id))
    if state.phase in UNANSWERED:
        back_to_queue(board, call)
    _deadline(board, call, "queue", (state.queued_at or state.created_at) + board.rules.queue_timeout)


def _deadline(board: Board, call: Call, name: str, wall: float) -> None:
    key = TimerKey("queue" if name == "queue" else "created", call.call_id)
    board.timers.set(key, board.at.now + max(0.0, wall - board.at.wall))
