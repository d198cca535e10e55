"""Sessions that break and come back, and those that do not."""

import pytest

from signaling.admission import Admission, RefusedError
from signaling.protocol import AgentSetStatus, AgentState, CallAccept, Person, Ping, Resume
from signaling.rules import CallRules
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import accept, agent, customer, sign_in, start, talk


def refusal(exchange: Exchange, token: str, version: int = 1) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        exchange.switchboard.resume(exchange.at, 99_999, Resume(token, version=version))
    return refused.value


def test_what_was_missed_is_replayed_in_order() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.drop(ana)
    bo.write("m1", "still there?")
    bo.write("m2", "hello?")
    exchange.resume(ana)
    assert ana.last("resumed")["replayed"]
    assert list(ana.chat) == ["m1", "m2"]


def test_a_refreshed_page_gets_a_snapshot_with_the_conversation() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.write("m1", "hello")
    exchange.resume(ana, fresh=True)
    assert not ana.last("resumed")["replayed"]
    assert (ana.phase, list(ana.chat)) == ("active", ["m1"])


def test_who_missed_too_much_gets_the_snapshot_and_the_open_offer() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    ana.answers = False
    start(ana)
    seen = ana.last_seq
    exchange.drop(ana)
    session = exchange.switchboard.board.sessions[ana.session_id]
    for _ in range(300):
        session.number(AgentState(0, "ready", 1))
    ana.last_seq = seen
    offers = len(ana.all("leg.offer"))
    exchange.resume(ana)
    assert not ana.last("resumed")["replayed"]
    assert len(ana.all("leg.offer")) == offers + 1


def test_a_second_connection_replaces_the_first() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    old = ana.connection
    exchange.resume(ana)
    assert old is not None
    assert old not in exchange.clients
    exchange.do(exchange.switchboard.detach(exchange.at, ana.session_id, old))
    exchange.do(exchange.switchboard.receive(exchange.at, ana.session_id, old, Ping()))
    assert exchange.switchboard.board.sessions[ana.session_id].attached, "the old one's end means nothing any more"


def test_tokens_that_are_wrong_or_over_are_refused() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    assert refusal(exchange, "guess").code == "resume_failed"
    assert refusal(exchange, ana.token, version=9).code == "version"
    exchange.drop(ana)
    exchange.advance(exchange.rules.resume_window)
    assert refusal(exchange, ana.token).close_code == 4003
    assert exchange.store.sessions == {}


def test_resuming_is_limited_in_rate() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    for _ in range(10):
        exchange.resume(ana)
    assert refusal(exchange, ana.token).code == "rate_limited"
    exchange.advance(2.0)
    exchange.resume(ana)


def test_ping_is_answered_and_forgets_what_was_seen() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    assert ana.say(Ping(2.5, ana.last_seq)) == [{"type": "pong", "t": 2.5}]
    assert len(exchange.switchboard.board.sessions[ana.session_id].replay) == 0


def test_a_flood_is_told_once_then_closed_and_other_calls_go_on() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    eve = customer(exchange, "Eve")
    for _ in range(400):
        if eve.connection is None:
            break
        eve.say(Ping())
    assert (eve.errors, eve.closed) == (["rate_limited"], 4008)
    assert (ana.phase, bo.phase) == ("active", "active")


def test_what_cannot_be_understood_is_answered_and_counted() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    for _ in range(70):
        assert ana.connection is not None
        board = exchange.switchboard
        exchange.do(board.refuse(exchange.at, ana.session_id, ana.connection, "bad_message", "not JSON", ""))
    assert ana.errors[:2] == ["bad_message"] * 2
    assert ana.errors.count("rate_limited") == 1


def test_sessions_are_bounded() -> None:
    exchange = Exchange(CallRules(max_sessions=1))
    customer(exchange)
    with pytest.raises(RefusedError, match="at_capacity"):
        customer(exchange, "Eve")


def test_a_waiting_customer_who_vanishes_is_given_up_after_a_short_grace() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    start(ana)
    exchange.drop(ana)
    exchange.advance(exchange.rules.waiting_grace - 1.0)
    assert exchange.store.call(ana.call_id).phase == "waiting"
    exchange.advance(2.0)
    assert exchange.store.call(ana.call_id).reason == "abandoned"
    exchange.resume(ana)
    assert ana.call["reason"] == "abandoned", "the session itself lives for its whole window"


