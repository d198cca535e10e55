"""The words of the protocol: limits, named types, and the values that several messages carry."""

from typing import Annotated, Literal

import msgspec

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
    kind: Literal["", "snapshot"] = ""
    """A snapshot is a still of a camera; a larger one may follow under the same `id`."""
    side: Literal["", "customer", "agent"] = ""
    """Whose camera a snapshot is from."""
    shot: str = ""
    """What a verification's still shows."""


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


class RecordingView(msgspec.Struct, frozen=True, omit_defaults=True):
    """Both sides always know whether they are recorded."""

    state: Literal["asking", "refused", "starting", "on", "paused", "failed"]
    """`asking`: the customer has not answered yet, nothing is recorded; `failed`: it broke off, the call goes on."""
    since: float = 0.0
    """When it began; 0 before."""
    why: Literal["", "disk_full"] = ""
    """Only for agents: why it broke off, where there are words for it."""
    voice_only: bool = False
    """The call has pictures, and they are not recorded."""


class VerificationView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verification that is under way."""

    code: str
    """The challenge: shown to the customer, who holds it before the camera or says it."""
    shot: str = ""
    """What is asked for now; empty: the code."""
    done: tuple[str, ...] = ()
    """Shots of which there is a still."""


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
    video_paused: bool = False
    """This side's connection is too weak for pictures: they wait, and come back by themselves."""
    peer_video_paused: bool = False
    """The same on the other side: it hears this one, but does not see it now."""
    sending_paused: bool = False
    """This side's way out is too weak for its picture: it waits, and comes back by itself."""
    peer_sending_paused: bool = False
    """The same of the other side's picture."""
    unshowable: bool = False
    """This side's browser has no codec for the other's picture, and none could be made that it has."""
    peer_unshowable: bool = False
    """The same on the other side."""
    clean_voice: bool = False
    """Only for agents: this one wants to hear the customer with less noise."""
    voice_cleaned: bool = False
    """Only for agents: and so it is."""
    audio_bps: int = 0
    video_bps: int = 0
    video_layers: bool = True
    playout_ms: int = 0
    uplink_full: bool = False
    uplink_lossy: bool = False
    """See `media.wish`."""
    language: str = ""
    context: Context | None = None
    """Only for agents."""
    recording: RecordingView | None = None
    may_record: Literal["", "agent", "always"] = ""
    """Only for agents: whether the site records, and who decides."""
    verification: VerificationView | None = None
    chat: list[ChatItem] = []
    rated: bool = False
