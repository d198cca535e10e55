"""The switchboard's memory and the outbox of its current turn: what every rule reads and writes.

A turn is one input. Rules change the state, mark what they touched and put actions into the outbox; `finish` then
tells every participant whose view changed and puts one Persist in front of everything.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from signaling import queue
from signaling.actions import Action, CloseConnection, Persist, Send
from signaling.call import Event, follow
from signaling.ids import Kind
from signaling.protocol import AgentState, AgentStatus, CallUpdated, Error, ErrorCode, IceServer, ServerMessage
from signaling.records import CallEvent, CallState, Change, Recording, Still
from signaling.roster import Roster
from signaling.rules import CallRules
from signaling.session import Session
from signaling.state import Call, Moment, Participant
from signaling.timers import Timers
from signaling.views import limits_told, same_but_for_limits, sees

MAX_EVENTS = 1000
"""History kept of one call; a client that flaps cannot fill the disk."""

TimerName = Literal["ring", "queue", "created", "repause", "reopen", "rejoin", "away", "forget"]


class TimerKey(NamedTuple):
    name: TimerName
    subject: str
    """Id of a call, for `away` and `forget` of a session."""
    session_id: str = ""
    """Whose leg, for `reopen`."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the switchboard takes from outside besides time."""

    new_id: Callable[[Kind], str]
    """Fresh identifiers of the protocol's Id shape; tokens are secret."""
    photo_token: Callable[[str], str]
    """Bearer for photos by session id."""
    ice_servers: Callable[[str], list[IceServer]]
    """TURN servers by session id."""


