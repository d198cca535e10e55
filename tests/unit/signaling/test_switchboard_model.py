"""The whole call domain under any order of events: what must always hold, and that nothing is left at the end."""

from typing import TypeVar

import msgspec
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from media.api import LegDisconnected, LegRecovered, LegState
from signaling.admission import RefusedError
from signaling.protocol import (
    AgentSetStatus,
    CallAccept,
    CallDecline,
    CallHangup,
    CallHold,
    CallMedia,
    CallRate,
    CallStart,
    ChatSend,
    LegRestart,
    Ping,
)
from signaling.rules import CallRules
from signaling.state import Call
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import customer, sign_in

CUSTOMERS, AGENTS = 3, 3
RULES = CallRules(ring_timeout=10.0, queue_timeout=120.0, resume_window=30.0, waiting_grace=8.0, rering_pause=4.0)

which = st.integers(0, 10)


T = TypeVar("T")


def pick(ones: list[T], n: int) -> T:
    return ones[n % len(ones)]


def here(clients: list[Client]) -> list[Client]:
    return [client for client in clients if client.connection is not None]


def away(clients: list[Client]) -> list[Client]:
    return [client for client in clients if client.connection is None]


def idle(clients: list[Client]) -> list[Client]:
    return [client for client in here(clients) if client.phase in ("", "ended")]


def busy(clients: list[Client]) -> list[Client]:
    return [client for client in here(clients) if client.phase not in ("", "ended")]


def rung(clients: list[Client]) -> list[Client]:
    return [client for client in here(clients) if client.incoming]


