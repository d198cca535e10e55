"""How a call looks to each side."""

from collections.abc import Mapping

from signaling.call import UNANSWERED
from signaling.protocol import CallView, ChatItem, Person
from signaling.records import CallState
from signaling.session import Session
from signaling.state import Call, Participant


def sees(call: Call, one: Participant, sessions: Mapping[str, Session], chat: bool = False) -> CallView:
    """The call as `one` may see it: an agent sees the customer while it rings, the customer no one before."""
    if one.role == "customer":
        other = call.agent
        peer = Person(name=call.state.agent_name, verified=True) if other else None
    else:
        other = call.customer
        peer = call.state.customer
    audio, video = call.state.sending.get(other.role, (True, True)) if other else (True, True)
    return view(
        call.state,
        one.role,
        peer=peer,
        position=call.position,
        peer_audio=audio,
        peer_video=video,
        peer_connected=other is None or _is_here(other, sessions),
        chat=list(call.chat) if chat else [],
    )


def view(
    state: CallState,
    role: str,
    *,
    peer: Person | None = None,
    position: int = 0,
    peer_audio: bool = True,
    peer_video: bool = True,
    peer_connected: bool = True,
    chat: list[ChatItem] | None = None,
) -> CallView:
    """Also the view of an ended call, of which only the state is left."""
    return CallView(
        call_id=state.call_id,
        phase=state.phase,
        media=state.media,
        created_at=state.created_at,
        position=position if state.phase in UNANSWERED else 0,
        answered_at=state.answered_at,
        ended_at=state.ended_at,
        reason=state.reason,
        peer=peer,
        peer_audio=peer_audio,
        peer_video=peer_video,
        peer_connected=peer_connected,
        language=state.language,
        context=state.context if role == "agent" else None,
        chat=chat or [],
        rated=state.rating > 0,
    )


def of_ended(state: CallState, role: str) -> CallView:
    """What is left to show of an ended call."""
    if role == "agent":
        return view(state, role, peer=state.customer)
    return view(state, role, peer=Person(name=state.agent_name, verified=True) if state.agent_name else None)


def _is_here(other: Participant, sessions: Mapping[str, Session]) -> bool:
    session = sessions.get(other.session_id)
    return session is not None and session.attached and not other.broken
