"""What customers do: begin or join a call, rate it, and stay away."""

from signaling.board import Board, TimerKey
from signaling.call import ANSWERED, Event
from signaling.endings import end_call
from signaling.legs import ensure_leg
from signaling.protocol import CallRate, CallStart, CallUpdated, Context, Person
from signaling.records import CallState
from signaling.session import Session
from signaling.state import Call, Participant
from signaling.views import of_ended, sees

MAX_EXTRA = 20


def start(board: Board, session: Session, message: CallStart) -> None:
    """Begin a call, or join the one the shop created for this customer."""
    if session.call_id and message == session.started:
        repeat_view(board, session)
        return
    if session.call_id:
        board.error(session, "wrong_state", "you are in a call", "call.start")
        return
    invited = board.calls.get(session.state.invited_call)
    if invited is not None and invited.customer is not None:
        board.error(session, "wrong_state", "somebody has joined this call", "call.start")
        return
    if board.draining_until is not None:
        board.error(session, "at_capacity", "the server is about to restart, please try again soon", "call.start")
        return
    if len(board.ordered()) >= board.rules.max_waiting:
        board.error(session, "at_capacity", "all lines are busy, please try again soon", "call.start")
        return
    call = invited or _new_call(board, session)
    _join(board, call, session, message)


def repeat_view(board: Board, session: Session) -> None:
    """Answer a request that was fulfilled before: it was repeated after a reconnect."""
    place = board.place_of(session)
    if place is not None:
        board.send(session, CallUpdated(0, sees(*place, board.sessions)))


def _new_call(board: Board, session: Session) -> Call:
    call_id = board.environment.new_id("call")
    state = CallState(call_id, session.state.site_id, "created", "video", "en", board.at.wall)
    call = board.calls[call_id] = Call(state)
    board.record(state, "created")
    return call


def _join(board: Board, call: Call, session: Session, message: CallStart) -> None:
    state, known = call.state, session.state
    state.media, state.language, state.policy = message.media, message.language, known.policy
    if not state.customer.verified:
        state.customer = known.person if known.person.verified else Person(message.name or known.person.name)
        state.customer_id = state.customer_id or known.customer_id
    if state.context == Context():
        state.context = known.context or bounded(message.context or Context())
    state.country = known.country
    state.customer_session, state.queued_at = session.session_id, board.at.wall
    call.customer = Participant("customer", session.session_id)
    session.call_id, session.ended, session.started = call.call_id, None, message
    board.timers.cancel(TimerKey("forget", session.session_id))
    board.timers.cancel(TimerKey("created", call.call_id))
    board.timers.set(TimerKey("queue", call.call_id), board.at.now + board.rules.queue_timeout)
    board.transition(call, Event.QUEUED)
    board.queue_moved = True
    ensure_leg(board, call, call.customer)
    board.tell()  # that the call waits, before it rings in the same turn


def bounded(context: Context) -> Context:
    """The context with its free entries cut to the protocol's bounds."""
    if len(context.extra) <= MAX_EXTRA and all(len(k) <= 64 and len(v) <= 500 for k, v in context.extra.items()):
        return context
    extra = {key[:64]: value[:500] for key, value in list(context.extra.items())[:MAX_EXTRA]}
    return Context(context.order, context.product, context.product_url, context.page_url, context.note, extra)


def rate(board: Board, session: Session, message: CallRate) -> None:
    """Stars for a call that is over, once."""
    state = session.ended
    if session.call_id == message.call_id:
        board.error(session, "wrong_state", "the call goes on", "call.rate")
    elif state is None or state.call_id != message.call_id:
        board.error(session, "not_found", "no such call to rate", "call.rate")
    elif (state.rating, state.rating_comment) == (message.stars, message.comment):
        board.send(session, CallUpdated(0, of_ended(state, "customer")))
    elif state.rating:
        board.error(session, "wrong_state", "you have rated this call", "call.rate")
    else:
        state.rating, state.rating_comment = message.stars, message.comment
        board.record(state, "rated", stars=message.stars)
        board.touch_row(state)
        board.send(session, CallUpdated(0, of_ended(state, "customer")))


def stayed_away(board: Board, call: Call) -> None:
    """The customer did not come back in time."""
    answered = call.state.phase in ANSWERED
    end_call(board, call, Event.CONNECTION_LOST if answered else Event.ABANDONED, by="customer")


def never_came(board: Board, call_id: str) -> None:
    """Nobody joined a created call."""
    call = board.calls.get(call_id)
    if call is not None and call.state.phase == "created":
        end_call(board, call, Event.ABANDONED)
