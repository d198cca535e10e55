"""The call service as the rest of the program uses it.

A WebSocket's life, at the edge:

    try:
        if isinstance(first, Hello):
            attachment = await service.attach(connection, admission)   # the edge has verified first.ticket
        else:
            attachment = await service.resume(connection, first)
    except RefusedError as refusal:                                         # send Error(seq=0, …), close(refusal.close_code)
        …
    try:
        async for data in websocket:
            try:
                message = decode(data)
            except msgspec.DecodeError as error:
                await attachment.refuse("bad_message", str(error))
            else:
                await attachment.receive(message)                      # never raises for what a client can do
    finally:
        attachment.detach()                                            # also when it was replaced or closed

The edge finds dead connections with WebSocket ping frames (browsers answer those even from a throttled tab) and
closes them; the `ping` message is for the page's side and for forgetting acknowledged messages.
"""

from collections.abc import Callable

from media.api import MediaEngine
from signaling.admission import Admission, Connection
from signaling.protocol import ChatItem, ClientMessage, ErrorCode, IceServer, QualityReport, Resume
from signaling.records import CallState, Records
from signaling.rules import CallRules


class Attachment:
    """A connection that belongs to a session."""

    session_id: str

    async def receive(self, message: ClientMessage) -> None:
        """Take one decoded message; waits while the service is behind with its store."""
        raise NotImplementedError

    async def refuse(self, code: ErrorCode, text: str, ref: str = "") -> None:
        """Answer something undecodable with `error`; it counts against the session's rate."""
        raise NotImplementedError

    def detach(self) -> None:
        """The connection is gone. The session lives on for the resume window."""
        raise NotImplementedError


class Service:
    """Calls, sessions and agents of one control process."""

    def __init__(
        self,
        engine: MediaEngine,
        records: Records,
        rules: CallRules,
        *,
        photo_token: Callable[[str], str],
        ice_servers: Callable[[str], list[IceServer]] = lambda session_id: [],
        on_quality: Callable[[str, str, QualityReport], None] | None = None,
    ) -> None:
        """`photo_token(session_id)` makes the bearer sent in `welcome` (valid while `in_call` says yes);
        `ice_servers(session_id)` the TURN servers; `on_quality(call_id, role, report)` takes what pages measure."""
        raise NotImplementedError

    async def run(self) -> None:
        """Restore from the records, then serve until cancelled. Start it as a task; see `ready`."""
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Restored and serving; before that `attach` and the others raise RefusedError (close code 1012)."""
        raise NotImplementedError

    async def started(self) -> None:
        """Return as soon as `ready`."""
        raise NotImplementedError

    async def attach(self, connection: Connection, admission: Admission) -> Attachment:
        """Begin a session; `welcome` is sent. Raise RefusedError (at_capacity)."""
        raise NotImplementedError

    async def resume(self, connection: Connection, message: Resume) -> Attachment:
        """Continue a session; `resumed` and what was missed are sent, an older connection is closed with 4002.
        Raise RefusedError (resume_failed, close code 4003)."""
        raise NotImplementedError

    async def create_call(self, state: CallState) -> None:
        """Keep a call a shop created (phase `created`) until its customer joins. Raise RefusedError (at_capacity)."""
        raise NotImplementedError

    async def photo_added(self, call_id: str, session_id: str, photo_id: str, width: int, height: int) -> ChatItem:
        """Put a stored photo into the call's chat; raise RefusedError (not_allowed, not_found, wrong_state, at_capacity)."""
        raise NotImplementedError

    def in_call(self, session_id: str, call_id: str) -> bool:
        """Whether the session takes part in the call now, or did and still shows its end."""
        raise NotImplementedError

    def session_exists(self, session_id: str) -> bool:
        """Whether the session is alive (attached or within its resume window)."""
        raise NotImplementedError

    def agents_ready(self, site_id: str) -> bool:
        """Whether an agent of the site is connected and ready, or in a call."""
        raise NotImplementedError

    def waiting(self, site_id: str) -> int:
        """Customers of the site who wait for an answer."""
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """Gauges for metrics: calls by phase (`calls_active`, …), `sessions`, `sessions_attached`, `agents_ready`,
        `pending_turns`."""
        raise NotImplementedError

    def drain(self, until: float) -> None:
        """Refuse new calls and tell every client; `until` is wall-clock seconds."""
        raise NotImplementedError

    @property
    def drained(self) -> bool:
        """No call is left that somebody takes part in."""
        raise NotImplementedError

    async def end_calls(self) -> None:
        """End every joined call with `shutdown` and wait until that is written and said."""
        raise NotImplementedError