class Board:
    """All calls, sessions and agents, and the current turn."""

    def __init__(self, rules: CallRules, environment: Environment) -> None:
        self.rules = rules
        self.environment = environment
        self.calls: dict[str, Call] = {}
        self.sessions: dict[str, Session] = {}
        self.tokens: dict[str, str] = {}
        """Session id by hash of the resume token."""
        self.roster = Roster()
        self.timers: Timers[TimerKey] = Timers()
        self.draining_until: float | None = None
        self.finishing: dict[str, Recording] = {}
        """Recordings that were told to end; their last figures are still to come."""
        self.at = Moment(0.0, 0.0)
        self._clear()

    # --- the turn ------------------------------------------------------------------------------------------------

    def begin(self, at: Moment) -> None:
        """Start a turn; what an aborted one left behind is dropped."""
        self.at = at
        self._clear()

    def finish(self) -> list[Action]:
        """Tell everyone what changed, and hand over the turn's actions, the change to be written first."""
        self.tell()
        change = self._change()
        actions: list[Action] = [Persist(change)] if change else []
        actions += self._actions
        self._clear()
        return actions

    def tell(self) -> None:
        """Send every view that this turn has changed so far."""
        if self.queue_moved:
            self._publish_queue()
        for call in list(self._touched.values()):
            self.publish(call)

    def act(self, action: Action) -> None:
        self._actions.append(action)

    def send(self, session: Session, message: ServerMessage) -> None:
        """To the client now, or when it comes back."""
        frame = session.number(message)
        if session.connection is not None:
            self._actions.append(Send(session.connection, frame))

    def send_frame(self, session: Session, frame: bytes) -> None:
        """A frame that is not numbered (pong) or was numbered before (replay)."""
        if session.connection is not None:
            self._actions.append(Send(session.connection, frame))

    def error(self, session: Session, code: ErrorCode, text: str, ref: str = "") -> None:
        self.send(session, Error(0, code, text, ref))

    def close_connection(self, connection: int, code: int, text: str) -> None:
        self._actions.append(CloseConnection(connection, code, text))

    # --- what a turn changed -------------------------------------------------------------------------------------

    def touch(self, call: Call) -> None:
        """The call's row or somebody's view of it may have changed."""
        self._touched[call.call_id] = call
        self._rows[call.call_id] = call.state

    def touch_row(self, state: CallState) -> None:
        """The row of a call that has ended."""
        self._rows[state.call_id] = state

    def glance(self, call: Call) -> None:
        """Only views may have changed, nothing that is stored."""
        self._touched[call.call_id] = call

    def touch_session(self, session: Session) -> None:
        session.state.last_seq = session.replay.last_seq
        self._sessions[session.session_id] = session

    def touch_status(self, agent_id: str, status: AgentStatus) -> None:
        self._changed.agent_status[agent_id] = status

    def touched(self) -> list[Call]:
        """Calls of which this turn has changed something."""
        return list(self._touched.values())

    def keep_recording(self, recording: Recording) -> None:
        self._recordings[recording.recording_id] = recording

    def keep_still(self, still: Still) -> None:
        self._stills[still.still_id] = still

    def add_chat(self, call_id: str, item: Any) -> None:
        self._changed.chats.append((call_id, item))

    def record(self, state: CallState, name: str, **data: Any) -> None:
        """Add one fact to the call's history."""
        if state.last_event >= MAX_EVENTS and state.phase != "ended":
            return
        state.last_event += 1
        self._rows[state.call_id] = state
        self._changed.events.append(CallEvent(state.call_id, state.last_event, self.at.wall, name, data))

    def transition(self, call: Call, event: Event, **data: Any) -> None:
        """Follow the table and write it into the history; raise WrongPhaseError."""
        call.state.phase = follow(call.state.phase, event)
        self.record(call.state, event.value, **data)
        self.touch(call)

    # --- sessions ------------------------------------------------------------------------------------------------

    def add_session(self, session: Session) -> None:
        self.sessions[session.session_id] = session
        self.tokens[session.state.token_hash] = session.session_id

    def drop_session(self, session: Session) -> None:
        """Forget a session that takes part in nothing."""
        self.sessions.pop(session.session_id, None)
        self.tokens.pop(session.state.token_hash, None)
        self.timers.cancel(TimerKey("away", session.session_id))
        self.timers.cancel(TimerKey("forget", session.session_id))
        self._sessions.pop(session.session_id, None)
        self._changed.closed_sessions.append(session.session_id)

    # --- looking -------------------------------------------------------------------------------------------------

    def place_of(self, session: Session) -> tuple[Call, Participant] | None:
        """The call this session is in, or that rings at it, with its side."""
        call_id = session.call_id
        if not call_id and session.state.role == "agent":
            agent = self.roster.get(session.state.agent_id)
            call_id = agent.ringing if agent and agent.session_id == session.session_id else ""
        call = self.calls.get(call_id)
        one = call.of_session(session.session_id) if call else None
        return (call, one) if call and one else None

    def ordered(self) -> list[CallState]:
        return queue.order(call.state for call in self.calls.values())

    def waiting_for(self, sites: tuple[str, ...], counts: dict[str, int] | None = None) -> int:
        """Customers without an answer at these sites; empty: all."""
        counts = queue.count_by_site(self.ordered()) if counts is None else counts
        return sum(count for site_id, count in counts.items() if not sites or site_id in sites)

    # --- telling -------------------------------------------------------------------------------------------------

    def publish(self, call: Call) -> None:
        """Tell each side whose view is not what was sent last, in a word if only its media is limited."""
        for one in call.participants():
            session = self.sessions.get(one.session_id)
            before, seen = one.view, sees(call, one, self.sessions)
            if session is None or before == seen:
                continue
            one.view = seen
            for message in limits_told(before, seen):
                self.send(session, message)
            if before is None or not same_but_for_limits(before, seen):
                self.send(session, CallUpdated(0, seen))

    def _publish_queue(self) -> None:
        ordered = self.ordered()
        places = queue.positions(ordered)
        for state in ordered:
            call = self.calls[state.call_id]
            position = places.get(state.call_id, 0)
            if call.position != position:
                call.position = position
                self.glance(call)
        counts = queue.count_by_site(ordered)
        for agent in self.roster:
            session = self.sessions.get(agent.session_id)
            said = (agent.status, self.waiting_for(agent.sites, counts))
            if session is not None and session.said != said:
                session.said = said
                self.send(session, AgentState(0, *said))

    def _change(self) -> Change:
        """The turn's change; rows are copied, because the originals move on while this is being written."""
        self._changed.calls = [copy.copy(state) for state in self._rows.values()]
        self._changed.recordings = list(self._recordings.values())
        self._changed.stills = list(self._stills.values())
        self._changed.sessions = [copy.copy(session.state) for session in self._sessions.values()]
        return self._changed

    def _clear(self) -> None:
        self._actions: list[Action] = []
        self._touched: dict[str, Call] = {}
        self._rows: dict[str, CallState] = {}
        self._sessions: dict[str, Session] = {}
        self._recordings: dict[str, Recording] = {}
        self._stills: dict[str, Still] = {}
        self._changed = Change()
        self.queue_moved = False
        """Somebody joined, left or changed place in the queue or the roster."""
