"""The legs of a call: opened, answered, joined after the answer, replaced when they break.

A side's current leg stays until its replacement is connected. Legs are opened only for sessions that are there to
answer; whoever is away gets the offer on coming back.
"""

from typing import Literal

from media.api import Kind, Offer
from signaling import recordings
from signaling.actions import AnswerLeg, CleanVoice, CloseLeg, ConnectLegs, HoldCall, MuteLeg, OpenLeg, RestartIce
from signaling.board import Board, TimerKey
from signaling.call import ANSWERED, Event
from signaling.endings import back_to_queue, end_call, stop_ringing
from signaling.protocol import LegAnswer, LegOffer, LegOffered, LegStateChanged
from signaling.results import AnswerRefused
from signaling.session import Session
from signaling.state import Call, Leg, Participant

FIRST_RETRY = 0.25
REJOIN_DELAY = 0.5
MAX_JOIN_FAILURES = 5


def ensure_leg(board: Board, call: Call, one: Participant) -> None:
    """See that a side that is here has a leg, or one on its way."""
    session = board.sessions.get(one.session_id)
    waits = TimerKey("reopen", call.call_id, one.session_id) in board.timers
    if session is None or not session.attached or waits or one.pending is not None:
        return
    if one.current is None:
        one.current, one.replacing = _open(board, call, session), False
        keep_leg(board, call, one)
    elif one.replacing:
        one.pending = _open(board, call, session)


def keep_leg(board: Board, call: Call, one: Participant) -> None:
    """Write down which leg is the side's, for the next process; legs that only ring are not worth it."""
    if one is not call.customer and one is not call.agent:
        return
    legs = {session_id: leg for session_id, leg in call.state.legs.items() if session_id != one.session_id}
    if one.current is not None:
        legs[one.session_id] = one.current.leg_id
    call.state.legs = legs
    board.touch(call)


def replace_leg(board: Board, call: Call, one: Participant) -> None:
    """Open a new leg for a side whose page lost its own; a connected old one stays until the new one is."""
    if one.current is not None and not one.current.up:
        board.act(CloseLeg(call.call_id, one.current.leg_id))
        one.current = None
    if one.pending is not None:
        board.act(CloseLeg(call.call_id, one.pending.leg_id))
        one.pending = None
    one.replacing = one.current is not None
    ensure_leg(board, call, one)


def _open(board: Board, call: Call, session: Session) -> Leg:
    leg = Leg(board.environment.new_id("leg"))
    session.leg_ids.append(leg.leg_id)
    board.act(OpenLeg(call.call_id, leg.leg_id))
    return leg


def offered(board: Board, offer: Offer) -> None:
    """The engine made an offer: the page gets it."""
    call = board.calls.get(offer.call_id)
    found = call.of_leg(offer.leg_id) if call else None
    if call is None or found is None:
        board.act(CloseLeg(offer.call_id, offer.leg_id))
        return
    one, leg = found
    leg.offer, leg.generation, leg.restarting = offer, offer.generation, False
    one.open_failures, call.offered = 0, True
    tell_offer(board, call, one, leg)


def tell_offer(board: Board, call: Call, one: Participant, leg: Leg) -> None:
    """Send the leg's offer to its page."""
    session = board.sessions.get(one.session_id)
    if session is None or leg.offer is None:
        return
    slots = {mid: slot.value for mid, slot in leg.offer.slots.items()}
    servers = board.environment.ice_servers(session.session_id)
    board.send(
        session, LegOffered(0, call.call_id, LegOffer(leg.leg_id, leg.generation, leg.offer.sdp, slots, servers))
    )


