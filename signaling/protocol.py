"""Every message on the WebSocket, version 1: msgspec structs in one tagged union a direction.

JSON text frames, `type` names the message. Unknown fields are ignored, an unknown type is answered with `error`.
The first client message is `hello` or `resume`. Every server message but `pong` carries `seq`, counted from 1 in a
session, for replay after `resume`. Times are wall-clock seconds since 1970 (UTC), durations seconds.
"""

from typing import Annotated, Literal

import msgspec

VERSION = 1
MAX_MESSAGE_BYTES = 64 * 1024
MAX_SDP_BYTES = 16 * 1024
MAX_CHAT_CHARACTERS = 2_000
MAX_TICKET_CHARACTERS = 16 * 1024
"""A ticket carries the context that the shop's page gave, at most a few thousand characters of it."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
ShortText = Annotated[str, msgspec.Meta(max_length=200)]
Sdp = Annotated[str, msgspec.Meta(max_length=MAX_SDP_BYTES)]
Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Media = Literal["video", "audio"]
AgentStatus = Literal["ready", "away"]
"""What an agent chooses; `busy` follows from having a call and is never chosen."""
EndReason = Literal[
    "hung_up",  # by either side; `by` says who
    "abandoned",  # the customer left before an answer
    "unanswered",  # nobody answered in time
    "no_agents",  # nobody could ever answer (closed, none signed in, and the site does not queue)
    "connection_lost",  # a side stayed away longer than the resume window
    "media_failed",  # a leg could not be connected
    "shutdown",  # the server stopped
    "internal",  # our own fault
]
Phase = Literal["created", "waiting", "ringing", "active", "on_hold", "ended"]
ErrorCode = Literal[
    "bad_message",  # not JSON, wrong shape, too large
    "unknown_type",
    "not_allowed",  # wrong role or not your call
    "not_found",
    "wrong_state",
    "rate_limited",
    "bad_sdp",
    "bad_ticket",
    "resume_failed",
    "at_capacity",
    "version",
    "internal",
]


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    """Someone in a call as the other side sees them."""

    name: str = ""
    verified: bool = False
    """The shop vouched for the identity (signed)."""


class Context(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the shop tells about the reason of a call; shown to the agent."""

    order: ShortText = ""
    product: ShortText = ""
    product_url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    page_url: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    note: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    extra: dict[str, str] = {}
    """At most 20 entries of 64 and 500 characters; checked at the edge."""


class ChatItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of chat, text or photo."""

    id: str
    sender: Literal["customer", "agent", "system"]
    at: float
    text: str = ""
    photo: str = ""
    """Path of the photo on this server, readable with the session's photo token; see `Welcome.photo_token`."""
    width: int = 0
    height: int = 0


class IceServer(msgspec.Struct, frozen=True, omit_defaults=True):
    urls: list[str]
    username: str = ""
    credential: str = ""


class LegOffer(msgspec.Struct, frozen=True):
    """Our SDP offer: answer it with `leg.answer`. A new leg_id means a new RTCPeerConnection that replaces the
    old one when it is connected; the same leg_id with a higher generation is an ICE restart on the same one."""

    leg_id: str
    generation: int
    sdp: str
    slots: dict[str, str]
    ice_servers: list[IceServer] = []


class CallView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A call as one participant may see it; enough to draw the whole screen."""

    call_id: str
    phase: Phase
    media: Media
    created_at: float
    position: int = 0
    """1 is next; 0 when not waiting."""
    answered_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    peer: Person | None = None
    """Who is on the other side, once there is somebody."""
    peer_audio: bool = True
    peer_video: bool = True
    """What the other side says it is sending (mute and camera state)."""
    peer_connected: bool = True
    language: str = ""
    context: Context | None = None
    """Only for agents."""
    chat: list[ChatItem] = []
    rated: bool = False


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


class QualityReport(msgspec.Struct, frozen=True, tag="quality.report"):
    """What the page measured over the last interval (getStats), once every 5 s. Numbers out of range are dropped."""

    leg_id: Id
    rtt_ms: float | None = None
    audio_loss: float | None = None
    video_loss: float | None = None
    jitter_ms: float | None = None
    fps_received: float | None = None
    freezes: int | None = None
    concealed: float | None = None
    kbps_sent: float | None = None
    kbps_received: float | None = None
    candidate: ShortText = ""
    limitation: ShortText = ""


ClientMessage = (
    Hello
    | Resume
    | Ping
    | CallStart
    | LegAnswer
    | LegRestart
    | CallMedia
    | CallHangup
    | CallRate
    | ChatSend
    | AgentSetStatus
    | CallAccept
    | CallDecline
    | CallHold
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


class QualityHint(msgspec.Struct, frozen=True, tag="quality.hint"):
    """Plain facts for the page to put into words: whose direction suffers."""

    seq: int
    level: Literal["good", "fair", "poor"]
    side: Literal["own_uplink", "own_downlink", "peer", ""] = ""


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
