"""What two people in a call can do: hold, mute, write, hang up, rate; and what nobody may do to others."""

import pytest

from signaling.admission import RefusedError
from signaling.inbox import ONLY
from signaling.protocol import (
    AgentSetStatus,
    CallAccept,
    CallClean,
    CallDecline,
    CallHangup,
    CallHold,
    CallMedia,
    CallRate,
    CallStart,
    ChatSend,
    ClientMessage,
    Hello,
    LegAnswer,
    LegRestart,
    QualityReport,
    RecordingConsent,
    RecordingSet,
    Resume,
    StillTake,
    VerificationSet,
)
from signaling.rules import CallRules
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import accept, agent, customer, start, talk


def muted(exchange: Exchange, client: Client) -> set[str]:
    leg = exchange.media.calls[client.call_id].legs[next(iter(client.offers))]
    return {kind.value for kind in leg.muted}


def test_hold_is_told_to_the_engine_and_to_both() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.say(CallHold(bo.call_id, True))
    exchange.work_all()
    assert (ana.phase, bo.phase, exchange.media.calls[ana.call_id].held) == ("on_hold", "on_hold", True)
    bo.say(CallHold(bo.call_id, True))
    bo.say(CallHold(bo.call_id, False))
    exchange.work_all()
    assert (ana.phase, bo.phase, exchange.media.calls[ana.call_id].held) == ("active", "active", False)
    assert exchange.store.names(ana.call_id).count("held") == 1


def test_mute_stops_the_media_and_the_other_side_sees_it() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    ana.sends(audio=False, video=True)
    exchange.work_all()
    assert (bo.call["peer_audio"], muted(exchange, ana)) == (False, {"audio"})
    ana.sends(audio=True, video=False)
    exchange.work_all()
    assert ("peer_audio" in bo.call, bo.call["peer_video"], muted(exchange, ana)) == (False, False, {"video"})


def test_less_noise_is_the_agents_wish_and_known_to_the_agent_only() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    leg = exchange.media.calls[ana.call_id].legs[next(iter(ana.offers))]
    bo.say(CallClean(bo.call_id, True))
    exchange.work_all()
    assert (leg.cleaned, bo.call["clean_voice"], bo.call["voice_cleaned"]) == (True, True, True)
    assert not {"clean_voice", "voice_cleaned"} & set(ana.call)
    bo.say(CallClean(bo.call_id, True))
    bo.say(CallClean(bo.call_id, False))
    exchange.work_all()
    assert (leg.cleaned, "clean_voice" in bo.call, "voice_cleaned" in bo.call) == (False, False, False)
    exchange.media.cleans = False
    bo.say(CallClean(bo.call_id, True))
    exchange.work_all()
    assert (bo.call["clean_voice"], "voice_cleaned" in bo.call) == (True, False)


def test_a_camera_that_was_off_before_the_answer_stays_off() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    ana.sends(audio=True, video=False)
    bo.say(CallMedia(ana.call_id, audio=False, video=True))
    accept(bo)
    assert (muted(exchange, ana), muted(exchange, bo)) == ({"video"}, {"audio"})
    assert (bo.call["peer_video"], ana.call["peer_audio"]) == (False, False)


def test_hanging_up_ends_the_call_for_both_and_leaves_nothing() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    bo.hang_up()
    ana.hang_up()
    exchange.work_all()
    assert ana.phase == bo.phase == "ended"
    assert ana.call["reason"] == "hung_up"
    assert ana.errors == bo.errors == []
    assert exchange.store.call(ana.call_id).ended_by == "agent"
    assert (exchange.media.calls, exchange.store.claims, exchange.switchboard.board.calls) == ({}, {}, {})
    assert exchange.store.call(ana.call_id).legs == {}


def test_a_call_is_rated_once_and_after_it() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    ana.say(CallRate(ana.call_id, 5))
    assert ana.errors == ["wrong_state"]
    ana.hang_up()
    ana.say(CallRate(ana.call_id, 4, "thanks"))
    ana.say(CallRate(ana.call_id, 4, "thanks"))
    ana.say(CallRate(ana.call_id, 1))
    assert ana.errors == ["wrong_state", "wrong_state"]
    assert ana.call["rated"]
    state = exchange.store.call(ana.call_id)
    assert (state.rating, state.rating_comment) == (4, "thanks")
    bo.say(CallRate(ana.call_id, 1))
    assert bo.errors == ["not_allowed"]


def test_the_end_screen_outlives_a_refresh_but_not_its_time() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    ana.hang_up()
    exchange.resume(ana, fresh=True)
    assert ana.phase == "ended"
    exchange.advance(exchange.rules.keep_ended)
    exchange.resume(ana, fresh=True)
    assert ana.call is None


def test_chat_reaches_both_once_and_the_agent_also_reads_what_was_written_before() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    ana.write("m1", "are you there?")
    assert not bo.all("chat.added")
    accept(bo)
    ana.write("m1", "are you there?")
    bo.write("m2", "yes")
    assert [item["text"] for item in ana.chat.values()] == ["are you there?", "yes"]
    assert [item["id"] for item in bo.chat.values()] == ["m1", "m2"]
    assert [item.sender for item in exchange.store.chat(ana.call_id)] == ["customer", "agent"]
    bo.write("m1", "mine now")
    assert bo.errors == ["bad_message"]