def answered(board: Board, session: Session, message: LegAnswer) -> None:
    """The page answered an offer; a repeat after a reconnect is not given to the engine twice."""
    place = board.place_of(session)
    leg = place[1].leg(message.leg_id) if place else None
    if place is None or leg is None:
        if message.leg_id not in session.leg_ids:
            board.error(session, "not_found", "no such leg", "leg.answer")
    elif message.generation != leg.generation or leg.offer is None:
        board.error(session, "wrong_state", "the answer is not to the newest offer", "leg.answer")
    elif leg.answered < message.generation:
        leg.answered = message.generation
        board.act(AnswerLeg(place[0].call_id, leg.leg_id, message.generation, message.sdp))


def answer_refused(board: Board, refusal: AnswerRefused) -> None:
    """The engine did not take the answer: the page is told why and may try again, but not for ever."""
    call = board.calls.get(refusal.call_id)
    found = call.of_leg(refusal.leg_id) if call else None
    session = board.sessions.get(found[0].session_id) if found else None
    if found is not None and session is not None and found[1].generation == refusal.generation:
        found[1].answered = refusal.generation - 1
        board.error(session, refusal.code, refusal.text, "leg.answer")
        if call is not None and _too_many_failures(board, found[0]):
            board.record(call.state, "leg_failed", role=found[0].role, reason=refusal.text[:200])
            give_up(board, call, found[0])


def restart(board: Board, session: Session, leg_id: str, replace: bool) -> None:
    """The page's path is broken. A leg we do not know any more is replaced: the page has no other way back."""
    place = board.place_of(session)
    if place is None:
        board.error(session, "wrong_state", "no call to restart media of", "leg.restart")
        return
    call, one = place
    leg = one.leg(leg_id)
    if replace or leg is None:
        untaken = leg is not None and leg.offer is not None and leg.answered < 0  # its browser cannot take the offer
        if untaken and _too_many_failures(board, one):
            board.record(call.state, "leg_failed", role=one.role, reason="no answer to what the page was offered")
            give_up(board, call, one)
        elif one.pending is None or one.pending.offer is not None:
            replace_leg(board, call, one)
    else:
        _restart_ice(board, call, leg)


def _restart_ice(board: Board, call: Call, leg: Leg) -> None:
    opening = leg.offer is None and not leg.up  # the offer is on its way
    if not opening and not leg.restarting:
        leg.restarting = True
        board.act(RestartIce(call.call_id, leg.leg_id))
        if call.state.phase in ANSWERED:
            found = call.of_leg(leg.leg_id)
            board.record(call.state, "ice_restart", role=found[0].role if found is not None else "")


def connected(board: Board, call_id: str, leg_id: str) -> None:
    """The leg can carry media: a replacement takes over, and an answered call is joined."""
    call = board.calls.get(call_id)
    found = call.of_leg(leg_id) if call else None
    if call is None or found is None:
        return
    one, leg = found
    leg.up, one.broken = True, False
    if leg is one.pending:
        old, one.current, one.pending, one.replacing = one.current, leg, None, False
        keep_leg(board, call, one)
        join(board, call)
        if old is not None:
            board.act(CloseLeg(call_id, old.leg_id))
    else:
        join(board, call)
    _tell_state(board, one, leg, "connected")
    board.glance(call)


def silent(board: Board, call_id: str, leg_id: str) -> None:
    """The leg's path may have died: messages pass and media does not. Browsers take seconds longer than we to leave
    such a path, so new ways are offered. If the old one only stalled, nobody notices."""
    call = board.calls.get(call_id)
    found = call.of_leg(leg_id) if call else None
    if call is not None and found is not None and found[1] is found[0].current:
        session = board.sessions.get(found[0].session_id)
        if session is not None and session.attached:
            _restart_ice(board, call, found[1])


def disconnected(board: Board, call_id: str, leg_id: str) -> None:
    _heard(board, call_id, leg_id, lost=True)


def recovered(board: Board, call_id: str, leg_id: str) -> None:
    _heard(board, call_id, leg_id, lost=False)


