"""Every message on the WebSocket, version 1: msgspec structs in one tagged union a direction.

JSON text frames, `type` names the message. Unknown fields are ignored, an unknown type is answered with `error`.
The first client message is `hello` or `resume`. Every server message but `pong` carries `seq`, counted from 1 in a
session, for replay after `resume`. Times are wall-clock seconds since 1970 (UTC), durations seconds.
"""

from typing import Annotated, Literal

import msgspec

from signaling.quality_messages import (
    LegNarrow as LegNarrow,
    MediaLimited as MediaLimited,
    MediaWish as MediaWish,
    QualityHint as QualityHint,
    QualityReport as QualityReport,
)
from signaling.recording_messages import (
    RecordingConsent as RecordingConsent,
    RecordingSet as RecordingSet,
    StillFailed as StillFailed,
    StillTake as StillTake,
    StillWanted as StillWanted,
    VerificationSet as VerificationSet,
)
from signaling.values import (
    MAX_CHAT_CHARACTERS as MAX_CHAT_CHARACTERS,
    MAX_MESSAGE_BYTES as MAX_MESSAGE_BYTES,
    MAX_SDP_BYTES as MAX_SDP_BYTES,
    MAX_TICKET_CHARACTERS as MAX_TICKET_CHARACTERS,
    AgentStatus as AgentStatus,
    CallView as CallView,
    ChatItem as ChatItem,
    Context as Context,
    EndReason as EndReason,
    ErrorCode as ErrorCode,
    IceServer as IceServer,
    Id as Id,
    Language as Language,
    LegOffer as LegOffer,
    Media as Media,
    Person as Person,
    Phase as Phase,
    RecordingView as RecordingView,
    Sdp as Sdp,
    ShortText as ShortText,
    VerificationView as VerificationView,
)

VERSION = 1

# --- from the client ---------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """First message of a new session; the ticket comes from POST /api/v1/tickets and works once."""

    ticket: Annotated[str, msgspec.Meta(max_length=MAX_TICKET_CHARACTERS)]
    version: int = VERSION


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """First message of a new connection of a known session. `fresh`: the page lost its state (refresh), so it needs
    the snapshot and a new leg; otherwise missed messages are replayed after `last_seq`."""

    token: Annotated[str, msgspec.Meta(max_length=200)]
    last_seq: int = 0
    fresh: bool = False
    version: int = VERSION


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Heartbeat; `ack` is the highest `seq` seen, so that the replay buffer can forget. `t` comes back in pong."""

    t: float = 0.0
    ack: int = 0


class CallStart(msgspec.Struct, frozen=True, tag="call.start"):
    """Customer: begin a call, or join the one the shop created (named in the ticket)."""

    media: Media = "video"
    language: Language = "en"
    name: ShortText = ""
    """What the customer calls themself; an identity signed by the shop wins."""
    context: Context | None = None


class LegAnswer(msgspec.Struct, frozen=True, tag="leg.answer"):
    leg_id: Id
    generation: int
    sdp: Sdp


class LegRestart(msgspec.Struct, frozen=True, tag="leg.restart"):
    """The page's path is broken: please restart ICE (`replace` False) or open a new leg (True)."""

    leg_id: Id
    replace: bool = False


class CallMedia(msgspec.Struct, frozen=True, tag="call.media"):
    """What this side is sending now."""

    call_id: Id
    audio: bool
    video: bool


class CallHangup(msgspec.Struct, frozen=True, tag="call.hangup"):
    call_id: Id


class CallRate(msgspec.Struct, frozen=True, tag="call.rate"):
    """Customer, after the call."""

    call_id: Id
    stars: Annotated[int, msgspec.Meta(ge=1, le=5)]
    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class ChatSend(msgspec.Struct, frozen=True, tag="chat.send"):
    """A line of text. Photos are uploaded with POST /api/v1/calls/{call_id}/photos. `id` is the client's own,
    so that a repeat after a reconnect is not shown twice."""

    call_id: Id
    id: Id
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHAT_CHARACTERS)]


class AgentSetStatus(msgspec.Struct, frozen=True, tag="agent.status"):
    status: AgentStatus


class CallAccept(msgspec.Struct, frozen=True, tag="call.accept"):
    call_id: Id


class CallDecline(msgspec.Struct, frozen=True, tag="call.decline"):
    call_id: Id


class CallHold(msgspec.Struct, frozen=True, tag="call.hold"):
    """Agent."""

    call_id: Id
    on: bool


