"""The call service as the rest of the program uses it.

A WebSocket's life, at the edge:

    try:
        if isinstance(first, Hello):
            attachment = await service.attach(connection, admission)   # the edge has verified first.ticket
        else:
            attachment = await service.resume(connection, first)
    except RefusedError as refusal:      # send Error(seq=0, …), then close(refusal.close_code)
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

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from media.api import MediaEngine
from signaling.actions import Action
from signaling.admission import Admission, Connection, RefusedError
from signaling.board import Environment
from signaling.ids import new_id
from signaling.performer import Performer
from signaling.protocol import CLOSE_RESTART, ChatItem, ClientMessage, ErrorCode, IceServer, QualityReport, Resume
from signaling.quality import Reading
from signaling.records import CallState, Records
from signaling.results import Result
from signaling.rules import CallRules
from signaling.state import Call, Moment
from signaling.switchboard import Switchboard
from signaling.vault import NoVault, Vault

EVENTS_RETRY = 1.0
CLOSE_INTERNAL = 1011
"""RFC 6455 §7.4.1."""

log = structlog.get_logger("signaling")


def _moment() -> Moment:
    return Moment(time.monotonic(), time.time())


class Attachment:
    """A connection that belongs to a session."""

    def __init__(self, service: "Service", session_id: str, connection: int) -> None:
        self.session_id = session_id
        self._service, self._connection = service, connection

    async def receive(self, message: ClientMessage) -> None:
        """Take one decoded message; waits while the service is behind with its store."""
        service = self._service
        await service.performer.room()
        service.turn(lambda at: service.switchboard.receive(at, self.session_id, self._connection, message))

    async def refuse(self, code: ErrorCode, text: str, ref: str = "") -> None:
        """Answer something undecodable with `error`; it counts against the session's rate."""
        service = self._service
        await service.performer.room()
        service.turn(lambda at: service.switchboard.refuse(at, self.session_id, self._connection, code, text, ref))

    def detach(self) -> None:
        """The connection is gone. The session lives on for the resume window."""
        service = self._service
        service.performer.connections.pop(self._connection, None)
        service.turn(lambda at: service.switchboard.detach(at, self.session_id, self._connection))


