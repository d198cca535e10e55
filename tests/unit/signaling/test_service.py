"""The service over asyncio: order, slowness, failures; and a whole call through its face."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec
import pytest

from signaling.actions import MuteLeg
from signaling.admission import Admission, RefusedError
from signaling.board import Environment
from signaling.ids import new_id
from signaling.protocol import (
    AgentSetStatus,
    CallAccept,
    CallHangup,
    CallMedia,
    CallStart,
    ClientMessage,
    LegAnswer,
    Person,
    Ping,
    QualityReport,
    Resume,
)
from signaling.records import AgentAccount, CallState, Change
from signaling.rules import CallRules
from signaling.service import Attachment, Service
from signaling.state import Moment
from tests.fakes.engine import FakeEngine
from tests.fakes.records import MemoryRecords


class Socket:
    """A connection; it answers offers."""

    def __init__(self) -> None:
        self.got: list[dict[str, object]] = []
        self.closed: int | None = None
        self.attachment: Attachment | None = None

    def send(self, frame: bytes) -> None:
        self.got.append(msgspec.json.decode(frame))

    def close(self, code: int, text: str = "") -> None:
        self.closed = code

    def kinds(self) -> list[object]:
        return [message["type"] for message in self.got]

    def last(self, kind: str) -> dict[str, object]:
        return next(message for message in reversed(self.got) if message["type"] == kind)

    async def say(self, message: ClientMessage) -> None:
        assert self.attachment is not None
        await self.attachment.receive(message)

    async def answer(self) -> None:
        offer = self.last("leg.offer")["offer"]
        assert isinstance(offer, dict)
        await self.say(LegAnswer(offer["leg_id"], offer["generation"], "answer"))

    @property
    def phase(self) -> object:
        call = self.last("call.updated")["call"]
        assert isinstance(call, dict)
        return call["phase"]

    @property
    def call_id(self) -> str:
        call = self.last("call.updated")["call"]
        assert isinstance(call, dict)
        return str(call["call_id"])


class Place:
    """A running service with its fakes."""

    def __init__(self, records: MemoryRecords | None = None, engine: FakeEngine | None = None) -> None:
        self.records, self.engine = records or MemoryRecords(), engine or FakeEngine()
        self.quality: list[tuple[str, str, QualityReport]] = []
        self.service = Service(
            self.engine,
            self.records,
            CallRules(),
            photo_token=lambda session_id: f"photo-{session_id}",
            on_quality=lambda *report: self.quality.append(report),
        )

    async def enter(self, admission: Admission) -> Socket:
        socket = Socket()
        socket.attachment = await self.service.attach(socket, admission)
        await settle()
        return socket

    async def customer(self) -> Socket:
        return await self.enter(Admission("customer", "shop"))

    async def agent(self, name: str = "Bo") -> Socket:
        self.records.store.accounts[name] = AgentAccount(name, name, name, "")
        socket = await self.enter(Admission("agent", person=Person(name), agent_id=name))
        await socket.say(AgentSetStatus("ready"))
        return socket

    async def talk(self) -> tuple[Socket, Socket]:
        bo, ana = await self.agent(), await self.customer()
        await ana.say(CallStart())
        await settle()
        for socket in (ana, bo):
            await socket.answer()
        await bo.say(CallAccept(ana.call_id))
        await settle()
        assert ana.phase == bo.phase == "active"
        return ana, bo


async def settle() -> None:
    """Let everything that is ready run; time does not pass."""
    for _ in range(60):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(place: Place) -> AsyncIterator[Place]:
    task = asyncio.create_task(place.service.run())
    await place.service.started()
    try:
        yield place
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with running(Place()) as place:
        yield place


async def test_a_whole_call(place: Place) -> None:
    ana, bo = await place.talk()
    media = place.engine.model.calls[ana.call_id]
    assert len(media.connected) == 2
    assert place.records.store.names(ana.call_id)[:4] == ["created", "queued", "ringing", "accepted"]
    assert place.service.counts()["calls_active"] == 1
    await bo.say(CallHangup(ana.call_id))
    await settle()
    assert ana.phase == bo.phase == "ended"
    assert place.engine.model.calls == {}
    assert place.service.performer._lanes == {}, "no lane is left"


async def test_before_it_is_restored_nobody_is_let_in() -> None:
    place = Place()
    with pytest.raises(RefusedError) as refused:
        await place.service.attach(Socket(), Admission("customer", "shop"))
    assert refused.value.close_code == 1012


async def test_nothing_is_said_before_it_is_written(place: Place) -> None:
    gate = asyncio.Event()
    write = place.records.write

    async def slow(change: Change) -> None:
        await gate.wait()
        await write(change)

    place.records.write = slow  # type: ignore[method-assign]
    ana = await place.customer()
    await ana.say(CallStart())
    await ana.say(Ping())
    await settle()
    assert ana.got == [], "not even what needs no writing overtakes"
    assert place.engine.model.opened == 0
    gate.set()
    await settle()
    assert ana.kinds()[:2] == ["welcome", "call.updated"]
    assert "pong" in ana.kinds()
    assert place.engine.model.opened == 1
    assert place.records.writes == 2, "what waited together is written together"


async def test_a_slow_leg_of_one_call_holds_up_no_other(place: Place) -> None:
    ana, eve = await place.customer(), await place.customer()
    place.service.switchboard.board.environment = calling_it(place, "slow-call")
    place.engine.gate["slow-call"] = asyncio.Event()
    await ana.say(CallStart())
    place.service.switchboard.board.environment = calling_it(place, "fast-call")
    await eve.say(CallStart())
    await settle()
    assert "leg.offer" not in ana.kinds()
    assert "leg.offer" in eve.kinds()
    place.engine.gate["slow-call"].set()
    await settle()
    assert "leg.offer" in ana.kinds()


def calling_it(place: Place, call_id: str) -> Environment:
    """The environment, with the next call's id known."""
    environment = place.service.switchboard.board.environment
    return replace(environment, new_id=lambda kind: call_id if kind == "call" else new_id(kind))


