"""From the customer's click to the answer: queue, rounds of ringing, and the claim."""

from signaling.protocol import AgentSetStatus, CallAccept, CallDecline, CallHangup, CallStart, Context
from signaling.records import CallState
from signaling.rules import CallRules
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import SITE, accept, agent, customer, start, talk


def gone(client: Client) -> str:
    return str(client.last("call.gone")["reason"])


def test_a_call_waits_then_rings_then_is_active_with_media_ready_before_the_answer() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    start(ana)
    assert (ana.phase, ana.call and ana.call["position"]) == ("waiting", 1)
    assert len(ana.offers) == 1, "media connects while waiting"
    bo = agent(exchange)
    assert ana.phase == "ringing"
    assert len(bo.offers) == 1, "media connects at ring"
    assert exchange.media.connects == []
    accept(bo)
    assert ana.phase == bo.phase == "active"
    assert ana.call["peer"]["name"] == "Bo"
    assert bo.call["peer"]["name"] == "Ana"
    assert exchange.media.connects == [(ana.call_id, (*ana.offers, *bo.offers))]
    assert exchange.store.names(ana.call_id) == ["created", "queued", "ringing", "accepted", "connected"]


def test_the_customer_hears_of_waiting_even_when_it_rings_at_once() -> None:
    exchange = Exchange()
    agent(exchange)
    ana = customer(exchange)
    start(ana)
    assert [message["call"]["phase"] for message in ana.all("call.updated")] == ["waiting", "ringing"]


def test_two_ring_and_only_one_wins() -> None:
    exchange = Exchange()
    bo, cy, ana = agent(exchange, "Bo"), agent(exchange, "Cy"), customer(exchange)
    start(ana)
    call_id = ana.call_id
    assert bo.incoming
    assert cy.incoming
    bo.say(CallAccept(call_id))
    cy.say(CallAccept(call_id))
    assert ana.phase == "ringing", "nobody has it before the records say so"
    exchange.work_all()
    assert (bo.phase, cy.phase) == ("active", "")
    assert gone(cy) == "answered_elsewhere"
    assert exchange.store.claims == {call_id: "bo"}
    assert set(exchange.media.calls[call_id].legs) == {*ana.offers, *bo.offers}, "the loser's leg is closed"


def test_media_is_joined_only_after_the_claim_is_won() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    exchange.store.claims["another call"] = "bo"  # another control process was faster
    accept(bo)
    assert exchange.media.connects == []
    assert (ana.phase, bo.phase, gone(bo)) == ("waiting", "", "answered_elsewhere")


def test_no_more_than_ring_agents_ring_at_once_longest_idle_first() -> None:
    exchange = Exchange(CallRules(ring_agents=2))
    agents = []
    for name in ("Al", "Bo", "Cy"):
        agents.append(agent(exchange, name))
        exchange.advance(1.0)
    start(customer(exchange))
    assert [bool(one.incoming) for one in agents] == [True, True, False]


def test_a_speaker_of_the_language_is_rung_and_others_only_without_one() -> None:
    exchange = Exchange()
    german, english = agent(exchange, "De", ("de",)), agent(exchange, "En", ("en",))
    ana = customer(exchange)
    start(ana, "de-AT")
    assert german.incoming
    assert not english.incoming
    german.say(CallDecline(ana.call_id))
    assert english.incoming, "a preference, not a wall"


def test_agents_of_another_site_are_not_rung() -> None:
    exchange = Exchange()
    other = agent(exchange, "Ot", sites=("elsewhere",))
    ana = customer(exchange)
    start(ana)
    assert not other.incoming
    assert ana.phase == "waiting"
    assert other.last("agent.state")["waiting"] == 0


def test_who_declines_is_not_rung_again_while_another_is_there() -> None:
    exchange = Exchange(CallRules(ring_agents=1, ring_timeout=20.0))
    bo, cy, ana = agent(exchange, "Bo"), agent(exchange, "Cy"), customer(exchange)
    start(ana)
    bo.say(CallDecline(ana.call_id))
    assert gone(bo) == "declined"
    assert cy.incoming
    exchange.advance(15.0)
    assert not bo.incoming
    exchange.advance(10.0)
    assert gone(cy) == "unanswered"
    exchange.advance(10.0)
    assert cy.incoming, "who let it ring comes before who said no"
    assert not bo.incoming


