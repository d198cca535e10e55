"""The control process is killed and starts again: people go on talking."""

from signaling.admission import Admission
from signaling.protocol import CallClean, CallHold, CallMedia, Context, LegRestart, Person
from signaling.records import CallState
from tests.fakes.client import Client
from tests.fakes.engine import MediaLeg
from tests.fakes.exchange import Exchange
from tests.fakes.people import SITE, accept, agent, customer, start, talk


def restarted(exchange: Exchange, *clients: Client) -> None:
    exchange.restart()
    for client in clients:
        exchange.resume(client)
    exchange.work_all()


def test_a_call_in_progress_keeps_its_media_and_its_sessions() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.write("m1", "hello")
    legs, opened = exchange.media.calls[ana.call_id].connected, exchange.media.opened
    restarted(exchange, ana, bo)
    assert exchange.media.calls[ana.call_id].connected == legs
    assert exchange.media.opened == opened, "nothing was negotiated again"
    assert (ana.phase, bo.phase, list(ana.chat)) == ("active", "active", ["m1"])
    assert ana.errors == bo.errors == []
    assert bo.last("resumed")["snapshot"]["status"] == "busy"
    bo.hang_up()
    exchange.work_all()
    assert exchange.media.calls == {}


def test_hold_and_mute_survive() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    ana.sends(audio=False, video=True)
    bo.say(CallHold(bo.call_id, True))
    restarted(exchange, ana, bo)  # neither had reached the engine yet
    media = exchange.media.calls[ana.call_id]
    assert (ana.phase, media.held, bo.call["peer_audio"]) == ("on_hold", True, False)
    assert media.legs[next(iter(ana.offers))].muted == {"audio"}
    ana.say(CallMedia(ana.call_id, True, True))
    exchange.work_all()
    assert media.legs[next(iter(ana.offers))].muted == set()


def test_a_voice_that_is_cleaned_stays_so() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.say(CallClean(bo.call_id, True))
    exchange.work_all()
    restarted(exchange, ana, bo)
    assert exchange.media.calls[ana.call_id].legs[next(iter(ana.offers))].cleaned
    assert bo.last("resumed")["snapshot"]["call"]["voice_cleaned"]
    bo.say(CallClean(bo.call_id, False))
    exchange.work_all()
    assert not exchange.media.calls[ana.call_id].legs[next(iter(ana.offers))].cleaned


def test_what_a_camera_may_send_is_known_afterwards() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.media.wish(ana.call_id, list(ana.offers)[-1], 90_000)
    exchange.tell_media()
    restarted(exchange, ana, bo)
    assert ana.last("resumed")["snapshot"]["call"]["video_bps"] == 90_000
    assert bo.last("resumed")["snapshot"]["call"].get("video_bps", 0) == 0


def test_what_the_ticket_said_is_known_to_the_call_that_comes_after() -> None:
    exchange = Exchange()
    ana, bo = Client("Ana"), agent(exchange)
    exchange.hello(ana, Admission("customer", SITE, Person(), context=Context(order="A-1042")))
    restarted(exchange, ana, bo)
    start(ana)
    assert next(iter(bo.incoming.values()))["context"]["order"] == "A-1042"


def test_ringing_calls_ring_again() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    restarted(exchange, ana, bo)
    assert (ana.phase, list(bo.incoming)) == ("ringing", [ana.call_id])
    assert len(exchange.media.calls[ana.call_id].legs) == 2, "the legs of the first ringing are closed"
    accept(bo)
    assert ana.phase == "active"


def test_a_claim_nobody_heard_of_is_released() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    exchange.store.claims[ana.call_id] = "bo"
    restarted(exchange, ana, bo)
    accept(bo)
    assert (ana.phase, exchange.store.claims) == ("active", {ana.call_id: "bo"})


def test_waiting_customers_keep_their_order_and_have_time_to_come_back() -> None:
    exchange = Exchange()
    ana, eve = customer(exchange, "Ana"), customer(exchange, "Eve")
    start(ana)
    exchange.advance(1.0)
    start(eve)
    exchange.restart()
    exchange.advance(exchange.rules.waiting_grace + 5.0)
    for client in (eve, ana):
        exchange.resume(client)
    assert (ana.call["position"], eve.call["position"]) == (1, 2)


def test_who_does_not_come_back_is_given_up() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    eve = customer(exchange, "Eve")
    start(eve)
    exchange.restart()
    exchange.advance(exchange.rules.resume_window)
    board = exchange.switchboard.board
    assert (board.calls, board.sessions, len(board.timers), exchange.media.calls) == ({}, {}, 0, {})
    assert exchange.store.call(ana.call_id).reason == "connection_lost"
    assert exchange.store.call(eve.call_id).reason == "abandoned"


def test_media_nobody_knows_is_closed() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.media.calls[ana.call_id].legs["stray"] = MediaLeg("stray")
    exchange.media.calls["stray call"] = type(exchange.media.calls[ana.call_id])()
    restarted(exchange, ana, bo)
    assert set(exchange.media.calls) == {ana.call_id}
    assert set(exchange.media.calls[ana.call_id].legs) == {*ana.offers, *bo.offers}


def test_calls_whose_legs_are_gone_get_new_offers() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.media.calls.clear()  # the workers went with the machine
    restarted(exchange, ana, bo)
    assert len(ana.offers) == len(bo.offers) == 2
    assert exchange.media.calls[ana.call_id].connected == (list(ana.offers)[-1], list(bo.offers)[-1])


def test_a_replacement_under_way_is_asked_for_again_by_its_page() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.answers = False
    exchange.resume(bo, fresh=True)
    exchange.work_all()
    lost = list(bo.offers)[-1]
    bo.answers = True
    restarted(exchange, ana, bo)
    bo.say(LegRestart(lost))
    exchange.work_all()
    assert list(bo.offers)[-1] in exchange.media.calls[ana.call_id].connected


def test_a_call_whose_agents_session_is_gone_goes_back_to_the_queue() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    del exchange.store.sessions[bo.session_id]
    restarted(exchange, ana)
    assert (ana.phase, exchange.store.claims) == ("waiting", {})
    assert exchange.media.calls[ana.call_id].connected == ()


def test_a_call_whose_customers_session_is_gone_is_over() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    del exchange.store.sessions[ana.session_id]
    restarted(exchange, bo)
    assert exchange.store.call(ana.call_id).reason == "connection_lost"
    assert exchange.store.claims == {}
    assert exchange.media.calls == {}


def test_an_agent_whose_account_is_gone_is_signed_out() -> None:
    exchange = Exchange()
    agent(exchange)
    exchange.store.accounts.clear()
    exchange.restart()
    assert (exchange.store.sessions, len(exchange.switchboard.board.roster)) == ({}, 0)


def test_created_calls_wait_on() -> None:
    exchange = Exchange()
    state = CallState("c1", SITE, "created", "video", "en", exchange.at.wall)
    exchange.do(exchange.switchboard.create_call(exchange.at, state))
    exchange.advance(10.0)
    exchange.restart()
    ana = customer(exchange, invited_call="c1")
    start(ana)
    assert (ana.call_id, ana.phase) == ("c1", "waiting")
    assert exchange.store.names("c1") == ["created", "control_restarted", "queued"]
