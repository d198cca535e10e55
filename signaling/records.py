"""What the call service asks of its store: value types and one repository interface.

The truth about calls is here, so that a control process can restart, and later several can share the work. The
switchboard holds the same facts in memory and writes each change before anyone is told of it.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from signaling.policy import CallPolicy
from signaling.protocol import AgentStatus, ChatItem, Context, Media, Person, Phase


class Site(msgspec.Struct, frozen=True):
    """A shop: who may embed the button, and how its identities are signed."""

    site_id: str
    name: str
    origins: tuple[str, ...] = ()
    """Exact origins that may embed the widget; empty: none but our own."""
    secret: str = ""
    """HMAC-SHA256 key of signed identities (hex of user id, see signaling/http/auth.py)."""
    api_key_hash: str = ""
    """SHA-256 of the API key of the shop's back end."""
    default_language: str = "en"
    policy: CallPolicy | None = None
    """None: as the server's settings say."""


class AgentAccount(msgspec.Struct, frozen=True):
    agent_id: str
    login: str
    name: str
    password_hash: str
    """argon2id."""
    sites: tuple[str, ...] = ()
    """Empty: all."""
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    role: Literal["agent", "operator"] = "agent"


class Recording(msgspec.Struct, frozen=True, omit_defaults=True):
    """One recording of a call, as it is stored. It may have several parts: a new one after each fault of ours."""

    recording_id: str
    call_id: str
    site_id: str
    state: Literal["asking", "refused", "starting", "on", "paused", "ended", "failed", "deleted"]
    """What is; `asking` and `refused` are known in the call only and never stored as a recording."""
    wish: Literal["on", "paused"] = "on"
    """What the agent wants; the engine follows."""
    by: Literal["agent", "policy"] = "agent"
    consent: Literal["notice", "granted"] = "notice"
    audio_only: bool = False
    created_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    due_at: float = 0.0
    """When retention deletes it."""
    seconds: float = 0.0
    """Recorded, pauses left out."""
    size_bytes: int = 0
    parts: int = 0
    reason: str = ""
    """Why it failed."""
    deleted_at: float | None = None
    deleted_by: str = ""
    """`retention`, an agent's id, or `site`."""


class Still(msgspec.Struct, frozen=True, omit_defaults=True):
    """A snapshot of a side's camera, the best that came."""

    still_id: str
    call_id: str
    side: Literal["customer", "agent"]
    asked_at: float
    shot: str = ""
    photo_id: str = ""
    """Empty: none came yet."""
    width: int = 0
    height: int = 0
    taken_at: float = 0.0
    source: Literal["", "stream", "camera"] = ""
    """Decoded from what was sent, or taken by the customer's page at the camera's own resolution."""


class Verification(msgspec.Struct, frozen=True, omit_defaults=True):
    """A guided inspection within a call; its stills are those with `asked_at` inside it."""

    verification_id: str
    challenge: str
    started_at: float
    ended_at: float | None = None
    shot: str = ""


class CallState(msgspec.Struct):
    """A call as it must survive a restart; also the row behind list and detail."""

    call_id: str
    site_id: str
    phase: Phase
    media: Media
    language: str
    created_at: float
    customer: Person = Person()
    country: str = ""
    """Of the customer's address, ISO 3166-1; empty: not known."""
    customer_id: str = ""
    """The shop's id of a signed identity."""
    context: Context = Context()
    customer_session: str = ""
    agent_id: str = ""
    agent_name: str = ""
    agent_session: str = ""
    queued_at: float | None = None
    ring_deadline: float | None = None
    ringing: tuple[str, ...] = ()
    """Agent ids it rings at."""
    declined: tuple[str, ...] = ()
    answered_at: float | None = None
    ended_at: float | None = None
    reason: str = ""
    ended_by: str = ""
    legs: dict[str, str] = {}
    """leg id by session id."""
    epoch: int = 0
    """Fencing: goes up with every claim; a writer with an older one lost."""
    rating: int = 0
    rating_comment: str = ""
    priority: int = 0
    """Higher waits further ahead: a customer whose agent was lost goes to the head of the queue."""
    last_event: int = 0
    """Sequence of the newest CallEvent, so that the count goes on after a restart."""
    sending: dict[str, tuple[bool, bool]] = {}
    """(audio, video) each role says it is sending; absent: both."""
    clean_voice: bool = False
    """The agent wants to hear the customer with less noise."""
    policy: CallPolicy = CallPolicy()
    recording: Recording | None = None
    """The current one, or the last that was refused or failed."""
    verification: Verification | None = None
    """The last one."""


