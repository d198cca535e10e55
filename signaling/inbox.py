"""Client messages: who may say what, and which rule it goes to."""

from typing import Literal, assert_never

from signaling import agents, chat, customers, legs, limits, recordings, ringing, stills, verifications
from signaling.actions import Observe
from signaling.board import Board
from signaling.call import ANSWERED, Event
from signaling.endings import end_call
from signaling.protocol import (
    AgentSetStatus,
    CallAccept,
    CallClean,
    CallDecline,
    CallHangup,
    CallHold,
    CallMedia,
    CallRate,
    CallStart,
    ChatSend,
    ClientMessage,
    Hello,
    LegAnswer,
    LegNarrow,
    LegRestart,
    Ping,
    Pong,
    QualityReport,
    RecordingConsent,
    RecordingSet,
    Resume,
    StillTake,
    VerificationSet,
    encode,
)
from signaling.session import Session
from signaling.state import Call

ONLY: dict[type, Literal["customer", "agent"]] = {
    CallStart: "customer",
    CallRate: "customer",
    AgentSetStatus: "agent",
    CallAccept: "agent",
    CallDecline: "agent",
    CallHold: "agent",
    CallClean: "agent",
    RecordingSet: "agent",
    RecordingConsent: "customer",
    StillTake: "agent",
    VerificationSet: "agent",
}
"""Messages of one role; all others may come from both."""

Kept = RecordingSet | RecordingConsent | StillTake | VerificationSet
InCall = CallHangup | CallMedia | CallHold | CallClean | ChatSend | Kept


def take(board: Board, session: Session, message: ClientMessage) -> None:
    """Apply one message; whatever is wrong with it is answered with `error`."""
    ref = str(message.__struct_config__.tag)
    if ONLY.get(type(message), session.state.role) != session.state.role:
        board.error(session, "not_allowed", f"not for {session.state.role}s", ref)
        return
    match message:
        case Ping(t, ack):
            session.replay.forget(ack)
            board.send_frame(session, encode(Pong(t)))
        case Hello() | Resume():
            board.error(session, "wrong_state", "this connection has its session", ref)
        case CallStart():
            customers.start(board, session, message)
        case CallRate():
            customers.rate(board, session, message)
        case AgentSetStatus():
            agents.set_status(board, session, message)
        case CallAccept(call_id):
            ringing.accept(board, session, call_id)
        case CallDecline(call_id):
            ringing.decline(board, session, call_id)
        case LegAnswer() | LegRestart() | LegNarrow() | QualityReport():
            _of_leg(board, session, message)
        case CallHangup() | CallMedia() | CallHold() | CallClean() | ChatSend():
            _in_call(board, session, message, ref)
        case RecordingSet() | RecordingConsent() | StillTake() | VerificationSet():
            _in_call(board, session, message, ref)
        case _:
            assert_never(message)


def _in_call(board: Board, session: Session, message: InCall, ref: str) -> None:
    """Messages that name the call they are about: it must be the sender's own."""
    place = board.place_of(session)
    if place is None or place[0].call_id != message.call_id:
        _not_yours(board, session, message, ref)
        return
    call, one = place
    if isinstance(message, CallMedia):
        legs.say_sending(board, call, one, message.audio, message.video)
    elif one.agent_id in call.ringers:
        board.error(session, "wrong_state", "you have not answered this call", ref)
    elif isinstance(message, CallHangup):
        _hang_up(board, session, call)
    elif isinstance(message, CallHold):
        agents.hold(board, session, call, message)
    elif isinstance(message, CallClean):
        agents.clean(board, session, call, message)
    elif isinstance(message, ChatSend):
        chat.said(board, session, call, message)
    else:
        _kept_of_it(board, session, call, message)


def _kept_of_it(board: Board, session: Session, call: Call, message: Kept) -> None:
    """Recordings, stills and verifications."""
    match message:
        case RecordingSet():
            recordings.set_state(board, session, call, message)
        case RecordingConsent():
            recordings.consent(board, session, call, message)
        case StillTake():
            stills.take(board, session, call, message)
        case VerificationSet():
            verifications.set_step(board, session, call, message)
        case _:
            assert_never(message)


def _not_yours(board: Board, session: Session, message: InCall, ref: str) -> None:
    if session.ended is not None and session.ended.call_id == message.call_id:
        # Both sides may end a call in the same moment; the second is no mistake.
        if not isinstance(message, CallHangup | CallMedia):
            board.error(session, "wrong_state", "this call is over", ref)
    elif message.call_id in board.calls:
        board.error(session, "not_allowed", "not your call", ref)
    else:
        board.error(session, "not_found", "no such call", ref)


def _hang_up(board: Board, session: Session, call: Call) -> None:
    answered = call.state.phase in ANSWERED
    end_call(board, call, Event.HUNG_UP if answered else Event.ABANDONED, by=session.state.role)


def _of_leg(board: Board, session: Session, message: LegAnswer | LegRestart | LegNarrow | QualityReport) -> None:
    """Messages that name the sender's own leg."""
    if isinstance(message, LegAnswer):
        legs.answered(board, session, message)
    elif isinstance(message, LegRestart):
        legs.restart(board, session, message.leg_id, message.replace)
    elif isinstance(message, LegNarrow):
        limits.narrow(board, session, message.leg_id, message.paused)
    else:
        # A measurement of another leg is dropped without a word: legs come and go.
        place = board.place_of(session)
        if place is not None and place[1].leg(message.leg_id) is not None:
            board.act(Observe(place[0].call_id, session.state.role, message))
