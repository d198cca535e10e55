"""Connections too weak for pictures, and ones that are gone for a while: what both sides are told."""

import pytest

from media.api import LegDisconnected, LegRecovered, SourceWished, UplinkJudged, VideoLimited, VideoUnshowable
from signaling.protocol import CallHold, LegNarrow
from signaling.values import CallView
from signaling.views import WEAK_AUDIO_BPS, limits_told, same_but_for_limits
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import accept, agent, customer, start, talk

NONE = (False, False, 0)
OWN = (True, False, 0)
PEER = (False, True, WEAK_AUDIO_BPS)


def newest(client: Client) -> str:
    return list(client.offers)[-1]


def limit(exchange: Exchange, client: Client, paused: bool = True) -> None:
    exchange.media.limit(client.call_id, newest(client), paused)
    exchange.tell_media()


def test_both_sides_are_told_and_the_source_is_asked_for_a_narrower_voice() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    assert [(m["side"], m["video"]) for m in ana.all("media.limited")] == [("own", "paused")]
    assert [(m["side"], m["video"]) for m in bo.all("media.limited")] == [("peer", "paused")]
    assert [m["audio_bps"] for m in bo.all("media.wish")] == [WEAK_AUDIO_BPS]
    assert ana.all("media.wish") == []
    limit(exchange, ana, paused=False)
    assert ana.last("media.limited")["video"] == bo.last("media.limited")["video"] == ""
    assert bo.last("media.wish")["audio_bps"] == 0
    assert (ana.limits, bo.limits) == (NONE, NONE)


def test_a_source_is_told_what_picture_the_far_side_can_take() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    views = len(bo.all("call.updated"))
    for bps in (300_000, 300_000, 0):
        exchange.do(exchange.switchboard.media(exchange.at, SourceWished(ana.call_id, newest(bo), bps)))
    assert [m["video_bps"] for m in bo.all("media.wish")] == [300_000, 0]
    assert (ana.all("media.wish"), len(bo.all("call.updated"))) == ([], views)
    exchange.do(exchange.switchboard.media(exchange.at, SourceWished(ana.call_id, newest(bo), 90_000)))
    limit(exchange, ana)
    assert (bo.last("media.wish")["audio_bps"], bo.last("media.wish")["video_bps"]) == (WEAK_AUDIO_BPS, 90_000)
    exchange.drop(bo)
    bo.answers = False
    exchange.resume(bo, fresh=True)
    assert bo.call["video_bps"] == 90_000, "a refreshed page knows"
    exchange.do(exchange.switchboard.media(exchange.at, SourceWished(ana.call_id, "gone", 1)))


def test_a_page_whose_way_to_us_is_full_is_told_at_once_even_while_it_rings() -> None:
    exchange = Exchange()
    ana, bo = customer(exchange), agent(exchange)
    start(ana)
    leg_id = newest(ana)
    for full in (True, True, False):
        exchange.do(exchange.switchboard.media(exchange.at, UplinkJudged(ana.call_id, leg_id, full, not full)))
    assert [m["uplink_full"] for m in ana.all("media.wish")] == [True, False]
    assert ana.last("media.wish")["uplink_lossy"] is True
    assert bo.all("media.wish") == []


def test_a_side_that_can_send_the_voice_only_is_told_and_so_is_the_other() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    ana.say(LegNarrow(newest(ana), True))
    assert (ana.call["sending_paused"], bo.call["peer_sending_paused"]) == (True, True)
    assert not ana.call.get("peer_sending_paused")
    assert not bo.call.get("sending_paused")
    said = len(bo.all("call.updated"))
    ana.say(LegNarrow(newest(ana), True))
    ana.say(LegNarrow(newest(bo), True))
    ana.say(LegNarrow("gone", True))
    assert len(bo.all("call.updated")) == said
    ana.say(LegNarrow(newest(ana), False))
    assert not bo.call.get("peer_sending_paused")


def test_only_a_word_is_sent_and_nothing_is_said_twice() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    views = len(ana.all("call.updated")), len(bo.all("call.updated"))
    limit(exchange, ana)
    limit(exchange, ana)
    assert (len(ana.all("call.updated")), len(bo.all("call.updated"))) == views
    assert (len(ana.all("media.limited")), len(bo.all("media.limited")), len(bo.all("media.wish"))) == (1, 1, 1)


def test_both_connections_may_be_weak() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    limit(exchange, bo)
    assert ana.limits == bo.limits == (True, True, WEAK_AUDIO_BPS)


@pytest.mark.parametrize("fresh", [False, True])
def test_who_comes_back_knows(fresh: bool) -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    exchange.drop(bo)
    bo.answers = False
    exchange.resume(bo, fresh)
    assert bo.limits == PEER
    exchange.drop(ana)
    ana.answers = False
    exchange.resume(ana, fresh)
    assert ana.limits == OWN


def test_what_changed_meanwhile_is_replayed() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    exchange.drop(bo)
    limit(exchange, ana, paused=False)
    exchange.resume(bo)
    assert bo.limits == NONE


def test_a_new_leg_begins_without_limits() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    exchange.drop(ana)
    exchange.resume(ana, fresh=True)
    exchange.work_all()
    assert (ana.limits, bo.limits) == (NONE, NONE)
    limit(exchange, ana)
    exchange.media.lose(ana.call_id)
    exchange.work_all()
    assert (ana.limits, bo.limits) == (NONE, NONE)