def test_a_lone_decliner_is_rung_again_after_a_pause() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    bo.say(CallDecline(ana.call_id))
    assert (ana.phase, bool(bo.incoming)) == ("waiting", False)
    exchange.advance(exchange.rules.rering_pause)
    assert (ana.phase, bool(bo.incoming)) == ("ringing", True)


def test_a_round_that_nobody_answers_goes_to_the_next_agents() -> None:
    exchange = Exchange(CallRules(ring_agents=1))
    bo, cy, ana = agent(exchange, "Bo"), agent(exchange, "Cy"), customer(exchange)
    start(ana)
    exchange.advance(exchange.rules.ring_timeout)
    assert gone(bo) == "unanswered"
    assert cy.incoming
    exchange.advance(exchange.rules.ring_timeout)
    assert ana.phase in ("ringing", "waiting")
    assert "ring_timeout" in exchange.store.names(ana.call_id)


def test_an_accept_in_the_last_moment_is_decided_before_the_round_ends() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    bo.say(CallAccept(ana.call_id))
    exchange.now += exchange.rules.ring_timeout
    exchange.do(exchange.switchboard.tick(exchange.at))
    assert ana.phase == "ringing"
    exchange.work_all()
    assert ana.phase == bo.phase == "active"


def test_a_customer_nobody_answers_is_told_in_the_end() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    start(ana)
    exchange.advance(exchange.rules.queue_timeout)
    assert (ana.phase, ana.call and ana.call["reason"]) == ("ended", "unanswered")
    assert exchange.media.calls == {}


def test_positions_move_up_and_agents_see_the_queue() -> None:
    exchange = Exchange()
    bo = agent(exchange, ready=False)
    ana, eve = customer(exchange, "Ana"), customer(exchange, "Eve")
    start(ana)
    exchange.advance(1.0)
    start(eve)
    assert (ana.call["position"], eve.call["position"]) == (1, 2)
    assert bo.last("agent.state")["waiting"] == 2
    ana.hang_up()
    assert (ana.call["reason"], eve.call["position"]) == ("abandoned", 1)
    assert bo.last("agent.state")["waiting"] == 1


def test_who_waits_longest_is_rung_for_first() -> None:
    exchange = Exchange()
    ana, eve = customer(exchange, "Ana"), customer(exchange, "Eve")
    start(ana)
    exchange.advance(1.0)
    start(eve)
    bo = agent(exchange)
    assert list(bo.incoming) == [ana.call_id]
    assert (ana.phase, eve.phase) == ("ringing", "waiting")


def test_a_busy_agent_is_never_rung_and_is_again_after_the_call() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    eve = customer(exchange, "Eve")
    start(eve)
    assert (eve.phase, bo.incoming) == ("waiting", {})
    assert bo.last("agent.state")["status"] == "busy"
    ana.hang_up()
    assert (eve.phase, list(bo.incoming)) == ("ringing", [eve.call_id])


def test_an_agent_who_goes_away_is_not_rung_and_stops_ringing() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    bo.say(AgentSetStatus("away"))
    assert (gone(bo), ana.phase) == ("declined", "waiting")
    exchange.advance(60.0)
    assert not bo.incoming
    bo.say(AgentSetStatus("ready"))
    assert bo.incoming


def test_a_disconnected_agent_is_not_rung_but_keeps_ringing_through_a_refresh() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    exchange.drop(bo)
    exchange.resume(bo, fresh=True)
    exchange.work_all()
    assert list(bo.incoming) == [ana.call_id]
    accept(bo)
    assert ana.phase == "active"
    cy = agent(exchange, "Cy")
    exchange.drop(cy)
    eve = customer(exchange, "Eve")
    start(eve)
    assert eve.phase == "waiting"