def test_chat_is_bounded_in_number_and_rate() -> None:
    exchange = Exchange(CallRules(max_chat=15))
    ana, _ = talk(exchange)
    for n in range(12):
        ana.write(f"a{n}", "!")
    assert ana.errors == ["rate_limited"] * 2
    exchange.advance(10.0)
    for n in range(6):
        ana.write(f"b{n}", "!")
    assert ana.errors[2:] == ["at_capacity"]
    assert len(exchange.store.chat(ana.call_id)) == 15


def test_chat_ends_with_the_call() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    ana.hang_up()
    ana.write("late", "hello?")
    assert ana.errors == ["wrong_state"]


def test_a_photo_appears_on_both_sides() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    item, actions = exchange.switchboard.photo_added(exchange.at, ana.call_id, ana.session_id, "p1", (640, 480))
    exchange.do(actions)
    assert bo.chat["p1"] == ana.chat["p1"]
    assert (item.photo, item.sender, bo.chat["p1"]["width"]) == ("/api/v1/photos/p1", "customer", 640)


def test_a_photo_for_a_foreign_or_finished_call_is_refused() -> None:
    exchange = Exchange(CallRules(max_chat=0))
    ana, _ = talk(exchange)
    eve = customer(exchange, "Eve")

    def refusal(call_id: str, session_id: str) -> str:
        with pytest.raises(RefusedError) as refused:
            exchange.switchboard.photo_added(exchange.at, call_id, session_id, "p", (1, 1))
        return refused.value.code

    assert refusal(ana.call_id, eve.session_id) == "not_allowed"
    assert refusal(ana.call_id, "nobody") == "not_allowed"
    assert refusal("nothing", eve.session_id) == "not_found"
    assert refusal(ana.call_id, ana.session_id) == "at_capacity"
    ana.hang_up()
    assert refusal(ana.call_id, ana.session_id) == "wrong_state"


MESSAGES: list[ClientMessage] = [
    AgentSetStatus("ready"),
    CallAccept("call"),
    CallDecline("call"),
    CallHold("call", True),
    CallClean("call", True),
    CallRate("call", 1),
    CallStart(),
    RecordingConsent("call", True),
    RecordingSet("call", "on"),
    StillTake("call", "still"),
    VerificationSet("call", True),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_the_other_role_may_not_say_it(message: ClientMessage) -> None:
    assert {type(message) for message in MESSAGES} == set(ONLY)
    exchange = Exchange()
    client = agent(exchange) if ONLY[type(message)] == "customer" else customer(exchange)
    client.say(message)
    assert client.errors == ["not_allowed"]


@pytest.mark.parametrize("make", [CallHangup, lambda i: CallMedia(i, True, True), lambda i: ChatSend(i, "x", "x")])
def test_a_foreign_call_is_untouchable(make: object) -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    before = exchange.store.calls[ana.call_id]
    eve, cy = customer(exchange, "Eve"), agent(exchange, "Cy")
    for stranger in (eve, cy):
        stranger.say(make(ana.call_id))  # type: ignore[operator]
        stranger.say(make("no-such-call"))  # type: ignore[operator]
        assert stranger.errors == ["not_allowed", "not_found"]
    cy.say(CallHold(ana.call_id, True))
    assert cy.errors[-1] == "not_allowed"
    assert exchange.store.calls[ana.call_id] == before
    assert (ana.phase, bo.phase) == ("active", "active")


def test_a_foreign_leg_is_untouchable() -> None:
    exchange = Exchange()
    ana, _ = talk(exchange)
    leg_id = next(iter(ana.offers))
    eve = customer(exchange, "Eve")
    eve.say(LegAnswer(leg_id, 0, "answer"))
    eve.say(LegRestart(leg_id, True))
    eve.say(QualityReport(leg_id, rtt_ms=1.0))
    assert eve.errors == ["not_found", "wrong_state"]
    assert exchange.observed == []
    ana.say(QualityReport(leg_id, rtt_ms=1.0))
    assert exchange.observed[0].role == "customer"


def test_an_agent_at_whom_it_only_rings_is_not_in_the_call() -> None:
    exchange = Exchange()
    bo, ana = agent(exchange), customer(exchange)
    start(ana)
    bo.say(CallHangup(ana.call_id))
    bo.say(ChatSend(ana.call_id, "x", "x"))
    bo.say(CallHold(ana.call_id, True))
    assert bo.errors == ["wrong_state"] * 3
    assert ana.phase == "ringing"


def test_hold_needs_an_answered_call_and_hello_comes_once() -> None:
    exchange = Exchange()
    ana = customer(exchange)
    ana.say(Hello("ticket"))
    ana.say(Resume("token"))
    ana.say(CallHangup("call"))
    assert ana.errors == ["wrong_state", "wrong_state", "not_found"]
