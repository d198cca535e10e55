"""Text and photos beside the call: bounded, and never shown twice."""

from typing import Literal

from signaling.board import Board
from signaling.protocol import ChatAdded, ChatItem, ChatSend
from signaling.session import Session
from signaling.state import Call

Sender = Literal["customer", "agent"]
PHOTO_PATH = "/api/v1/photos/"


def said(board: Board, session: Session, call: Call, message: ChatSend) -> None:
    """A line of text; a repeat of one that is here is answered with its receipt again."""
    role = session.state.role
    if call.chat_ids.get(message.id) == role:
        item = next(item for item in call.chat if item.id == message.id)
        board.send(session, ChatAdded(0, call.call_id, item))
    elif message.id in call.chat_ids:
        board.error(session, "bad_message", "this id is in use", "chat.send")
    elif len(call.chat) >= board.rules.max_chat:
        board.error(session, "at_capacity", "this conversation is full", "chat.send")
    elif not session.may_chat(board.at.now):
        board.error(session, "rate_limited", "please write a little slower", "chat.send")
    else:
        add(board, call, ChatItem(message.id, role, board.at.wall, text=message.text))


def photo(board: Board, call: Call, sender: Sender, photo_id: str, width: int, height: int) -> ChatItem:
    """A stored photo appears in the conversation."""
    item = ChatItem(photo_id, sender, board.at.wall, photo=PHOTO_PATH + photo_id, width=width, height=height)
    add(board, call, item)
    return item


def put(board: Board, call: Call, item: ChatItem) -> None:
    """Add the item, or exchange the one with its id."""
    if item.id not in call.chat_ids:
        add(board, call, item)
        return
    call.chat = [item if known.id == item.id else known for known in call.chat]
    _tell(board, call, item)


def add(board: Board, call: Call, item: ChatItem) -> None:
    """Keep the item and show it to both sides."""
    call.chat.append(item)
    call.chat_ids[item.id] = item.sender
    _tell(board, call, item)


def _tell(board: Board, call: Call, item: ChatItem) -> None:
    board.add_chat(call.call_id, item)
    for one in call.participants():
        session = board.sessions.get(one.session_id)
        if session is not None:
            board.send(session, ChatAdded(0, call.call_id, item))
