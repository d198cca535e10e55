"""Stills: a picture of a side's camera on the agent's click.

The engine decodes one of what was sent; at the same time the customer's page is asked for one at its camera's full
resolution. Whichever comes first is shown, the larger one stays.
"""

from msgspec import structs

from signaling import chat
from signaling.actions import DropPhoto, TakeStill
from signaling.admission import RefusedError
from signaling.board import Board
from signaling.protocol import ChatItem, StillFailed, StillTake, StillWanted
from signaling.records import Still
from signaling.results import StillTaken
from signaling.session import Session
from signaling.state import Call


def take(board: Board, session: Session, call: Call, message: StillTake) -> None:
    """The agent clicks; a repeat of the same click takes nothing twice."""
    one = call.customer if message.side == "customer" else call.agent
    leg = one.current if one is not None else None
    if message.id in call.stills:
        return
    if call.state.phase != "active" or one is None or leg is None or not leg.up:
        board.error(session, "wrong_state", "no picture can be taken now", "still.take")
        return
    if message.id in call.chat_ids:
        board.error(session, "bad_message", "this id is in use", "still.take")
        return
    if len(call.stills) >= board.rules.max_stills or len(call.chat) >= board.rules.max_chat:
        board.error(session, "at_capacity", "this call has as many pictures as it can", "still.take")
        return
    still = Still(message.id, call.call_id, message.side, board.at.wall, message.shot)
    call.stills[still.still_id] = still
    board.keep_still(still)
    board.act(TakeStill(call.call_id, leg.leg_id, still.still_id))
    there = board.sessions.get(one.session_id)
    if message.side == "customer" and there is not None:
        board.send(there, StillWanted(0, call.call_id, still.still_id, still.shot))


def taken(board: Board, result: StillTaken) -> None:
    """The engine's picture is kept."""
    call = board.calls.get(result.call_id)
    still = call.stills.get(result.still_id) if call is not None else None
    if call is None or still is None:
        board.act(DropPhoto(result.call_id, result.photo_id))
        return
    found = structs.replace(
        still,
        photo_id=result.photo_id,
        width=result.width,
        height=result.height,
        taken_at=result.taken_at,
        source="stream",
    )
    better(board, call, found)


def uploaded(board: Board, session: Session, call_id: str, still_id: str) -> tuple[Call, Still]:
    """The still that the customer's page may upload now; raise RefusedError."""
    call = board.calls.get(call_id)
    if call is None or session.call_id != call_id:
        raise RefusedError("not_allowed", "you are not in this call")
    still = call.stills.get(still_id)
    if still is None or session.state.role != still.side:
        raise RefusedError("not_found", "no such picture was asked for")
    if still.source == "camera":
        raise RefusedError("wrong_state", "this picture is here")
    return call, still


def came(board: Board, call: Call, still: Still, photo_id: str, size: tuple[int, int]) -> None:
    """The customer's page sent its own picture."""
    taken_at = board.at.wall
    found = structs.replace(still, photo_id=photo_id, width=size[0], height=size[1], taken_at=taken_at, source="camera")
    better(board, call, found)


def better(board: Board, call: Call, found: Still) -> None:
    """A picture came: it is shown unless there is a larger one."""
    before = call.stills[found.still_id]
    if before.photo_id and before.width * before.height >= found.width * found.height:
        board.act(DropPhoto(call.call_id, found.photo_id))
        return
    if before.photo_id:
        board.act(DropPhoto(call.call_id, before.photo_id))
    call.stills[found.still_id] = found
    board.keep_still(found)
    data = {"still": found.still_id, "source": found.source, "width": found.width, "height": found.height}
    board.record(call.state, "still_taken", role=found.side, shot=found.shot, **data)
    chat.put(board, call, _item(call, found))
    board.touch(call)


def failed(board: Board, call_id: str, still_id: str, reason: str) -> None:
    """The stream gave no picture; the agent is told, unless the page's own is here already."""
    call = board.calls.get(call_id)
    still = call.stills.get(still_id) if call is not None else None
    agent = board.sessions.get(call.agent.session_id) if call is not None and call.agent is not None else None
    if still is not None and not still.photo_id and agent is not None:
        board.send(agent, StillFailed(0, call_id, still_id, reason[:200]))


def _item(call: Call, still: Still) -> ChatItem:
    known = next((item for item in call.chat if item.id == still.still_id), None)
    return ChatItem(
        still.still_id,
        "agent",
        known.at if known is not None else still.taken_at,
        photo=chat.PHOTO_PATH + still.photo_id,
        width=still.width,
        height=still.height,
        kind="snapshot",
        side=still.side,
        shot=still.shot,
    )
