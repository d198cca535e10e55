"""A page: it remembers what it was told, answers offers, and checks that the server numbers without gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from signaling.protocol import CallHangup, CallMedia, ChatSend, ClientMessage, LegAnswer

if TYPE_CHECKING:
    from tests.fakes.exchange import Exchange

Message = dict[str, Any]


class Client:
    """One page over all its connections."""

    def __init__(self, name: str, answers: bool = True) -> None:
        self.name = name
        self.answers = answers
        """Answer offers at once."""
        self.exchange: Exchange | None = None
        self.connection: int | None = None
        self.closed: int | None = None
        self.session_id = ""
        self.token = ""
        self.last_seq = 0
        self.got: list[Message] = []
        self.call: Message | None = None
        self.incoming: dict[str, Message] = {}
        self.chat: dict[str, Message] = {}
        self.offers: dict[str, Message] = {}
        """Newest offer by leg id."""

    def forget(self) -> None:
        """The page was refreshed."""
        self.last_seq = 0
        self.call, self.incoming, self.chat, self.offers = None, {}, {}, {}

    # --- from the server -----------------------------------------------------------------------------------------

    def deliver(self, frame: bytes) -> None:
        message = msgspec.json.decode(frame)
        self.got.append(message)
        kind = message["type"]
        if kind in ("welcome", "resumed"):
            self._begin(message)
        elif kind != "pong":
            assert message["seq"] == self.last_seq + 1, f"{self.name}: {message} after {self.last_seq}"
            self.last_seq = message["seq"]
        self._take(kind, message)

    def _begin(self, message: Message) -> None:
        snapshot = message["snapshot"]
        self.session_id = message["session_id"]
        self.token = message.get("resume_token", self.token)
        if message.get("replayed"):
            assert message["seq"] == self.last_seq
        self.last_seq = message["seq"]
        self.call = snapshot.get("call")
        self.incoming = {call["call_id"]: call for call in snapshot.get("incoming", [])}
        self.chat = {item["id"]: item for item in (self.call or {}).get("chat", [])}

    def _take(self, kind: str, message: Message) -> None:
        if kind == "call.updated":
            self.call = message["call"]
            self.incoming.pop(message["call"]["call_id"], None)
        elif kind == "media.limited" and self.call is not None:
            self.call["video_paused" if message["side"] == "own" else "peer_video_paused"] = (
                message["video"] == "paused"
            )
        elif kind == "media.wish" and self.call is not None:
            self.call["audio_bps"] = message["audio_bps"]
        elif kind == "call.incoming":
            self.incoming[message["call"]["call_id"]] = message["call"]
        elif kind == "call.gone":
            self.incoming.pop(message["call_id"], None)
        elif kind == "chat.added":
            self.chat[message["item"]["id"]] = message["item"]
        elif kind == "leg.offer":
            offer = message["offer"]
            self.offers[offer["leg_id"]] = offer
            assert self.exchange is not None
            self.exchange.owners[offer["leg_id"]] = (message["call_id"], self.session_id)
            if self.answers:
                self.exchange.reply(self, offer["leg_id"])

    # --- to the server -------------------------------------------------------------------------------------------

    def say(self, message: ClientMessage) -> list[Message]:
        """Send one message; return what came back at once."""
        assert self.exchange is not None
        assert self.connection is not None, "not connected"
        before = len(self.got)
        exchange = self.exchange
        exchange.do(exchange.switchboard.receive(exchange.at, self.session_id, self.connection, message))
        return self.got[before:]

    def answer(self, leg_id: str, sdp: str = "answer") -> list[Message]:
        return self.say(LegAnswer(leg_id, self.offers[leg_id]["generation"], sdp))

    def hang_up(self) -> list[Message]:
        return self.say(CallHangup(self.call_id))

    def sends(self, audio: bool, video: bool) -> list[Message]:
        return self.say(CallMedia(self.call_id, audio, video))

    def write(self, item_id: str, text: str) -> list[Message]:
        return self.say(ChatSend(self.call_id, item_id, text))

    # --- looking -------------------------------------------------------------------------------------------------

    @property
    def call_id(self) -> str:
        return str(self.call["call_id"]) if self.call else "none"

    @property
    def phase(self) -> str:
        return str(self.call["phase"]) if self.call else ""

    @property
    def limits(self) -> tuple[bool, bool, int]:
        """Whether this side's and the other side's pictures wait, and the wish for the voice."""
        call = self.call or {}
        return bool(call.get("video_paused")), bool(call.get("peer_video_paused")), int(call.get("audio_bps", 0))

    def all(self, kind: str) -> list[Message]:
        return [message for message in self.got if message["type"] == kind]

    def last(self, kind: str) -> Message:
        return self.all(kind)[-1]

    @property
    def errors(self) -> list[str]:
        return [message["code"] for message in self.all("error")]
