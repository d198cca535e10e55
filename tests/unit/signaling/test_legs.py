"""A call's media when things break: restarts, replacements, failures, workers that die."""

import pytest

from media.api import LegDisconnected, LegRecovered, Offer
from signaling.protocol import CallClean, CallHold, LegRestart
from signaling.results import JoinFailed, Offered
from signaling.rules import CallRules
from tests.fakes.client import Client
from tests.fakes.engine import BAD_SDP
from tests.fakes.exchange import Exchange
from tests.fakes.people import accept, agent, customer, start, talk


def newest(client: Client) -> str:
    return list(client.offers)[-1]


def joined(exchange: Exchange, client: Client) -> tuple[str, ...]:
    return exchange.media.calls[client.call_id].connected


def test_both_sides_get_new_legs_when_their_worker_dies_and_nobody_touches_anything() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    before = joined(exchange, ana)
    ana.sends(audio=False, video=True)
    exchange.media.lose(ana.call_id)
    exchange.tell_media()
    assert "peer_connected" in bo.call
    exchange.work_all()
    assert joined(exchange, ana) == (newest(ana), newest(bo))
    assert not set(before) & set(joined(exchange, ana))
    assert (ana.phase, bo.phase, "peer_connected" in bo.call) == ("active", "active", False)
    assert exchange.media.calls[ana.call_id].legs[newest(ana)].muted, "still muted on the new leg"
    assert exchange.store.names(ana.call_id)[-2:] == ["worker_lost", "connected"]


def test_a_held_call_is_still_held_after_its_worker_died() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.say(CallHold(bo.call_id, True))
    exchange.work_all()
    exchange.media.lose(ana.call_id)
    exchange.work_all()
    assert (ana.phase, exchange.media.calls[ana.call_id].held) == ("on_hold", True)


def test_less_noise_is_wanted_of_the_new_leg_too_and_not_by_the_next_agent() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.say(CallClean(bo.call_id, True))
    exchange.work_all()
    exchange.media.lose(ana.call_id)
    exchange.work_all()
    assert exchange.media.calls[ana.call_id].legs[newest(ana)].cleaned
    assert bo.call["voice_cleaned"]
    cy = agent(exchange, "Cy")
    exchange.drop(bo)
    exchange.advance(exchange.rules.resume_window)
    exchange.work_all()
    accept(cy)
    exchange.work_all()
    assert not exchange.media.calls[ana.call_id].legs[newest(ana)].cleaned
    assert "clean_voice" not in cy.call


def test_a_worker_that_dies_while_it_rings_costs_neither_place_nor_ring() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    exchange.media.lose(ana.call_id)
    exchange.work_all()
    assert ana.phase == "ringing"
    accept(bo)
    assert joined(exchange, ana) == (newest(ana), newest(bo))


def test_somebody_away_when_the_worker_died_gets_the_offer_on_coming_back() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.drop(bo)
    exchange.media.lose(ana.call_id)
    exchange.work_all()
    assert len(bo.offers) == 1
    exchange.resume(bo)
    exchange.work_all()
    assert joined(exchange, ana) == (newest(ana), newest(bo))


def test_an_ice_restart_is_a_new_generation_of_the_same_leg() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    leg_id = newest(ana)
    ana.say(LegRestart(leg_id))
    ana.say(LegRestart(leg_id))
    exchange.work_all()
    assert list(ana.offers) == [leg_id]
    assert ana.offers[leg_id]["generation"] == 1, "one at a time"
    assert ana.phase == "active"


def test_an_answer_to_an_older_offer_is_refused() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    leg_id = newest(ana)
    old = ana.offers[leg_id]
    ana.say(LegRestart(leg_id))
    exchange.work_all()
    ana.offers[leg_id] = old
    ana.answer(leg_id)
    assert ana.errors == ["wrong_state"]


def test_a_refresh_opens_a_new_leg_and_the_old_one_stays_until_it_is_connected() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    old = newest(bo)
    exchange.drop(bo)
    assert ana.call["peer_connected"] is False
    bo.answers = False
    exchange.resume(bo, fresh=True)
    exchange.work_all()
    assert bo.phase == "active", "the snapshot brings the call"
    assert old in joined(exchange, ana)
    assert newest(bo) != old
    bo.answer(newest(bo))
    exchange.work_all()
    assert joined(exchange, ana) == (newest(ana), newest(bo))
    assert old not in exchange.media.calls[ana.call_id].legs
    assert "peer_connected" not in ana.call
    assert exchange.store.call(ana.call_id).legs[bo.session_id] == newest(bo)


def test_a_page_may_ask_for_a_new_leg_and_for_one_we_do_not_know_any_more() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    ana.say(LegRestart(newest(ana), replace=True))
    exchange.work_all()
    assert joined(exchange, ana) == (newest(ana), newest(bo))
    ana.say(LegRestart("long-gone"))
    exchange.work_all()
    assert len(ana.offers) == 3
    assert joined(exchange, ana) == (newest(ana), newest(bo))


