"""What stands between the edge (HTTP, WebSocket) and the call service: who was admitted, and how a refusal looks."""

from typing import Literal, Protocol

import msgspec

from signaling.policy import CallPolicy
from signaling.protocol import CLOSE_BAD_FIRST_MESSAGE, Context, ErrorCode, Person


class Admission(msgspec.Struct, frozen=True):
    """Who a verified, unused ticket says is connecting. The edge checks the ticket; the service believes this."""

    role: Literal["customer", "agent"]
    site_id: str = ""
    """The customer's shop; empty for an agent."""
    person: Person = Person()
    """The name shown to the other side; for customers only what the shop signed."""
    customer_id: str = ""
    """The shop's id of a signed identity."""
    invited_call: str = ""
    """Call the shop's back end created for this customer."""
    context: Context | None = None
    """What the shop's ticket said about the reason; wins over what the page says in call.start."""
    agent_id: str = ""
    sites: tuple[str, ...] = ()
    """An agent's sites; empty: all."""
    languages: tuple[str, ...] = ()
    """An agent's languages; empty: any."""
    skills: tuple[str, ...] = ()
    origin: str = ""
    country: str = ""
    """Of the customer's address, ISO 3166-1; empty: not known."""
    policy: CallPolicy = CallPolicy()
    """What the customer's site wants of its calls; never in a ticket, the edge looks it up."""


class RefusedError(Exception):
    """The service will not do this. `code` is the protocol's, `close_code` what a WebSocket should be closed with."""

    def __init__(self, code: ErrorCode, text: str, close_code: int = CLOSE_BAD_FIRST_MESSAGE) -> None:
        super().__init__(f"{code}: {text}")
        self.code: ErrorCode = code
        self.text = text
        self.close_code = close_code


class Connection(Protocol):
    """One WebSocket as the service sees it. Both methods return at once and never raise."""

    def send(self, frame: bytes) -> None:
        """Put one text frame into the connection's bounded queue; when that is full the connection closes itself
        with CLOSE_SLOW (and the edge then calls `Attachment.detach`)."""

    def close(self, code: int, text: str = "") -> None:
        """Send what is queued, then close."""