class CallClean(msgspec.Struct, frozen=True, tag="call.clean"):
    """Agent. Whether the agent should hear the customer with less noise, as far as the server can make it so: the view
    of the call tells both."""

    call_id: Id
    on: bool


ClientMessage = (
    Hello
    | Resume
    | Ping
    | CallStart
    | LegAnswer
    | LegRestart
    | LegNarrow
    | CallMedia
    | CallHangup
    | CallRate
    | ChatSend
    | AgentSetStatus
    | CallAccept
    | CallDecline
    | CallHold
    | CallClean
    | RecordingSet
    | RecordingConsent
    | StillTake
    | VerificationSet
    | QualityReport
)

# --- from the server ---------------------------------------------------------------------------------------------


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything the page needs to draw itself anew."""

    role: Literal["customer", "agent"]
    person: Person
    status: AgentStatus | Literal["busy", ""] = ""
    """Agents only."""
    call: CallView | None = None
    """The call this session is in."""
    incoming: list[CallView] = []
    """Agents only: calls that ring here now."""
    waiting: int = 0
    """Agents only: calls in the queue."""


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """Answer to `hello`."""

    seq: int
    session_id: str
    resume_token: str
    resume_window: float
    """Seconds for which the token works after the connection is lost."""
    heartbeat: float
    """Send `ping` this often; three missed pongs mean the connection is dead."""
    photo_token: str
    """Bearer for photos, upload and view; valid as long as the session."""
    snapshot: Snapshot
    ice_servers: list[IceServer] = []


class Resumed(msgspec.Struct, frozen=True, tag="resumed"):
    """Answer to `resume`. With `replayed` the missed messages follow; the snapshot is right in either case."""

    seq: int
    session_id: str
    replayed: bool
    snapshot: Snapshot


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    t: float


class Error(msgspec.Struct, frozen=True, tag="error"):
    """Something the client sent was refused; `ref` names the message's type. The session goes on."""

    seq: int
    code: ErrorCode
    message: str
    ref: str = ""


class LegOffered(msgspec.Struct, frozen=True, tag="leg.offer"):
    seq: int
    call_id: str
    offer: LegOffer


class LegStateChanged(msgspec.Struct, frozen=True, tag="leg.state"):
    """How the server sees this client's own leg."""

    seq: int
    leg_id: str
    state: Literal["connected", "disconnected", "failed"]


class CallUpdated(msgspec.Struct, frozen=True, tag="call.updated"):
    """The call changed: phase, position, peer, hold, end. The whole view without chat, so that no message
    depends on another having arrived."""

    seq: int
    call: CallView


class CallIncoming(msgspec.Struct, frozen=True, tag="call.incoming"):
    """Agent: it rings."""

    seq: int
    call: CallView


class CallIncomingGone(msgspec.Struct, frozen=True, tag="call.gone"):
    """Agent: it rings here no more."""

    seq: int
    call_id: str
    reason: Literal["answered_elsewhere", "customer_left", "declined", "unanswered", "ended"]


class ChatAdded(msgspec.Struct, frozen=True, tag="chat.added"):
    """Also sent back to the sender, as its receipt."""

    seq: int
    call_id: str
    item: ChatItem


class AgentState(msgspec.Struct, frozen=True, tag="agent.state"):
    seq: int
    status: Literal["ready", "away", "busy"]
    waiting: int


class ServerDraining(msgspec.Struct, frozen=True, tag="server.draining"):
    """The server is going down for a restart: calls go on until the given time; new ones should wait."""

    seq: int
    until: float


ServerMessage = (
    Welcome
    | Resumed
    | Pong
    | Error
    | LegOffered
    | LegStateChanged
    | CallUpdated
    | CallIncoming
    | CallIncomingGone
    | ChatAdded
    | AgentState
    | QualityHint
    | MediaLimited
    | MediaWish
    | StillWanted
    | StillFailed
    | ServerDraining
)

CLOSE_BAD_FIRST_MESSAGE = 4000
CLOSE_BAD_TICKET = 4001
CLOSE_REPLACED = 4002
"""Another connection resumed this session."""
CLOSE_RESUME_FAILED = 4003
CLOSE_RATE = 4008
CLOSE_SLOW = 1013
"""The client does not read."""
CLOSE_RESTART = 1012

_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()


def decode(data: str | bytes) -> ClientMessage:
    """Parse one client message; raise msgspec.DecodeError (ValidationError for a wrong shape)."""
    return _decoder.decode(data)


def encode(message: ServerMessage) -> bytes:
    """One text frame."""
    return _encoder.encode(message)