def test_a_failed_leg_is_offered_anew_but_not_for_ever() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    for _ in range(3):
        exchange.media.fail(ana.call_id, newest(ana))
        exchange.work_all()
        assert joined(exchange, ana) == (newest(ana), newest(bo))
    exchange.media.fail(ana.call_id, newest(ana))
    exchange.work_all()
    assert (ana.phase, ana.call["reason"], bo.phase) == ("ended", "media_failed", "ended")
    assert exchange.media.calls == {}


def test_failures_that_are_far_apart_do_not_add_up() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    for _ in range(8):
        exchange.media.fail(ana.call_id, newest(ana))
        exchange.advance(11.0)
    assert ana.phase == "active"


def test_an_agent_whose_media_fails_while_it_rings_does_not_end_the_call() -> None:
    exchange = Exchange(CallRules(rering_pause=100.0))
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    for _ in range(4):
        exchange.media.fail(ana.call_id, newest(bo))
        exchange.work_all()
    assert (ana.phase, bo.incoming) == ("waiting", {})
    assert bo.last("call.gone")["reason"] == "unanswered"


def test_a_leg_that_falls_silent_is_shown_to_both_sides_and_recovers() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.do(exchange.switchboard.media(exchange.at, LegDisconnected(ana.call_id, newest(ana))))
    assert bo.call["peer_connected"] is False
    assert ana.last("leg.state")["state"] == "disconnected"
    exchange.do(exchange.switchboard.media(exchange.at, LegRecovered(ana.call_id, newest(ana))))
    assert "peer_connected" not in bo.call
    assert ana.last("leg.state")["state"] == "connected"


def test_a_new_call_is_refused_when_no_worker_can_take_it() -> None:
    exchange = Exchange()
    exchange.media.full = True
    ana = customer(exchange)
    start(ana)
    assert (ana.errors, ana.phase, ana.call["reason"]) == (["at_capacity"], "ended", "media_failed")


def test_a_call_in_progress_waits_for_a_worker_for_a_while() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.media.full = True
    exchange.media.lose(ana.call_id)
    exchange.advance(3.0)
    assert ana.phase == "active"
    exchange.media.full = False
    exchange.advance(5.0)
    assert joined(exchange, ana) == (newest(ana), newest(bo))
    exchange.media.full = True
    exchange.media.lose(ana.call_id)
    exchange.advance(60.0)
    assert ana.call["reason"] == "media_failed"


def test_an_answer_the_engine_refuses_is_told_and_may_be_repeated() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    ana.answers = False
    start(ana)
    ana.answer(newest(ana), BAD_SDP)
    exchange.work_all()
    assert ana.errors == ["bad_sdp"]
    ana.answer(newest(ana))
    ana.answer(newest(ana))
    exchange.work_all()
    assert ana.errors == ["bad_sdp"]
    assert ana.last("leg.state")["state"] == "connected"


def test_an_answer_that_crosses_the_end_of_its_leg_is_no_error() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    old = newest(ana)
    exchange.media.fail(ana.call_id, old)
    exchange.work_all()
    ana.answer(old)
    assert ana.errors == []


def test_an_offer_that_comes_too_late_is_closed() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    ana.answers = False
    start(ana)
    call_id = ana.call_id
    exchange.media.calls[call_id].legs["late"] = exchange.media.calls[call_id].legs[newest(ana)]
    exchange.do(exchange.switchboard.result(exchange.at, _offered(call_id, "late")))
    exchange.work_all()
    assert "late" not in exchange.media.calls[call_id].legs


def _offered(call_id: str, leg_id: str) -> Offered:
    return Offered(Offer(call_id, leg_id, "sdp", {}))


def test_a_join_the_engine_cannot_do_is_tried_again_and_ends_the_call_at_last() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    call_id = ana.call_id
    exchange.do(exchange.switchboard.result(exchange.at, JoinFailed(call_id)))
    before = len(exchange.media.connects)
    exchange.advance(1.0)
    assert len(exchange.media.connects) == before + 1
    for _ in range(5):
        exchange.do(exchange.switchboard.result(exchange.at, JoinFailed(call_id)))
        exchange.advance(1.0)
    assert ana.call["reason"] == "media_failed"


def test_a_call_that_ends_while_it_waits_for_a_worker_leaves_no_deadline() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    exchange.media.full = True
    exchange.media.lose(ana.call_id)
    exchange.work_all()
    ana.hang_up()
    assert {key.name for key in exchange.switchboard.board.timers.pending()} == {"forget"}


@pytest.mark.parametrize("how", ["no answer", "a bad answer"])
def test_a_page_that_cannot_agree_with_us_ends_its_call_instead_of_trying_for_ever(how: str) -> None:
    exchange = Exchange()
    ana = customer(exchange)
    ana.answers = False
    start(ana)
    for number in range(exchange.rules.leg_failures + 1):
        assert ana.phase == "waiting", number
        if how == "no answer":
            ana.say(LegRestart(newest(ana), replace=True))
        else:
            ana.answer(newest(ana), BAD_SDP)
        exchange.work_all()
    assert (ana.phase, ana.call["reason"]) == ("ended", "media_failed")
    assert "leg_failed" in exchange.store.names(ana.call_id)
