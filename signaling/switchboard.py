"""The call service without I/O: inputs in, actions out. No clock, no randomness, no awaiting, no logging.

Every public method but the getters is one turn: it takes the time and an input and returns actions, of which a
`Persist`, if there is one, comes first and must be written before the others are done.
"""

from collections.abc import Mapping
from typing import assert_never

from media.api import (
    AnnouncementEnded,
    CallLost,
    EngineStatus,
    LegConnected,
    LegDisconnected,
    LegFailed,
    LegRecovered,
    LegSilent,
    MediaEvent,
    MediaStarted,
    PlayoutWished,
    RecordingChanged,
    SourceWished,
    StatsReported,
    UplinkJudged,
    VideoLimited,
    VideoUnshowable,
    VoiceCleaned,
)
from signaling import chat, customers, keeping, legs, limits, quality, recordings, restore, ringing, stills, visits
from signaling.actions import Action
from signaling.admission import Admission, RefusedError
from signaling.board import Board, Environment, TimerKey
from signaling.call import Event
from signaling.endings import end_call, evict
from signaling.inbox import take
from signaling.protocol import CLOSE_RATE, ChatItem, ClientMessage, ErrorCode, Resume, ServerDraining
from signaling.records import AgentAccount, CallState, OpenState
from signaling.results import (
    AnswerRefused,
    Claimed,
    JoinFailed,
    LegGone,
    Offered,
    OpenFailed,
    RecordingBroke,
    Result,
    StillMissed,
    StillTaken,
)
from signaling.rules import CallRules
from signaling.session import Session
from signaling.state import Call, Moment