class Service:
    """Calls, sessions and agents of one control process."""

    def __init__(
        self,
        engine: MediaEngine,
        records: Records,
        rules: CallRules,
        *,
        photo_token: Callable[[str], str],
        vault: Vault | None = None,
        ice_servers: Callable[[str], list[IceServer]] = lambda session_id: [],
        on_quality: Callable[[str, str, QualityReport], None] | None = None,
        moment: Callable[[], Moment] = _moment,
    ) -> None:
        """`photo_token(session_id)` makes the bearer sent in `welcome` (valid while `in_call` says yes);
        `ice_servers(session_id)` the TURN servers; `on_quality(call_id, role, report)` takes what pages measure."""
        self.switchboard = Switchboard(rules, Environment(new_id, photo_token, ice_servers))
        self.performer = Performer(
            engine,
            records,
            rules,
            vault or NoVault(),
            on_result=self._result,
            on_stuck=self._stuck,
            on_quality=on_quality,
        )
        self._engine, self._records, self._moment = engine, records, moment
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._connections = 0

    async def run(self) -> None:
        """Restore from the records, then serve until cancelled. Start it as a task; see `ready`."""
        async with asyncio.TaskGroup() as tasks:
            self.performer.start(tasks)
            tasks.create_task(self._watch_media(), name="signaling: media events")
            await asyncio.sleep(0)  # the events are listened to before the status is asked for
            await self._restore()
            self._ready.set()
            tasks.create_task(self._keep_time(), name="signaling: timers")

    @property
    def ready(self) -> bool:
        """Restored and serving; before that `attach` and the others raise RefusedError (close code 1012)."""
        return self._ready.is_set()

    async def started(self) -> None:
        """Return as soon as `ready`."""
        await self._ready.wait()

    # --- for the edge --------------------------------------------------------------------------------------------

    async def attach(self, connection: Connection, admission: Admission) -> Attachment:
        """Begin a session; `welcome` is sent. Raise RefusedError (at_capacity)."""
        return await self._connect(connection, lambda at, number: self.switchboard.attach(at, number, admission))

    async def resume(self, connection: Connection, message: Resume) -> Attachment:
        """Continue a session; `resumed` and what was missed are sent, an older connection is closed with 4002.
        Raise RefusedError (resume_failed, close code 4003)."""
        return await self._connect(connection, lambda at, number: self.switchboard.resume(at, number, message))

    async def _connect(
        self, connection: Connection, enter: Callable[[Moment, int], tuple[str, list[Action]]]
    ) -> Attachment:
        self._expect_ready()
        await self.performer.room()
        self._connections += 1
        number = self._connections
        try:
            session_id, actions = enter(self._moment(), number)
        except RefusedError:
            raise
        except Exception as error:
            log.exception("a visitor could not be let in")
            self.turn(lambda at: self.switchboard.lost(at, number))
            raise RefusedError("internal", "something went wrong on our side", CLOSE_INTERNAL) from error
        self.performer.connections[number] = connection
        self._submit(actions)
        return Attachment(self, session_id, number)

    async def create_call(self, state: CallState) -> None:
        """Keep a call a shop created (phase `created`) until its customer joins. Raise RefusedError (at_capacity)."""
        self._expect_ready()
        self._submit(self.switchboard.create_call(self._moment(), state))
        await self.performer.settled()

    async def photo_added(self, call_id: str, session_id: str, photo_id: str, width: int, height: int) -> ChatItem:
        """Put a stored photo into the chat; raise RefusedError (not_allowed, not_found, wrong_state, at_capacity)."""
        self._expect_ready()
        item, actions = self.switchboard.photo_added(self._moment(), call_id, session_id, photo_id, (width, height))
        self._submit(actions)
        await self.performer.settled()
        return item

    def still_wanted(self, call_id: str, session_id: str, still_id: str) -> None:
        """Whether this page may upload this picture now; raise RefusedError."""
        self._expect_ready()
        self.switchboard.still_wanted(self._moment(), call_id, session_id, still_id)

    async def still_added(
        self, call_id: str, session_id: str, still_id: str, photo_id: str, size: tuple[int, int]
    ) -> None:
        """The picture was stored; raise RefusedError if it is not wanted any more."""
        self._expect_ready()
        self._submit(self.switchboard.still_added(self._moment(), call_id, session_id, still_id, photo_id, size))
        await self.performer.settled()

    def advise(self, call_id: str, role: str, reading: Reading) -> None:
        """Tell a side of a call what holds of its quality; said only if it is news."""
        self.turn(lambda at: self.switchboard.advise(at, call_id, role, reading))

    @property
    def calls(self) -> Mapping[str, Call]:
        """The calls that are not ended, for reading."""
        return self.switchboard.board.calls

    def drain(self, until: float) -> None:
        """Refuse new calls and tell every client; `until` is wall-clock seconds."""
        self.turn(lambda at: self.switchboard.drain(at, until))

    @property
    def drained(self) -> bool:
        """No call is left that somebody takes part in."""
        return self.switchboard.drained

    async def end_calls(self) -> None:
        """End every joined call with `shutdown` and wait until that is written and said."""
        self.turn(self.switchboard.end_calls)
        await self.performer.settled()

    # --- looking -------------------------------------------------------------------------------------------------

    def in_call(self, session_id: str, call_id: str) -> bool:
        """Whether the session takes part in the call now, or did and still shows its end."""
        session = self.switchboard.board.sessions.get(session_id)
        if session is None or not call_id:
            return False
        return session.call_id == call_id or (session.ended is not None and session.ended.call_id == call_id)

    def session_exists(self, session_id: str) -> bool:
        """Whether the session is alive (attached or within its resume window)."""
        return session_id in self.switchboard.board.sessions

    def agents_ready(self, site_id: str) -> bool:
        """Whether an agent of the site is connected and ready, or in a call."""
        return any(
            agent.serves(site_id) and (agent.call_id or (agent.attached and agent.chosen == "ready"))
            for agent in self.switchboard.board.roster
        )

    def waiting(self, site_id: str) -> int:
        """Customers of the site who wait for an answer."""
        return self.switchboard.board.waiting_for((site_id,))

    def counts(self) -> dict[str, int]:
        """Gauges for metrics: calls by phase (`calls_active`, …), `sessions`, `sessions_attached`, `agents_ready`,
        `pending_turns`, `recordings`, and the counters `store_failures` and `recording_failures`."""
        board = self.switchboard.board
        phases = Counter(call.state.phase for call in board.calls.values())
        return {
            **{f"calls_{phase}": phases[phase] for phase in ("created", "waiting", "ringing", "active", "on_hold")},
            "sessions": len(board.sessions),
            "sessions_attached": sum(session.attached for session in board.sessions.values()),
            "agents_ready": sum(agent.free for agent in board.roster),
            "pending_turns": self.performer.pending_turns,
            "store_failures": self.performer.store_failures,
            "recordings": sum(call.told != "" for call in board.calls.values()),
            "recording_failures": self.performer.recording_failures,
        }

    # --- turns ---------------------------------------------------------------------------------------------------

    def turn(self, run: Callable[[Moment], list[Action]]) -> None:
        """One input. A fault of our own ends the call it was about, not the process."""
        try:
            actions = run(self._moment())
        except Exception:
            log.exception("turn failed")
            actions = self.switchboard.crash(self._moment())
        self._submit(actions)

    def _submit(self, actions: list[Action]) -> None:
        self.performer.submit(actions)
        self._wake.set()

    def _result(self, result: Result) -> None:
        self.turn(lambda at: self.switchboard.result(at, result))

    def _stuck(self, call_id: str) -> None:
        self.turn(lambda at: self.switchboard.crash(at, call_id))

    def _expect_ready(self) -> None:
        if not self.ready:
            raise RefusedError("at_capacity", "the server is starting, please try again", CLOSE_RESTART)

    # --- tasks ---------------------------------------------------------------------------------------------------

    async def _restore(self) -> None:
        opened = await self._records.load_open()
        status = await self._engine.status()
        accounts = {}
        for agent_id in {session.agent_id for session in opened.sessions if session.role == "agent"}:
            account = await self._records.agent(agent_id)
            if account is not None:
                accounts[agent_id] = account
        self._submit(self.switchboard.restore(self._moment(), opened, status, accounts))
        log.info("restored", calls=len(opened.calls), sessions=len(opened.sessions), media_calls=len(status.calls))

    async def _watch_media(self) -> None:
        while True:
            try:
                async for event in self._engine.events():
                    await self._ready.wait()
                    self.turn(lambda at, event=event: self.switchboard.media(at, event))  # type: ignore[misc]
            except Exception:
                log.exception("media events failed")
            await asyncio.sleep(EVENTS_RETRY)

    async def _keep_time(self) -> None:
        while True:
            due = self.switchboard.next_timeout()
            if due is not None and due <= self._moment().now:
                self.turn(self.switchboard.tick)
                await asyncio.sleep(0)
                continue
            self._wake.clear()
            pause = None if due is None else due - self._moment().now
            # Not wait_for: until Python 3.12 it swallows a cancellation that meets the wake-up, and we must end.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()