def test_a_restarted_control_process_learns_it_from_the_engine() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    exchange.restart()
    exchange.resume(ana)
    exchange.resume(bo)
    assert (ana.limits, bo.limits) == (OWN, PEER)


def test_a_hold_changes_nothing() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    bo.say(CallHold(bo.call_id, True))
    exchange.work_all()
    assert (ana.limits, bo.limits) == (OWN, PEER)


def test_nobody_is_told_before_an_answer_but_who_answers_is() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    exchange.drop(bo)
    exchange.advance(exchange.rules.resume_window + 1)  # the agent is gone: the customer waits again
    assert (ana.phase, ana.limits) == ("waiting", NONE)
    eve = agent(exchange, "Eve")
    exchange.work_all()
    assert eve.limits == NONE
    accept(eve)
    assert (ana.limits, eve.limits) == (OWN, PEER)


def test_legs_and_calls_that_are_unknown_change_nothing() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.do(exchange.switchboard.media(exchange.at, VideoLimited(ana.call_id, "gone", True)))
    exchange.do(exchange.switchboard.media(exchange.at, VideoLimited("gone", newest(ana), True)))
    assert (ana.limits, bo.limits) == (NONE, NONE)


def test_an_ended_call_has_no_limits() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    limit(exchange, ana)
    ana.hang_up()
    assert (ana.limits, bo.limits) == (NONE, NONE)


def test_thirty_seconds_of_nothing_keep_the_call_and_both_sides_know() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    call_id, legs = ana.call_id, exchange.media.calls[ana.call_id].connected
    exchange.drop(ana)  # the train is in a tunnel: neither messages …
    exchange.do(exchange.switchboard.media(exchange.at, LegDisconnected(call_id, newest(ana))))  # … nor media
    exchange.advance(30.0)
    assert bo.call["peer_connected"] is False
    assert (bo.phase, exchange.media.calls[call_id].connected) == ("active", legs)
    exchange.resume(ana)
    assert ana.last("leg.state")["state"] == "disconnected"
    assert bo.call["peer_connected"] is False, "its messages are back, its media not yet"
    exchange.do(exchange.switchboard.media(exchange.at, LegRecovered(call_id, newest(ana))))
    assert "peer_connected" not in bo.call
    assert ana.last("leg.state")["state"] == "connected"
    assert (ana.phase, ana.call_id, exchange.media.calls[call_id].connected) == ("active", call_id, legs)


def test_thirty_seconds_without_media_alone_are_told_to_both_at_once() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    exchange.do(exchange.switchboard.media(exchange.at, LegDisconnected(ana.call_id, newest(ana))))
    assert (ana.last("leg.state")["state"], bo.call["peer_connected"]) == ("disconnected", False)
    exchange.advance(30.0)
    assert ana.phase == bo.phase == "active"


def test_a_page_that_is_there_gets_new_ways_for_its_media_unasked() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    leg_id = newest(ana)
    for _ in range(2):
        exchange.do(exchange.switchboard.media(exchange.at, LegDisconnected(ana.call_id, leg_id)))
    exchange.work_all()
    assert (newest(ana), ana.offers[leg_id]["generation"], bo.offers[newest(bo)]["generation"]) == (leg_id, 1, 0)
    exchange.drop(ana)
    exchange.do(exchange.switchboard.media(exchange.at, LegDisconnected(ana.call_id, leg_id)))
    exchange.work_all()
    assert exchange.media.calls[ana.call_id].legs[leg_id].generation == 1, "nobody is there to answer"


def test_a_first_view_tells_what_is_limited_already() -> None:
    clear = CallView("c", "active", "video", 0.0)
    weak = CallView("c", "active", "video", 0.0, video_paused=True, peer_video_paused=True, audio_bps=1)
    assert [message.__struct_config__.tag for message in limits_told(None, weak)] == [
        "media.limited",
        "media.limited",
        "media.wish",
    ]
    assert list(limits_told(None, clear)) == list(limits_told(weak, weak)) == []
    assert same_but_for_limits(clear, weak)
    assert not same_but_for_limits(clear, CallView("c", "on_hold", "video", 0.0))


def test_a_page_without_the_others_codec_and_the_other_page_are_told_until_it_is_over() -> None:
    exchange = Exchange()
    ana, bo = talk(exchange)
    views = len(ana.all("call.updated"))

    def told() -> list[bool]:
        return [bool(one.call and one.call.get(f)) for one in (ana, bo) for f in ("unshowable", "peer_unshowable")]

    for _ in range(2):
        exchange.media.blind(ana.call_id, newest(bo))
        exchange.tell_media()
    assert told() == [False, True, True, False]
    assert len(ana.all("call.updated")) == views + 1
    exchange.restart()
    exchange.resume(ana)
    exchange.resume(bo)
    assert told() == [False, True, True, False], "the engine knows"
    exchange.media.blind(ana.call_id, newest(bo), False)
    exchange.do(exchange.switchboard.media(exchange.at, VideoUnshowable("gone", newest(bo), True)))
    exchange.tell_media()
    assert told() == [False] * 4
    assert exchange.store.names(ana.call_id).count("video_unshowable") == 1