class Calls(RuleBasedStateMachine):
    """Customers, agents, workers and the control process do what they like."""

    @initialize(customers=st.integers(1, CUSTOMERS), agents=st.integers(1, AGENTS), prompt=st.booleans())
    def open(self, customers: int, agents: int, prompt: bool) -> None:
        self.exchange = Exchange(RULES)
        self.prompt = prompt
        """Jobs are done at once; otherwise they wait for their rule, and overtake each other."""
        self.customers: list[Client] = []
        self.agents: list[Client] = []
        self.items = 0
        for _ in range(agents):
            self.an_agent_comes(())
        for _ in range(customers):
            self.a_customer_comes()

    def _after(self) -> None:
        if self.prompt:
            self.exchange.work_all()

    # --- people --------------------------------------------------------------------------------------------------

    @rule()
    @precondition(lambda self: len(self.customers) < CUSTOMERS)
    def a_customer_comes(self) -> None:
        self.customers.append(customer(self.exchange, f"customer{len(self.customers)}"))

    @rule(languages=st.sampled_from([(), ("en",), ("de",)]))
    @precondition(lambda self: len(self.agents) < AGENTS)
    def an_agent_comes(self, languages: tuple[str, ...]) -> None:
        client = Client(f"agent{len(self.agents)}")
        sign_in(self.exchange, client, languages)
        client.say(AgentSetStatus("ready"))
        self.agents.append(client)
        self._after()

    @rule(n=which, status=st.sampled_from(["ready", "ready", "away"]))
    @precondition(lambda self: here(self.agents))
    def status(self, n: int, status: str) -> None:
        pick(here(self.agents), n).say(AgentSetStatus(status))
        self._after()

    @rule(n=which, language=st.sampled_from(["en", "de"]))
    @precondition(lambda self: idle(self.customers))
    def start(self, n: int, language: str) -> None:
        client = pick(idle(self.customers), n)
        client.say(CallStart("video", language, client.name))
        self._after()

    @rule(n=which)
    @precondition(lambda self: here(self.customers))
    def start_in_any_state(self, n: int) -> None:
        pick(here(self.customers), n).say(CallStart("audio"))
        self._after()

    @rule(n=which)
    @precondition(lambda self: rung(self.agents))
    def accept(self, n: int) -> None:
        client = pick(rung(self.agents), n)
        client.say(CallAccept(next(iter(client.incoming))))
        self._after()

    @rule()
    @precondition(lambda self: len(rung(self.agents)) > 1)
    def all_accept(self) -> None:
        for client in rung(self.agents):
            client.say(CallAccept(next(iter(client.incoming))))
        self._after()

    @rule(n=which)
    @precondition(lambda self: here(self.agents) and self.exchange.switchboard.board.calls)
    def accept_whatever(self, n: int) -> None:
        pick(here(self.agents), n).say(CallAccept(pick(list(self.exchange.switchboard.board.calls), n)))
        self._after()

    @rule(n=which)
    @precondition(lambda self: rung(self.agents))
    def decline(self, n: int) -> None:
        client = pick(rung(self.agents), n)
        client.say(CallDecline(next(iter(client.incoming))))
        self._after()

    @rule(n=which, on=st.booleans())
    @precondition(lambda self: busy(self.agents))
    def hold(self, n: int, on: bool) -> None:
        client = pick(busy(self.agents), n)
        client.say(CallHold(client.call_id, on))
        self._after()

    @rule(n=which)
    @precondition(lambda self: busy(self._everyone()))
    def hang_up(self, n: int) -> None:
        client = pick(busy(self._everyone()), n)
        client.say(CallHangup(client.call_id))
        self._after()

    @rule(n=which, audio=st.booleans(), video=st.booleans())
    @precondition(lambda self: busy(self._everyone()))
    def mute(self, n: int, audio: bool, video: bool) -> None:
        client = pick(busy(self._everyone()), n)
        client.say(CallMedia(client.call_id, audio, video))
        self._after()

    @rule(n=which)
    @precondition(lambda self: busy(self._everyone()))
    def chat(self, n: int) -> None:
        client = pick(busy(self._everyone()), n)
        self.items += 1
        client.say(ChatSend(client.call_id, f"item{self.items}", "hello"))

    @rule(n=which, stars=st.integers(1, 5))
    @precondition(lambda self: [one for one in here(self.customers) if one.call])
    def rate(self, n: int, stars: int) -> None:
        client = pick([one for one in here(self.customers) if one.call], n)
        client.say(CallRate(client.call_id, stars))

    @rule(n=which)
    @precondition(lambda self: here(self._everyone()))
    def ping(self, n: int) -> None:
        client = pick(here(self._everyone()), n)
        client.say(Ping(1.0, client.last_seq))

    # --- connections ---------------------------------------------------------------------------------------------

    @rule(n=which)
    @precondition(lambda self: here(self._everyone()))
    def drop(self, n: int) -> None:
        self.exchange.drop(pick(here(self._everyone()), n))
        self._after()

    @rule(n=which, fresh=st.booleans())
    @precondition(lambda self: away(self._everyone()))
    def come_back(self, n: int, fresh: bool) -> None:
        self._resume(pick(away(self._everyone()), n), fresh)
        self._after()

    @rule(n=which, fresh=st.booleans())
    @precondition(lambda self: here(self._everyone()))
    def refresh(self, n: int, fresh: bool) -> None:
        self._resume(pick(here(self._everyone()), n), fresh)
        self._after()

    @rule(fresh=st.booleans())
    @precondition(lambda self: away(self._everyone()))
    def all_come_back(self, fresh: bool) -> None:
        for client in away(self._everyone()):
            self._resume(client, fresh)
        self._after()

    def _resume(self, client: Client, fresh: bool) -> None:
        try:
            self.exchange.resume(client, fresh)
        except RefusedError as refusal:
            if refusal.code != "rate_limited":
                self._sign_in_again(client)

    def _sign_in_again(self, client: Client) -> None:
        assert client.session_id not in self.exchange.switchboard.board.sessions
        client.forget()
        if client in self.agents:
            sign_in(self.exchange, client)
        else:
            self.customers[self.customers.index(client)] = customer(self.exchange, client.name)

    @rule(n=which)
    @precondition(lambda self: self.agents)
    def sign_in_elsewhere(self, n: int) -> None:
        client = pick(self.agents, n)
        elsewhere = Client(client.name)
        sign_in(self.exchange, elsewhere)
        assert client.connection is None
        self.agents[self.agents.index(client)] = elsewhere
        self._after()

    @rule(n=which, replace=st.booleans())
    @precondition(lambda self: [one for one in busy(self._everyone()) if one.offers])
    def restart_leg(self, n: int, replace: bool) -> None:
        client = pick([one for one in busy(self._everyone()) if one.offers], n)
        client.say(LegRestart(list(client.offers)[-1], replace))
        self._after()

    @rule(n=which)
    @precondition(lambda self: self._everyone())
    def answer_offers_or_not(self, n: int) -> None:
        client = pick(self._everyone(), n)
        client.answers = not client.answers

    # --- trouble and time ----------------------------------------------------------------------------------------

    @rule(n=which)
    @precondition(lambda self: self.exchange.media.calls)
    def a_worker_dies(self, n: int) -> None:
        self.exchange.media.lose(pick(list(self.exchange.media.calls), n))
        self.exchange.tell_media()
        self._after()

    @rule(n=which)
    @precondition(lambda self: self.exchange.media.calls)
    def a_leg_fails(self, n: int) -> None:
        self.exchange.media.fail(*pick(self._legs(), n))
        self.exchange.tell_media()
        self._after()

    @rule(n=which, back=st.booleans())
    @precondition(lambda self: self.exchange.media.calls)
    def a_leg_is_silent(self, n: int, back: bool) -> None:
        call_id, leg_id = pick(self._legs(), n)
        if self.exchange.media.calls[call_id].legs[leg_id].state == LegState.CONNECTED:
            event = (LegRecovered if back else LegDisconnected)(call_id, leg_id)
            self.exchange.do(self.exchange.switchboard.media(self.exchange.at, event))

    @rule(full=st.booleans())
    def workers_are_full(self, full: bool) -> None:
        self.exchange.media.full = full

    @rule()
    def control_restarts(self) -> None:
        self.exchange.restart()
        self._after()

    @rule(n=which)
    @precondition(lambda self: self.exchange.lanes)
    def one_job(self, n: int) -> None:
        self.exchange.work(pick(list(self.exchange.lanes), n))

    @rule()
    @precondition(lambda self: self.exchange.lanes)
    def all_jobs(self) -> None:
        self.exchange.work_all()

    @rule(seconds=st.sampled_from([0.1, 0.5, 3.0, 5.0, 11.0, 40.0, 130.0]))
    def time_passes(self, seconds: float) -> None:
        self.exchange.advance(seconds)

    # --- what always holds ---------------------------------------------------------------------------------------

    @invariant()
    def agents_are_in_one_call_at_most(self) -> None:
        board = self.exchange.switchboard.board
        for agent in board.roster:
            in_calls = [call for call in board.calls.values() if call.agent and call.agent.agent_id == agent.agent_id]
            rings = [call for call in board.calls.values() if agent.agent_id in call.ringers]
            assert len(in_calls) + len(rings) <= 1
            assert agent.call_id == (in_calls[0].call_id if in_calls else "")
            assert agent.ringing == (rings[0].call_id if rings else "")
        for call in board.calls.values():
            if call.state.phase in ("active", "on_hold"):
                assert call.agent is not None
                assert not call.ringers
                assert board.roster.get(call.agent.agent_id) is not None
                assert self.exchange.store.claims[call.call_id] == call.agent.agent_id
            else:
                assert call.agent is None
                assert bool(call.ringers or call.claiming) == (call.state.phase == "ringing")

    @invariant()
    def sessions_and_calls_agree(self) -> None:
        board = self.exchange.switchboard.board
        sides = {one.session_id: call.call_id for call in board.calls.values() for one in call.participants()}
        assert sides == {key: session.call_id for key, session in board.sessions.items() if session.call_id}
        assert len(board.tokens) == len(board.sessions)

    @invariant()
    def memory_is_what_the_store_holds(self) -> None:
        board, store = self.exchange.switchboard.board, self.exchange.store
        for call in board.calls.values():
            assert msgspec.json.encode(call.state) == store.calls[call.call_id]
        for call_id in store.calls.keys() - board.calls.keys():
            assert store.call(call_id).phase == "ended"
        assert set(store.sessions) == set(board.sessions)

    @invariant()
    def pages_see_what_is(self) -> None:
        board = self.exchange.switchboard.board
        for client in self._everyone():
            session = board.sessions.get(client.session_id)
            if client.connection is None or session is None:
                continue
            call = board.calls.get(session.call_id)
            if call is None:
                assert client.phase in ("", "ended")
            else:
                assert (client.call_id, client.phase) == (call.call_id, call.state.phase)
                assert client.call is not None
                assert client.call.get("position", 0) == (call.position if call.state.phase == "waiting" else 0)
            agent = board.roster.get(session.state.agent_id) if session.state.role == "agent" else None
            assert list(client.incoming) == ([agent.ringing] if agent and agent.ringing else [])

    @invariant()
    def waiting_customers_ring_where_they_can(self) -> None:
        exchange = self.exchange
        board = exchange.switchboard.board
        for call in board.calls.values():
            if call.state.phase != "waiting":
                continue
            free = [agent.agent_id for agent in board.roster if agent.free]
            willing = [agent_id for agent_id in free if agent_id not in call.state.declined] or free
            assert all(call.paused.get(agent_id, 0.0) > exchange.now for agent_id in willing)

    @invariant()
    def nothing_is_left_of_what_is_over(self) -> None:
        exchange = self.exchange
        board = exchange.switchboard.board
        for key in board.timers.pending():
            assert key.subject in board.calls or key.subject in board.sessions
        if not exchange.lanes and not exchange.media.happened:
            assert exchange.media.calls.keys() <= board.calls.keys()
            assert exchange.store.claims.keys() <= board.calls.keys()
            for call_id, media in exchange.media.calls.items():
                known = {leg.leg_id for one in board.calls[call_id].everyone() for leg in one.legs()}
                assert media.legs.keys() <= known

    @invariant()
    def who_talks_is_connected(self) -> None:
        exchange = self.exchange
        if exchange.lanes or exchange.media.happened:
            return
        for call in exchange.switchboard.board.calls.values():
            media = exchange.media.calls.get(call.call_id)
            if call.state.phase not in ("active", "on_hold"):
                assert media is None or not media.connected
            elif media is not None and len(media.connected) == 2:
                assert media.held == (call.state.phase == "on_hold")
                self._mutes_hold(call)
            if call.state.phase == "active" and self._both_legs_work(call):
                assert media is not None
                assert len(media.connected) == 2

    def _both_legs_work(self, call: Call) -> bool:
        media = self.exchange.media.calls.get(call.call_id)
        legs = [one.current for one in call.participants()]
        return media is not None and all(
            leg is not None and leg.leg_id in media.legs and media.legs[leg.leg_id].state == LegState.CONNECTED
            for leg in legs
        )

    def _mutes_hold(self, call: Call) -> None:
        media = self.exchange.media.calls[call.call_id]
        for one in call.participants():
            if one.current is not None and one.current.leg_id in media.connected:
                muted = {kind.value for kind in media.legs[one.current.leg_id].muted}
                said = {kind for kind, on in zip(("audio", "video"), one.sending, strict=True) if not on}
                assert muted == said

    def teardown(self) -> None:
        if not hasattr(self, "exchange"):
            return
        exchange = self.exchange
        for client in self._everyone():
            exchange.drop(client)
        exchange.advance(7200.0)
        board = exchange.switchboard.board
        assert not board.calls
        assert not board.sessions
        assert not board.tokens
        assert len(board.roster) == 0
        assert len(board.timers) == 0
        assert not exchange.media.calls
        assert not exchange.store.claims
        assert not exchange.store.sessions

    def _everyone(self) -> list[Client]:
        return [*self.customers, *self.agents]

    def _legs(self) -> list[tuple[str, str]]:
        return [(call_id, leg_id) for call_id, call in self.exchange.media.calls.items() for leg_id in call.legs]


TestCalls = Calls.TestCase
TestCalls.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
