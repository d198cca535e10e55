"""The whole call domain under any order of events: what must always hold, and that nothing is left at the end."""

from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import initialize, precondition, rule

from media.api import LegDisconnected, LegRecovered, LegState
from signaling.admission import RefusedError
from signaling.policy import CallPolicy
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
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import customer, sign_in
from tests.unit.signaling.model_keeping import POLICIES, Keeping
from tests.unit.signaling.model_people import away, busy, here, idle, pick, rung, which

CUSTOMERS, AGENTS = 3, 3
RULES = CallRules(ring_timeout=10.0, queue_timeout=120.0, resume_window=30.0, waiting_grace=8.0, rering_pause=4.0)


class Calls(Keeping):
    """Customers, agents, workers and the control process do what they like."""

    @initialize(
        customers=st.integers(1, CUSTOMERS),
        agents=st.integers(1, AGENTS),
        prompt=st.booleans(),
        policy=st.sampled_from(POLICIES),
    )
    def open(self, customers: int, agents: int, prompt: bool, policy: CallPolicy) -> None:
        self.exchange = Exchange(RULES)
        self.prompt = prompt
        """Jobs are done at once; otherwise they wait for their rule, and overtake each other."""
        self.customers: list[Client] = []
        self.agents: list[Client] = []
        self.items = 0
        self.policy = policy
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
        self.customers.append(customer(self.exchange, f"customer{len(self.customers)}", policy=self.policy))

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

    @rule(n=which)
    @precondition(
        lambda self: idle(self.customers) and any(agent.free for agent in self.exchange.switchboard.board.roster)
    )
    def a_call_is_answered(self, n: int) -> None:
        self.start(n, "en")
        self.exchange.work_all()
        if rung(self.agents):
            self.accept(n)
        self.exchange.work_all()

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
    @precondition(lambda self: busy(self.everyone()))
    def hang_up(self, n: int) -> None:
        client = pick(busy(self.everyone()), n)
        client.say(CallHangup(client.call_id))
        self._after()

    @rule(n=which, audio=st.booleans(), video=st.booleans())
    @precondition(lambda self: busy(self.everyone()))
    def mute(self, n: int, audio: bool, video: bool) -> None:
        client = pick(busy(self.everyone()), n)
        client.say(CallMedia(client.call_id, audio, video))
        self._after()

    @rule(n=which)
    @precondition(lambda self: busy(self.everyone()))
    def chat(self, n: int) -> None:
        client = pick(busy(self.everyone()), n)
        self.items += 1
        client.say(ChatSend(client.call_id, f"item{self.items}", "hello"))

    @rule(n=which, stars=st.integers(1, 5))
    @precondition(lambda self: [one for one in here(self.customers) if one.call])
    def rate(self, n: int, stars: int) -> None:
        client = pick([one for one in here(self.customers) if one.call], n)
        client.say(CallRate(client.call_id, stars))

    @rule(n=which)
    @precondition(lambda self: here(self.everyone()))
    def ping(self, n: int) -> None:
        client = pick(here(self.everyone()), n)
        client.say(Ping(1.0, client.last_seq))

    # --- connections ---------------------------------------------------------------------------------------------

    @rule(n=which)
    @precondition(lambda self: here(self.everyone()))
    def drop(self, n: int) -> None:
        self.exchange.drop(pick(here(self.everyone()), n))
        self._after()

    @rule(n=which, fresh=st.booleans())
    @precondition(lambda self: away(self.everyone()))
    def come_back(self, n: int, fresh: bool) -> None:
        self._resume(pick(away(self.everyone()), n), fresh)
        self._after()

    @rule(n=which, fresh=st.booleans())
    @precondition(lambda self: here(self.everyone()))
    def refresh(self, n: int, fresh: bool) -> None:
        self._resume(pick(here(self.everyone()), n), fresh)
        self._after()

    @rule(n=which)
    @precondition(lambda self: busy(self.agents))
    def an_agent_stays_away(self, n: int) -> None:
        self.exchange.drop(pick(busy(self.agents), n))
        self.exchange.advance(RULES.resume_window)

    @rule(fresh=st.booleans())
    @precondition(lambda self: away(self.everyone()))
    def all_come_back(self, fresh: bool) -> None:
        for client in away(self.everyone()):
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
            self.customers[self.customers.index(client)] = customer(self.exchange, client.name, policy=self.policy)

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
    @precondition(lambda self: [one for one in busy(self.everyone()) if one.offers])
    def restart_leg(self, n: int, replace: bool) -> None:
        client = pick([one for one in busy(self.everyone()) if one.offers], n)
        client.say(LegRestart(list(client.offers)[-1], replace))
        self._after()

    @rule(n=which)
    @precondition(lambda self: self.everyone())
    def answer_offers_or_not(self, n: int) -> None:
        client = pick(self.everyone(), n)
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

    @rule(n=which, paused=st.booleans())
    @precondition(lambda self: self.exchange.media.calls)
    def a_link_is_narrow(self, n: int, paused: bool) -> None:
        self.exchange.media.limit(*pick(self._legs(), n), paused)
        self.exchange.tell_media()

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

    def teardown(self) -> None:
        if not hasattr(self, "exchange"):
            return
        exchange = self.exchange
        for client in self.everyone():
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
        assert not board.finishing
        assert {row.state for row in exchange.store.recordings.values()} <= {"ended", "failed"}
        assert exchange.photos == {still.photo_id for still in exchange.store.stills.values() if still.photo_id}

    def _legs(self) -> list[tuple[str, str]]:
        return [(call_id, leg_id) for call_id, call in self.exchange.media.calls.items() for leg_id in call.legs]


TestCalls = Calls.TestCase
TestCalls.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