def _heard(board: Board, call_id: str, leg_id: str, lost: bool) -> None:
    call = board.calls.get(call_id)
    found = call.of_leg(leg_id) if call else None
    if call is None or found is None:
        return
    one, leg = found
    if leg is one.current:
        one.broken = lost
        board.glance(call)
        session = board.sessions.get(one.session_id)
        if lost and session is not None and session.attached:
            _restart_ice(board, call, leg)
    _tell_state(board, one, leg, "disconnected" if lost else "connected")


def failed(board: Board, call_id: str, leg_id: str, reason: str) -> None:
    """The leg is of no more use: offer another, but not for ever."""
    call = board.calls.get(call_id)
    found = call.of_leg(leg_id) if call else None
    if call is None or found is None:
        return
    one, leg = found
    _tell_state(board, one, leg, "failed")
    board.act(CloseLeg(call_id, leg_id))
    board.record(call.state, "leg_failed", role=one.role, reason=reason[:200])
    _drop(board, call, one, leg)
    if _too_many_failures(board, one):
        give_up(board, call, one)
    else:
        ensure_leg(board, call, one)


def _drop(board: Board, call: Call, one: Participant, leg: Leg) -> None:
    """A leg is gone; its replacement, if one was on its way, is the side's leg from now on."""
    if leg is one.pending:
        one.pending = None
        return
    one.current, one.pending, one.replacing, one.broken = one.pending, None, False, True
    call.joined = tuple(joined for joined in call.joined if joined != leg.leg_id)
    keep_leg(board, call, one)
    board.glance(call)


def _too_many_failures(board: Board, one: Participant) -> bool:
    now = board.at.now
    one.failures.append(now)
    while one.failures and one.failures[0] <= now - board.rules.leg_failure_window:
        one.failures.popleft()
    return len(one.failures) > board.rules.leg_failures


def give_up(board: Board, call: Call, one: Participant) -> None:
    """One side's media cannot be had: no more ringing there, or the end of the call."""
    if one.agent_id in call.ringers:
        stop_ringing(board, call, one.agent_id, "unanswered", pause=True)
        back_to_queue(board, call)
    else:
        end_call(board, call, Event.MEDIA_FAILED, by=one.role)


def open_failed(board: Board, call_id: str, leg_id: str, full: bool) -> None:
    """The engine could not open a leg: a new call is refused, one in progress tries again for a while."""
    call = board.calls.get(call_id)
    found = call.of_leg(leg_id) if call else None
    if call is None or found is None:
        return
    one, leg = found
    _drop(board, call, one, leg)
    one.open_failures += 1
    if full and not call.offered and one is call.customer:
        session = board.sessions.get(one.session_id)
        if session is not None:
            board.error(session, "at_capacity", "all lines are busy, please try again soon", "call.start")
        end_call(board, call, Event.MEDIA_FAILED)
    elif one.open_failures > board.rules.open_retries:
        give_up(board, call, one)
    else:
        delay = FIRST_RETRY * 2.0 ** (one.open_failures - 1)
        board.timers.set(TimerKey("reopen", call_id, one.session_id), board.at.now + delay)


def reopen(board: Board, call_id: str, session_id: str) -> None:
    """Time to try again."""
    call = board.calls.get(call_id)
    one = call.of_session(session_id) if call else None
    if call is not None and one is not None:
        ensure_leg(board, call, one)


def call_lost(board: Board, call_id: str) -> None:
    """The worker with the call's legs died: everyone gets a new offer, the call goes on."""
    call = board.calls.get(call_id)
    if call is None:
        return
    board.record(call.state, "worker_lost")
    recordings.lost(board, call)
    call.joined, call.held, call.state.legs = (), False, {}
    for one in list(call.everyone()):
        one.broken = any(leg.up for leg in one.legs()) or one.broken
        for leg in one.legs():
            board.act(CloseLeg(call_id, leg.leg_id))
        one.current, one.pending, one.replacing = None, None, False
        board.timers.cancel(TimerKey("reopen", call_id, one.session_id))
        ensure_leg(board, call, one)
    board.touch(call)