def test_a_customer_in_a_call_has_the_whole_window() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.drop(ana)
    assert bo.call["peer_connected"] is False
    exchange.advance(exchange.rules.resume_window - 1.0)
    assert bo.phase == "active"
    exchange.resume(ana)
    assert "peer_connected" not in bo.call
    exchange.drop(ana)
    exchange.advance(exchange.rules.resume_window)
    assert (bo.phase, bo.call["reason"]) == ("ended", "connection_lost")
    assert bo.last("agent.state")["status"] == "ready"


def test_an_agent_who_drops_keeps_the_call_within_the_window() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.drop(bo)
    assert ana.call["peer_connected"] is False
    exchange.advance(30.0)
    exchange.resume(bo)
    exchange.work_all()
    assert (ana.phase, bo.phase) == ("active", "active")
    assert "peer_connected" not in ana.call


def test_a_customer_is_not_lost_by_an_agents_laptop() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    eve = customer(exchange, "Eve")
    start(eve)
    exchange.drop(bo)
    exchange.advance(exchange.rules.resume_window)
    assert (ana.phase, ana.call["position"], eve.call["position"]) == ("waiting", 1, 2)
    assert exchange.media.calls[ana.call_id].connected == ()
    assert exchange.store.claims == {}
    cy = agent(exchange, "Cy")
    assert list(cy.incoming) == [ana.call_id]
    accept(cy)
    assert (ana.phase, ana.call["peer"]["name"]) == ("active", "Cy")
    assert exchange.store.call(ana.call_id).agent_id == "cy"


def test_if_both_are_gone_the_call_is_over() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.drop(bo)
    exchange.advance(1.0)
    exchange.drop(ana)
    exchange.advance(exchange.rules.resume_window)
    assert exchange.store.call(ana.call_id).reason == "connection_lost"


def test_an_agent_who_stayed_away_is_away() -> None:
    exchange = Exchange()
    bo = agent(exchange)
    exchange.drop(bo)
    exchange.advance(exchange.rules.resume_window)
    assert exchange.store.statuses["bo"] == "away"
    sign_in(exchange, bo)
    assert bo.last("welcome")["snapshot"]["status"] == "away"


def test_signing_in_elsewhere_takes_the_call_along() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    phone = Client("Bo")
    sign_in(exchange, phone)
    exchange.work_all()
    assert bo.closed == 4002
    assert (phone.phase, ana.phase) == ("active", "active")
    assert exchange.media.calls[ana.call_id].connected == (*ana.offers, *phone.offers)
    assert phone.last("welcome")["snapshot"]["status"] == "busy"
    assert exchange.store.call(ana.call_id).agent_session == phone.session_id
    assert refusal(exchange, bo.token).code == "resume_failed"


def test_signing_in_elsewhere_while_it_rings_takes_the_ring_along() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    phone = Client("Bo")
    sign_in(exchange, phone)
    assert list(phone.incoming) == [ana.call_id]
    phone.say(CallAccept(ana.call_id))
    exchange.work_all()
    assert (bo.closed, ana.phase, phone.phase) == (4002, "active", "active")


def test_draining_takes_no_new_calls_and_lets_the_others_finish() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    exchange.do(exchange.switchboard.drain(exchange.at, 123.0))
    assert ana.last("server.draining")["until"] == 123.0
    eve = customer(exchange, "Eve")
    assert eve.last("server.draining")
    start(eve)
    assert (eve.errors, exchange.switchboard.drained) == (["at_capacity"], False)
    ana.hang_up()
    assert exchange.switchboard.drained


def test_a_shutdown_ends_every_call_and_says_so() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    eve = customer(exchange, "Eve")
    start(eve)
    exchange.do(exchange.switchboard.end_calls(exchange.at))
    exchange.work_all()
    assert {client.call["reason"] for client in (ana, bo, eve)} == {"shutdown"}
    assert exchange.switchboard.drained
    assert exchange.media.calls == {}


def test_a_status_is_told_once() -> None:
    exchange = Exchange()
    bo = agent(exchange)
    told = len(bo.all("agent.state"))
    bo.say(AgentSetStatus("ready"))
    assert len(bo.all("agent.state")) == told


def test_a_customer_may_be_named_by_the_shop_only() -> None:
    exchange = Exchange()
    bo = agent(exchange)
    ana = Client("Mallory")
    exchange.hello(ana, Admission("customer", "shop", _signed(), customer_id="c1"))
    start(ana)
    assert bo.incoming[ana.call_id]["peer"] == {"name": "Ana", "verified": True}
    assert exchange.store.call(ana.call_id).customer_id == "c1"


def _signed() -> Person:
    return Person("Ana", verified=True)
