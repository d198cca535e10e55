"""What REST takes and gives: msgspec structs, the source of the OpenAPI document. Times: wall-clock seconds, UTC."""

from typing import Annotated, Any

import msgspec

from signaling.http.passwords import MAX_PASSWORD_CHARACTERS
from signaling.protocol import (
    MAX_TICKET_CHARACTERS,
    ChatItem,
    Context,
    Id,
    Language,
    Media,
    Person,
    Phase,
    ShortText,
)
from signaling.records import AgentAccount, CallEvent, CallState

MAX_BODY_BYTES = 64 * 1024
MAX_EXTRA = 20

Token = Annotated[str, msgspec.Meta(max_length=MAX_TICKET_CHARACTERS)]


class Identity(msgspec.Struct, frozen=True):
    """A shop's user, vouched for: `hash` is hex HMAC-SHA256 of id, line feed, name, keyed with the site's secret."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: ShortText
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{64}$")]


class TicketRequest(msgspec.Struct, frozen=True):
    """A customer's page asks to connect. `call_token` is from the link to a call that the shop created."""

    site: Id
    identity: Identity | None = None
    context: Context | None = None
    call_token: Token = ""


class TicketAnswer(msgspec.Struct, frozen=True):
    """Goes into the first WebSocket message (`hello`); works once, until then."""

    ticket: str
    expires_at: float


class WidgetInfo(msgspec.Struct, frozen=True):
    """What the button can say before anyone connects. `languages`: the site's own first, then the others
    that the widget speaks."""

    site: str
    name: str
    languages: list[str]
    agents_ready: bool
    waiting: int


class LoginRequest(msgspec.Struct, frozen=True):
    login: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_PASSWORD_CHARACTERS)]


class AgentInfo(msgspec.Struct, frozen=True):
    agent_id: str
    name: str
    role: str

    @classmethod
    def of(cls, account: AgentAccount) -> "AgentInfo":
        return cls(account.agent_id, account.name, account.role)


class AgentAnswer(msgspec.Struct, frozen=True):
    agent: AgentInfo


class Customer(msgspec.Struct, frozen=True):
    """As the shop's back end knows them."""

    id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    name: ShortText = ""


class CreateCall(msgspec.Struct, frozen=True):
    """A shop's back end prepares a call; the customer joins it by the link in the answer."""

    customer: Customer = Customer()
    language: Language = "en"
    context: Context = Context()
    media: Media = "video"


class CallCreated(msgspec.Struct, frozen=True):
    call_id: str
    call_token: str
    join_url: str


class CallSummary(msgspec.Struct, frozen=True):
    """A call in lists."""

    call_id: str
    site_id: str
    phase: Phase
    media: Media
    language: str
    created_at: float
    customer: Person
    customer_id: str
    context: Context
    agent_id: str
    agent_name: str
    queued_at: float | None
    answered_at: float | None
    ended_at: float | None
    reason: str
    ended_by: str
    rating: int
    rating_comment: str

    @classmethod
    def of(cls, state: CallState) -> "CallSummary":
        """What others may know of a call: not its sessions and legs."""
        return cls(**{name: getattr(state, name) for name in cls.__struct_fields__})


class CallList(msgspec.Struct, frozen=True):
    """Newest first; `before` = created_at of the last one gives the next page."""

    calls: list[CallSummary]


class EventInfo(msgspec.Struct, frozen=True):
    sequence: int
    at: float
    name: str
    data: dict[str, Any]

    @classmethod
    def of(cls, event: CallEvent) -> "EventInfo":
        return cls(event.sequence, event.at, event.name, event.data)


class CallDetail(msgspec.Struct, frozen=True):
    call: CallSummary
    events: list[EventInfo]
    chat: list[ChatItem]


class Problem(msgspec.Struct, frozen=True):
    """`code` is for programs, `message` for people."""

    code: str
    message: str


class ErrorAnswer(msgspec.Struct, frozen=True):
    error: Problem


def context_problem(context: Context | None) -> str:
    """What is wrong with the free part of a context; empty if nothing is."""
    extra = context.extra if context is not None else {}
    if len(extra) > MAX_EXTRA:
        return f"context.extra has {len(extra)} entries; at most {MAX_EXTRA} are taken"
    for name, value in extra.items():
        if len(name) > 64 or len(value) > 500:
            return "an entry of context.extra is longer than 64 (name) or 500 (value) characters"
    return ""