def join(board: Board, call: Call) -> None:
    """Let the two sides hear each other, if the call is answered and both their legs have connected."""
    if call.state.phase not in ANSWERED or call.customer is None or call.agent is None:
        return
    legs = (call.customer.current, call.agent.current)
    if legs[0] is None or legs[1] is None or not legs[0].up or not legs[1].up:
        return
    wanted = (legs[0].leg_id, legs[1].leg_id)
    held = call.state.phase == "on_hold"
    if held and not call.joined:
        call.held = False  # a bridge that lost all its legs may have forgotten it
    set_held(board, call, held)
    for one in call.participants():
        _mute_as_said(board, call, one)
    _clean_as_wanted(board, call, legs[0])
    if wanted == call.joined:
        return
    if not call.joined:
        board.record(call.state, "connected")
    call.joined = wanted
    board.act(ConnectLegs(call.call_id, wanted))


def join_failed(board: Board, call_id: str) -> None:
    """The engine could not connect them: once more in a moment."""
    call = board.calls.get(call_id)
    if call is None or not call.joined:
        return
    call.joined = ()
    call.join_failures += 1
    if call.join_failures > MAX_JOIN_FAILURES:
        end_call(board, call, Event.MEDIA_FAILED)
    else:
        board.timers.set(TimerKey("rejoin", call_id), board.at.now + REJOIN_DELAY)


def rejoin(board: Board, call_id: str) -> None:
    """Time to try to connect them again."""
    call = board.calls.get(call_id)
    if call is not None:
        join(board, call)


def part(board: Board, call: Call) -> None:
    """Nobody hears anybody any more."""
    if call.joined:
        call.joined = ()
        board.act(ConnectLegs(call.call_id, ()))
    set_held(board, call, False)


def set_held(board: Board, call: Call, held: bool) -> None:
    if call.held != held:
        call.held = held
        board.act(HoldCall(call.call_id, held))


def say_sending(board: Board, call: Call, one: Participant, audio: bool, video: bool) -> None:
    """A side muted or unmuted itself; what it says before it is joined counts when it is."""
    one.sending = (audio, video)
    if one is call.customer or one is call.agent:
        keep_sending(board, call, one)
    _mute_as_said(board, call, one)


def keep_sending(board: Board, call: Call, one: Participant) -> None:
    """Write down what a side says it sends."""
    call.state.sending = {**call.state.sending, one.role: one.sending}
    board.touch(call)


def _mute_as_said(board: Board, call: Call, one: Participant) -> None:
    """Tell the engine what the side's leg sends, as far as it does not know."""
    leg = one.current
    wanted = (not one.sending[0], not one.sending[1])
    if leg is None or not leg.up or leg.muted == wanted:
        return
    for place, kind in enumerate((Kind.AUDIO, Kind.VIDEO)):
        if leg.muted is None or leg.muted[place] != wanted[place]:
            board.act(MuteLeg(call.call_id, leg.leg_id, kind, wanted[place]))
    leg.muted = wanted


def want_clean_voice(board: Board, call: Call, wanted: bool) -> None:
    """The agent wants to hear the customer with less noise, or as it comes."""
    call.state.clean_voice = wanted
    board.touch(call)
    join(board, call)


def _clean_as_wanted(board: Board, call: Call, leg: Leg) -> None:
    """Tell the engine whose voice to clean, if it does not know."""
    if leg.cleaning != call.state.clean_voice:
        leg.cleaning = call.state.clean_voice
        board.act(CleanVoice(call.call_id, leg.leg_id, leg.cleaning))


def _tell_state(
    board: Board, one: Participant, leg: Leg, state: Literal["connected", "disconnected", "failed"]
) -> None:
    session = board.sessions.get(one.session_id)
    if session is not None:
        board.send(session, LegStateChanged(0, leg.leg_id, state))