class Switchboard:
    """All calls of one control process."""

    def __init__(self, rules: CallRules, environment: Environment) -> None:
        self.board = Board(rules, environment)
        self._subject = ""
        """The call of the current turn, or its session."""

    # --- sessions ------------------------------------------------------------------------------------------------

    def attach(self, at: Moment, connection: int, admission: Admission) -> tuple[str, list[Action]]:
        """A verified hello; raise RefusedError."""
        self.board.begin(at)
        session = visits.arrive(self.board, connection, admission)
        return session.session_id, self._settle()

    def resume(self, at: Moment, connection: int, message: Resume) -> tuple[str, list[Action]]:
        """A known session comes back; raise RefusedError."""
        self.board.begin(at)
        session = visits.resume(self.board, connection, message)
        return session.session_id, self._settle()

    def detach(self, at: Moment, session_id: str, connection: int) -> list[Action]:
        """The connection is gone; nothing, if it was replaced before."""
        self.board.begin(at)
        session = self._session(session_id, connection)
        if session is not None:
            visits.leave(self.board, session)
        return self._settle()

    def receive(self, at: Moment, session_id: str, connection: int, message: ClientMessage) -> list[Action]:
        """A decoded message of a client."""
        self.board.begin(at)
        session = self._session(session_id, connection)
        if session is not None and self._within_rate(session, message.__struct_config__.tag):
            take(self.board, session, message)
        return self._settle()

    def refuse(
        self, at: Moment, session_id: str, connection: int, code: ErrorCode, text: str, ref: str
    ) -> list[Action]:
        """Something that could not be decoded."""
        self.board.begin(at)
        session = self._session(session_id, connection)
        if session is not None and self._within_rate(session, ref):
            self.board.error(session, code, text[:200], ref)
        return self._settle()

    def _session(self, session_id: str, connection: int) -> Session | None:
        session, self._subject = self.board.sessions.get(session_id), session_id
        return session if session is not None and session.connection == connection else None

    def _within_rate(self, session: Session, ref: object) -> bool:
        if session.may_send(self.board.at.now):
            return True
        if session.tell_rate:
            self.board.error(session, "rate_limited", "slow down", str(ref))
        elif session.flooding and session.connection is not None:
            self.board.close_connection(session.connection, CLOSE_RATE, "too many messages")
            visits.leave(self.board, session)
        return False

    # --- the service's own requests ------------------------------------------------------------------------------

    def create_call(self, at: Moment, state: CallState) -> list[Action]:
        """Keep a call a shop created until its customer joins; raise RefusedError."""
        self.board.begin(at)
        created = sum(call.state.phase == "created" for call in self.board.calls.values())
        if self.board.draining_until is not None or created >= self.board.rules.max_created:
            raise RefusedError("at_capacity", "no more calls can be created now")
        if state.call_id in self.board.calls:
            raise RefusedError("wrong_state", "this call exists")
        state.phase, state.context = "created", customers.bounded(state.context)
        call = self.board.calls[state.call_id] = Call(state)
        self.board.record(state, "created")
        self.board.touch(call)
        self.board.timers.set(TimerKey("created", state.call_id), at.now + self.board.rules.created_timeout)
        return self._settle()

    def photo_added(
        self, at: Moment, call_id: str, session_id: str, photo_id: str, size: tuple[int, int]
    ) -> tuple[ChatItem, list[Action]]:
        """A photo was stored; raise RefusedError if the session may not show it in the call."""
        self.board.begin(at)
        session = self._living(session_id)
        call = self.board.calls.get(call_id)
        if call is None or session.call_id != call_id:
            over = session.ended is not None and session.ended.call_id == call_id
            code: ErrorCode = "wrong_state" if over else "not_found" if call is None else "not_allowed"
            raise RefusedError(code, "you are not in this call")
        if len(call.chat) >= self.board.rules.max_chat:
            raise RefusedError("at_capacity", "this conversation is full")
        item = chat.photo(self.board, call, session.state.role, photo_id, *size)
        return item, self._settle()

    def still_wanted(self, at: Moment, call_id: str, session_id: str, still_id: str) -> None:
        """Whether this session may upload this picture now; raise RefusedError."""
        self.board.begin(at)
        stills.uploaded(self.board, self._living(session_id), call_id, still_id)

    def still_added(
        self, at: Moment, call_id: str, session_id: str, still_id: str, photo_id: str, size: tuple[int, int]
    ) -> list[Action]:
        """The page's own picture was stored; raise RefusedError if it is not wanted (any more)."""
        self.board.begin(at)
        call, still = stills.uploaded(self.board, self._living(session_id), call_id, still_id)
        stills.came(self.board, call, still, photo_id, size)
        return self._settle()

    def _living(self, session_id: str) -> Session:
        session = self.board.sessions.get(session_id)
        if session is None:
            raise RefusedError("not_allowed", "this session is over")
        return session

    def advise(self, at: Moment, call_id: str, role: str, reading: quality.Reading) -> list[Action]:
        """What a side of a call should be told of its quality now."""
        self.board.begin(at)
        quality.advise(self.board, call_id, role, reading)
        return self._settle()

    def drain(self, at: Moment, until: float) -> list[Action]:
        """Take no new calls and say so."""
        self.board.begin(at)
        self.board.draining_until = until
        for session in self.board.sessions.values():
            self.board.send(session, ServerDraining(0, until))
        return self._settle()

    @property
    def drained(self) -> bool:
        """No call is left that somebody takes part in."""
        return all(call.customer is None for call in self.board.calls.values())

    def end_calls(self, at: Moment) -> list[Action]:
        """End every joined call because the server stops."""
        self.board.begin(at)
        for call in list(self.board.calls.values()):
            if call.customer is not None:
                end_call(self.board, call, Event.SHUTDOWN)
        return self._settle()

    def crash(self, at: Moment, call_id: str = "") -> list[Action]:
        """The last turn (or the named call) failed half-way by our own fault: end its call, and only that."""
        self.board.begin(at)
        subject = call_id or self._subject
        session = self.board.sessions.get(subject)
        if session is not None:
            self.board.error(session, "internal", "something went wrong on our side")
        place = self.board.place_of(session) if session else None
        call = place[0] if place else self.board.calls.get(subject)
        if call is not None:
            evict(self.board, call)
        if session is not None and not session.attached:
            visits.drop(self.board, session)  # its patience may have ended in the turn that failed
        return self.board.finish()

    def lost(self, at: Moment, connection: int) -> list[Action]:
        """A connection that never came to be, by our own fault: whoever was given it is away."""
        self.board.begin(at)
        for session in list(self.board.sessions.values()):
            if session.connection == connection:
                visits.leave(self.board, session)
        return self._settle()

    def restore(
        self, at: Moment, opened: OpenState, engine: EngineStatus, accounts: Mapping[str, AgentAccount]
    ) -> list[Action]:
        """First of all inputs after a start."""
        self.board.begin(at)
        restore.restore(self.board, opened, engine, accounts)
        return self._settle()

    # --- media and results ---------------------------------------------------------------------------------------

    def media(self, at: Moment, event: MediaEvent) -> list[Action]:
        """What the media engine reports."""
        self.board.begin(at)
        self._subject = getattr(event, "call_id", "")
        match event:
            case LegConnected(call_id, leg_id):
                legs.connected(self.board, call_id, leg_id)
            case LegSilent(call_id, leg_id):
                legs.silent(self.board, call_id, leg_id)
            case LegDisconnected(call_id, leg_id):
                legs.disconnected(self.board, call_id, leg_id)
            case LegRecovered(call_id, leg_id):
                legs.recovered(self.board, call_id, leg_id)
            case LegFailed(call_id, leg_id, reason):
                legs.failed(self.board, call_id, leg_id, reason)
            case VideoLimited(call_id, leg_id, paused):
                limits.limited(self.board, call_id, leg_id, paused)
            case SourceWished() | PlayoutWished() | UplinkJudged() | VideoUnshowable() | VoiceCleaned():
                limits.wished(self.board, event)
            case CallLost(call_id):
                legs.call_lost(self.board, call_id)
            case StatsReported():
                pass  # the application reads it on its way here, and comes back with `advise`
            case MediaStarted(call_id, leg_id, kind):
                self._media_started(call_id, leg_id, kind.value)
            case RecordingChanged() | AnnouncementEnded():
                recordings.changed(self.board, event)
            case _:
                assert_never(event)
        return self._settle()

    def _media_started(self, call_id: str, leg_id: str, kind: str) -> None:
        call = self.board.calls.get(call_id)
        found = call.of_leg(leg_id) if call else None
        if call is not None and found is not None:
            self.board.record(call.state, "media_started", role=found[0].role, kind=kind)

    def result(self, at: Moment, result: Result) -> list[Action]:
        """What came of an action."""
        self.board.begin(at)
        self._subject = result.offer.call_id if isinstance(result, Offered) else result.call_id
        match result:
            case Offered(offer):
                legs.offered(self.board, offer)
            case OpenFailed(call_id, leg_id, full):
                legs.open_failed(self.board, call_id, leg_id, full)
            case AnswerRefused():
                legs.answer_refused(self.board, result)
            case LegGone(call_id, leg_id):
                legs.failed(self.board, call_id, leg_id, "unknown to the engine")
            case JoinFailed(call_id):
                legs.join_failed(self.board, call_id)
            case Claimed(call_id, agent_id, won):
                ringing.claimed(self.board, call_id, agent_id, won)
            case RecordingBroke(call_id, recording_id, reason):
                recordings.broke(self.board, call_id, recording_id, reason)
            case StillTaken():
                stills.taken(self.board, result)
            case StillMissed(call_id, still_id, reason):
                stills.failed(self.board, call_id, still_id, reason)
            case _:
                assert_never(result)
        return self._settle()

    # --- time ----------------------------------------------------------------------------------------------------

    def next_timeout(self) -> float | None:
        """When `tick` is wanted next, monotonic seconds."""
        return self.board.timers.next()

    def tick(self, at: Moment) -> list[Action]:
        """Do one thing that is due; `next_timeout` says at once if there is more."""
        self.board.begin(at)
        key = self.board.timers.pop_due(at.now)
        if key is not None:
            self._subject = key.subject
            self._due(key)
        return self._settle()

    def _due(self, key: TimerKey) -> None:
        board = self.board
        match key.name:
            case "ring":
                ringing.round_over(board, key.subject)
            case "queue":
                ringing.queue_over(board, key.subject)
            case "created":
                customers.never_came(board, key.subject)
            case "repause":
                board.queue_moved = True
            case "reopen":
                legs.reopen(board, key.subject, key.session_id)
            case "rejoin":
                legs.rejoin(board, key.subject)
            case "away":
                visits.gone(board, key.subject)
            case "forget":
                visits.forget_ended(board, key.subject)
            case _:
                assert_never(key.name)

    def _settle(self) -> list[Action]:
        if self.board.queue_moved:
            ringing.dispatch(self.board)
        for call in self.board.touched():
            if call.call_id in self.board.calls:
                keeping.follow(self.board, call)
        return self.board.finish()