async def test_a_store_that_fails_for_good_ends_no_call_and_silences_nobody(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signaling.performer.WRITE_RETRIES", (0.0, 0.0))
    ana, bo = await place.talk()
    place.records.failing = 2
    await ana.say(CallMedia(ana.call_id, False, True))
    await settle()
    assert place.service.counts()["store_failures"] == 0, "tried again"
    place.records.failing = 10_000
    await bo.say(CallHangup(ana.call_id))
    await settle()
    assert ana.phase == "ended"
    assert place.service.counts()["store_failures"] == 1


async def test_a_fault_of_ours_ends_the_call_and_not_the_process(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, bo = await place.talk()
    eve = await place.customer()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("signaling.agents.set_status", broken)
        await bo.say(AgentSetStatus("away"))
    await settle()
    assert ana.phase == bo.phase == "ended"
    assert place.records.store.call(ana.call_id).reason == "internal"
    assert bo.last("error")["code"] == "internal"
    assert place.engine.model.calls == {}
    assert place.records.store.claims == {}
    await eve.say(CallStart())
    await settle()
    assert eve.phase == "ringing", "the agent is free again"


async def test_a_fault_while_somebody_comes_or_leaves_keeps_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("signaling.visits.snapshot", broken)
        with pytest.raises(RefusedError, match="internal"):
            await place.customer()
    board = place.service.switchboard.board
    assert not any(session.attached for session in board.sessions.values())
    bo = await place.agent()
    assert bo.attachment is not None
    bo.attachment.detach()
    with monkeypatch.context() as patch:
        patch.setattr("signaling.agents.stayed_away", broken)
        for key in board.timers.pending():
            board.timers.set(key, 0.0)
        await bo.attachment.refuse("bad_message", "any turn wakes the clock")
        await settle()
    assert not place.service.session_exists(bo.attachment.session_id)
    assert len(board.roster) == 0


async def test_a_call_whose_engine_hangs_is_given_up_when_its_lane_is_full(place: Place) -> None:
    ana, _ = await place.talk()
    call_id = ana.call_id
    hang = asyncio.Event()

    async def never(*_: object) -> None:
        await hang.wait()

    place.engine.mute = never  # type: ignore[method-assign]
    for _ in range(300):
        place.service.performer.submit([MuteLeg(call_id, "leg", "audio", True)])  # type: ignore[arg-type]
    await settle()
    assert place.records.store.call(call_id).reason == "internal"
    hang.set()


async def test_a_second_connection_replaces_the_first(place: Place) -> None:
    ana = await place.customer()
    again = Socket()
    token = str(ana.last("welcome")["resume_token"])
    again.attachment = await place.service.resume(again, Resume(token, 1))
    await settle()
    assert ana.closed == 4002
    assert again.kinds() == ["resumed"]
    assert ana.attachment is not None
    ana.attachment.detach()
    await again.say(Ping())
    assert again.kinds()[-1] == "pong"
    with pytest.raises(RefusedError, match="resume_failed"):
        await place.service.resume(Socket(), Resume("guess"))


async def test_a_worker_death_reaches_the_switchboard(place: Place) -> None:
    ana, _ = await place.talk()
    before = ana.last("leg.offer")
    place.engine.model.lose(ana.call_id)
    place.engine.tell()
    await settle()
    assert ana.last("leg.offer") != before
    assert ana.phase == "active"


async def test_a_restarted_process_goes_on_where_the_other_was_killed() -> None:
    first = Place()
    async with running(first):
        ana, bo = await first.talk()
        call_id, token = ana.call_id, str(ana.last("welcome")["resume_token"])
        agent_token = str(bo.last("welcome")["resume_token"])
    async with running(Place(first.records, first.engine)) as second:
        for socket, secret in ((ana, token), (bo, agent_token)):
            socket.got.clear()
            socket.attachment = await second.service.resume(socket, Resume(secret, 1_000))
        await settle()
        assert {*ana.kinds(), *bo.kinds()} <= {"resumed", "call.updated", "agent.state"}
        assert len(first.engine.model.calls[call_id].connected) == 2
        await bo.say(CallHangup(call_id))
        await settle()
        assert ana.phase == "ended"


async def test_the_edges_questions(place: Place) -> None:
    service = place.service
    ana, bo = await place.talk()
    assert ana.attachment is not None
    session_id, call_id = ana.attachment.session_id, ana.call_id
    assert service.in_call(session_id, call_id)
    assert not service.in_call(session_id, "other")
    assert not service.in_call("nobody", call_id)
    assert service.session_exists(session_id)
    assert service.agents_ready("shop")
    assert service.waiting("shop") == 0
    item = await service.photo_added(call_id, session_id, "p1", 10, 20)
    assert item.photo.endswith("p1")
    assert bo.last("chat.added")
    leg = ana.last("leg.offer")["offer"]
    assert isinstance(leg, dict)
    await ana.say(QualityReport(leg["leg_id"], rtt_ms=5.0))
    assert place.quality[0][:2] == (call_id, "customer")
    await ana.attachment.refuse("unknown_type", "what?", "call.dance")
    assert ana.last("error")["ref"] == "call.dance"
    service.drain(1.0)
    assert not service.drained
    await service.end_calls()
    assert service.drained
    assert place.records.store.call(call_id).reason == "shutdown"


async def test_a_created_call_is_written_before_its_link_is_given_out(place: Place) -> None:
    state = CallState("c1", "shop", "created", "video", "en", 0.0)
    await place.service.create_call(state)
    assert place.records.store.call("c1").phase == "created"
    with pytest.raises(RefusedError, match="wrong_state"):
        await place.service.create_call(state)


async def test_timers_run_by_themselves() -> None:
    place, clock = Place(), [Moment(0.0, 0.0)]
    place.service = Service(place.engine, place.records, CallRules(), photo_token=str, moment=lambda: clock[0])
    async with running(place):
        ana, eve = await place.customer(), await place.customer()
        assert ana.attachment is not None
        assert eve.attachment is not None
        ana.attachment.detach()
        clock[0] = Moment(60.0, 60.0)
        eve.attachment.detach()  # any turn wakes the clock
        await settle()
        assert place.service.counts()["sessions"] == 1