class CallEvent(msgspec.Struct, frozen=True):
    """One fact of a call's history, append-only; `sequence` counts from 1 in a call."""

    call_id: str
    sequence: int
    at: float
    name: str
    """`created`, `queued`, `ringing`, `accepted`, `declined`, `connected`, `held`, `resumed`, `hung_up`, …"""
    data: dict[str, Any] = {}


class SessionState(msgspec.Struct):
    """A client's session as it must survive a restart."""

    session_id: str
    role: Literal["customer", "agent"]
    token_hash: str
    """SHA-256 of the resume token."""
    site_id: str
    person: Person
    agent_id: str = ""
    country: str = ""
    customer_id: str = ""
    invited_call: str = ""
    """Call the shop's back end created for this customer."""
    last_seq: int = 0
    seen_at: float = 0.0
    origin: str = ""
    policy: CallPolicy = CallPolicy()
    context: Context | None = None
    """What the ticket said about the reason, for the calls this session will start."""


class OpenState(msgspec.Struct):
    """Everything a starting control process needs."""

    calls: list[CallState]
    sessions: list[SessionState]
    chats: dict[str, list[ChatItem]]
    agent_status: dict[str, AgentStatus]
    stills: dict[str, list[Still]] = {}


class CallFilter(msgspec.Struct, frozen=True):
    site_ids: tuple[str, ...] = ()
    agent_id: str = ""
    phase: str = ""
    before: float | None = None
    """created_at of the last row of the previous page."""
    limit: int = 50


class Change(msgspec.Struct):
    """All that one turn of the switchboard changed: written in one transaction."""

    calls: list[CallState] = []
    events: list[CallEvent] = []
    sessions: list[SessionState] = []
    closed_sessions: list[str] = []
    chats: list[tuple[str, ChatItem]] = []
    agent_status: dict[str, AgentStatus] = {}
    recordings: list[Recording] = []
    stills: list[Still] = []

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


class StorageFullError(Exception):
    """Nothing can be written: the disk, or the database's share of it, is full. Reading goes on."""


class Records(Protocol):
    """One repository; implemented on SQL by callserver/store, in memory by tests/fakes."""

    async def write(self, change: Change) -> None:
        """Apply one change in one transaction. A call written as `ended` loses its claim in the same transaction, so
        that a process that dies before `release` leaves no agent claimed by a call that is over."""

    async def claim(self, call_id: str, agent_id: str, epoch: int) -> bool:
        """Give the call to the agent if nobody has it and the agent has none, in one transaction."""

    async def release(self, call_id: str) -> None:
        """End the claim, if there is one."""

    async def load_open(self) -> OpenState:
        """Calls not ended, sessions not closed, their chats."""

    async def list_calls(self, wanted: CallFilter) -> list[CallState]:
        """Newest first."""

    async def get_call(self, call_id: str) -> tuple[CallState, list[CallEvent], list[ChatItem]] | None:
        """A call with its history."""

    async def sites(self) -> Sequence[Site]: ...

    async def site(self, site_id: str) -> Site | None: ...

    async def save_site(self, site: Site) -> None: ...

    async def agent_by_login(self, login: str) -> AgentAccount | None: ...

    async def agent(self, agent_id: str) -> AgentAccount | None: ...

    async def save_agent(self, account: AgentAccount) -> None: ...

    async def use_ticket(self, ticket_id: str, expires_at: float) -> bool:
        """Remember that a single-use ticket was used; False if it was before."""

    async def save_photo(self, photo_id: str, call_id: str, content: bytes, width: int, height: int) -> None:
        """JPEG bytes, already re-encoded."""

    async def photo(self, photo_id: str) -> tuple[str, bytes] | None:
        """(call_id, JPEG bytes)."""

    async def delete_photo(self, photo_id: str) -> None:
        """A photo that did not get into its chat, or that a better one replaced."""