def test_another_agent_is_rung_beside_one_whose_connection_broke() -> None:
    exchange = Exchange(CallRules(ring_agents=1))
    bo, cy, ana = agent(exchange, "Bo"), agent(exchange, "Cy"), customer(exchange)
    start(ana)
    exchange.drop(bo)
    assert list(cy.incoming) == [ana.call_id]


def test_a_customer_who_leaves_while_it_rings_frees_the_agent() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    ana.say(CallHangup(ana.call_id))
    assert gone(bo) == "customer_left"
    assert (ana.phase, ana.call["reason"]) == ("ended", "abandoned")
    assert exchange.store.call(ana.call_id).ended_by == "customer"


def test_a_customer_who_leaves_during_the_claim_leaves_no_claim() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    bo.say(CallAccept(ana.call_id))
    ana.hang_up()
    exchange.work_all()
    assert exchange.store.claims == {}
    assert bo.phase == ""
    start(ana)
    accept(bo)
    assert ana.phase == "active"


def test_an_agent_in_a_call_cannot_accept_another() -> None:
    exchange = Exchange()
    _, bo = talk(exchange)
    eve = customer(exchange, "Eve")
    start(eve)
    bo.say(CallAccept(eve.call_id))
    assert bo.errors == ["not_allowed"]


def test_an_accept_that_comes_late_is_told_so() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    call_id = ana.call_id
    exchange.advance(exchange.rules.ring_timeout)
    bo.say(CallAccept(call_id))
    assert bo.errors == ["wrong_state"]
    ana.hang_up()
    bo.say(CallAccept(call_id))
    assert bo.errors == ["wrong_state", "not_found"]


def test_requests_repeated_after_a_reconnect_are_no_errors() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    start(ana)
    accept(bo)
    bo.say(CallAccept(ana.call_id))
    assert ana.errors == bo.errors == []
    assert len(exchange.store.calls) == 1
    ana.say(CallStart("audio"))
    assert ana.errors == ["wrong_state"], "another call is another matter"


def test_the_customers_context_reaches_the_agent_and_nobody_else() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    extra = {f"k{n}" * 40: "v" * 900 for n in range(40)}
    ana.say(CallStart("audio", "en", "Ana", Context(order="A-1", extra=extra)))
    seen = bo.incoming[ana.call_id]
    assert seen["context"]["order"] == "A-1"
    assert len(seen["context"]["extra"]) <= 20
    assert max(map(len, seen["context"]["extra"].values())) == 500
    assert "context" not in ana.call


def test_a_call_the_shop_created_is_joined_by_its_customer() -> None:
    exchange = Exchange()
    state = CallState("created-1", SITE, "created", "audio", "de", exchange.at.wall, context=Context(order="A-2"))
    exchange.do(exchange.switchboard.create_call(exchange.at, state))
    assert exchange.switchboard.drained, "nobody takes part in it yet"
    bo = agent(exchange)
    assert not bo.incoming
    ana = customer(exchange, invited_call="created-1")
    start(ana)
    assert ana.call_id == "created-1"
    assert bo.incoming["created-1"]["context"] == {"order": "A-2"}
    eve = customer(exchange, "Eve", invited_call="created-1")
    start(eve)
    assert eve.errors == ["wrong_state"]
    ana.hang_up()
    start(eve)
    assert eve.call_id not in ("created-1", "none"), "over: an ordinary call is better than none"


def test_a_created_call_nobody_joins_is_given_up() -> None:
    exchange = Exchange()
    state = CallState("created-1", SITE, "created", "audio", "de", exchange.at.wall)
    exchange.do(exchange.switchboard.create_call(exchange.at, state))
    exchange.advance(exchange.rules.created_timeout)
    assert exchange.store.call("created-1").reason == "abandoned"
    assert not exchange.switchboard.board.calls


def test_the_queue_is_bounded() -> None:
    exchange = Exchange(CallRules(max_waiting=1))
    start(customer(exchange))
    eve = customer(exchange, "Eve")
    start(eve)
    assert eve.errors == ["at_capacity"]
    assert len(exchange.switchboard.board.calls) == 1
