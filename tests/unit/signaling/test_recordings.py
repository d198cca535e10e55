"""Who begins, pauses and stops a recording, what the customer must agree to, and what survives which fault."""

import pytest

from media.api import RecordingState
from media.errors import DISK_FULL
from signaling.admission import Admission
from signaling.policy import CallPolicy
from signaling.protocol import CallHangup, CallHold, Person, RecordingConsent, RecordingSet
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.fakes.people import SITE, accept, agent, start

AGENT = CallPolicy("agent")
ASKS = CallPolicy("agent", consent="ask")


def talking(policy: CallPolicy) -> tuple[Exchange, Client, Client]:
    """An answered call of a site with this policy: (exchange, customer, agent)."""
    exchange = Exchange()
    bo, ana = agent(exchange), Client("Ana")
    exchange.hello(ana, Admission("customer", SITE, Person(), policy=policy))
    start(ana, "de")
    accept(bo)
    return exchange, ana, bo


def wants(exchange: Exchange, bo: Client, state: str) -> None:
    bo.say(RecordingSet(bo.call_id, state))
    exchange.work_all()


def shown(client: Client) -> str:
    assert client.call is not None
    return str((client.call.get("recording") or {}).get("state", ""))


def engine_records(exchange: Exchange, client: Client) -> list[RecordingState]:
    return [one.state for one in exchange.media.calls[client.call_id].recordings.values()]


def test_the_agent_records_pauses_and_stops_and_both_sides_always_see_it() -> None:
    exchange, ana, bo = talking(AGENT)
    assert (shown(ana), bo.call["may_record"]) == ("", "agent")
    for state, seen, engine in (
        ("on", "on", [RecordingState.STARTED]),
        ("paused", "paused", [RecordingState.PAUSED]),
        ("on", "on", [RecordingState.RESUMED]),
        ("off", "", []),
    ):
        wants(exchange, bo, state)
        assert (shown(ana), shown(bo), engine_records(exchange, bo)) == (seen, seen, engine)
    (row,) = exchange.store.recordings.values()
    assert (row.state, row.consent, row.parts, row.seconds, row.size_bytes) == ("ended", "notice", 1, 4.0, 1000)
    assert row.due_at == pytest.approx(row.created_at + 30 * 86_400)
    names = exchange.store.names(bo.call_id)
    assert [name for name in names if name.startswith("recording")] == [
        "recording_noticed",
        "recording_started",
        "recording_wished_paused",
        "recording_paused",
        "recording_wished_on",
        "recording_resumed",
        "recording_stopped",
    ]


def test_the_notice_is_spoken_in_the_customers_language() -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    (leg,) = [leg for leg in exchange.media.calls[ana.call_id].legs.values() if leg.playing]
    assert leg.playing == {False: "recording_started.de"}
    assert exchange.owners[leg.leg_id][1] == ana.session_id


def test_nothing_is_recorded_where_the_site_does_not_record() -> None:
    exchange, _, bo = talking(CallPolicy())
    wants(exchange, bo, "on")
    assert bo.errors == ["not_allowed"]
    assert engine_records(exchange, bo) == []


def test_a_customer_who_must_be_asked_is_asked_first() -> None:
    exchange, ana, bo = talking(ASKS)
    wants(exchange, bo, "on")
    assert (shown(ana), shown(bo), engine_records(exchange, bo)) == ("asking", "asking", [])
    ana.say(RecordingConsent(ana.call_id, granted=True))
    exchange.work_all()
    assert (shown(ana), engine_records(exchange, bo)) == ("on", [RecordingState.STARTED])
    ana.say(RecordingConsent(ana.call_id, granted=True))  # sent again after a reconnect
    assert ana.errors == []
    (row,) = exchange.store.recordings.values()
    assert row.consent == "granted"


def test_a_no_is_a_no_and_the_agent_may_ask_once_more() -> None:
    exchange, ana, bo = talking(ASKS)
    wants(exchange, bo, "on")
    ana.say(RecordingConsent(ana.call_id, granted=False))
    exchange.work_all()
    assert (shown(bo), engine_records(exchange, bo), exchange.store.recordings) == ("refused", [], {})
    ana.say(RecordingConsent(ana.call_id, granted=True))
    assert ana.errors == ["wrong_state"]
    wants(exchange, bo, "on")
    assert shown(ana) == "asking"


def test_both_sides_see_that_only_voices_are_recorded() -> None:
    exchange, ana, bo = talking(CallPolicy("agent", consent="ask", audio_only=True))
    wants(exchange, bo, "on")
    assert (shown(ana), ana.call["recording"]["voice_only"]) == ("asking", True), "before they agree"
    ana.say(RecordingConsent(ana.call_id, granted=True))
    exchange.work_all()
    assert ana.call["recording"]["voice_only"]
    assert bo.call["recording"]["voice_only"]
    assert [spec.audio_only for spec in exchange.media.recorded] == [True]


def test_a_site_that_records_every_call_begins_with_the_answer() -> None:
    exchange, ana, bo = talking(CallPolicy("always"))
    assert (shown(ana), engine_records(exchange, bo)) == ("on", [RecordingState.STARTED])
    wants(exchange, bo, "off")
    assert bo.errors == ["not_allowed"]
    wants(exchange, bo, "paused")
    assert shown(ana) == "paused"


def test_a_lost_worker_costs_a_new_part_of_the_same_recording() -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    exchange.media.lose(bo.call_id)
    exchange.tell_media()
    assert shown(ana) == "starting"
    exchange.work_all()
    assert (shown(ana), len(exchange.media.recorded)) == ("on", 2)
    assert len({spec.recording_id for spec in exchange.media.recorded}) == 1
    (row,) = exchange.store.recordings.values()
    assert row.parts == 2


def test_a_paused_recording_stays_paused_when_the_worker_is_lost() -> None:
    """Card numbers are being said: not even a moment may be recorded until the agent goes on."""
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    wants(exchange, bo, "paused")
    exchange.media.lose(bo.call_id)
    exchange.work_all()
    assert (shown(ana), engine_records(exchange, bo)) == ("paused", [])
    wants(exchange, bo, "on")
    assert (shown(ana), engine_records(exchange, bo)) == ("on", [RecordingState.STARTED])
    (leg,) = [leg for leg in exchange.media.calls[ana.call_id].legs.values() if leg.playing]
    assert leg.playing == {False: "recording_resumed.de"}, "it is said, too"


@pytest.mark.parametrize("state", ["on", "paused"])
def test_a_restart_of_the_control_process_goes_on_as_it_was(state: str) -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    wants(exchange, bo, state)
    exchange.restart()
    exchange.resume(ana, fresh=False)
    exchange.resume(bo, fresh=False)
    exchange.work_all()
    assert (shown(ana), shown(bo), len(exchange.media.recorded)) == (state, state, 1)
    wants(exchange, bo, "off")
    assert engine_records(exchange, bo) == []


def test_a_full_disk_ends_the_recording_and_not_the_call() -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    (recording_id,) = exchange.store.recordings
    exchange.media.fail_recording(bo.call_id, recording_id, DISK_FULL)
    exchange.work_all()
    assert (ana.phase, shown(ana), shown(bo)) == ("active", "failed", "failed")
    assert bo.call["recording"]["why"] == "disk_full"
    assert "why" not in ana.call["recording"], "no business of the customer's"
    assert exchange.store.recordings[recording_id].reason == DISK_FULL
    wants(exchange, bo, "on")
    assert (shown(ana), len(exchange.store.recordings)) == ("on", 2)
    assert "why" not in bo.call["recording"]


def test_a_pause_that_cannot_be_made_ends_the_recording() -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    exchange.media.calls[bo.call_id].recordings.clear()
    wants(exchange, bo, "paused")
    assert shown(ana) == "failed"


def test_an_agent_who_is_lost_takes_the_recording_along() -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    exchange.drop(bo)
    exchange.advance(exchange.rules.resume_window + 1)
    assert (ana.phase, shown(ana)) == ("waiting", "")
    assert [row.state for row in exchange.store.recordings.values()] == ["ended"]
    cy = agent(exchange, "Cy")
    accept(cy)
    assert (ana.phase, shown(ana)) == ("active", "")


def test_the_end_of_the_call_ends_the_recording_and_its_figures_come_after_it() -> None:
    exchange, _, bo = talking(AGENT)
    wants(exchange, bo, "on")
    bo.say(CallHangup(bo.call_id))
    exchange.work_all()
    (row,) = exchange.store.recordings.values()
    assert (row.state, row.seconds, row.size_bytes) == ("ended", 2.0, 1000)
    assert exchange.switchboard.board.finishing == {}


def test_a_new_leg_is_told_to_the_recorder() -> None:
    exchange, ana, bo = talking(AGENT)
    wants(exchange, bo, "on")
    exchange.resume(ana, fresh=True)
    exchange.work_all()
    assert len(exchange.media.recorded) == 1, "a repeat is no new part"
    call = exchange.switchboard.board.calls[bo.call_id]
    assert call.named == {one.current.leg_id: one.role for one in call.participants() if one.current}


def test_music_ringing_and_words_while_waiting_and_on_hold() -> None:
    exchange = Exchange()
    ana = Client("Ana")
    exchange.hello(ana, Admission("customer", SITE, Person(), policy=CallPolicy(waiting_music=True)))
    start(ana, "de")

    def playing() -> dict[bool, str]:
        legs = exchange.media.calls[ana.call_id].legs
        (found,) = [leg.playing for leg in legs.values() if exchange.owners[leg.leg_id][1] == ana.session_id]
        return {repeat: name for repeat, name in found.items() if name}

    assert playing() == {True: "waiting", False: "please_wait.de"}
    bo = agent(exchange)
    exchange.work_all()
    assert playing()[True] == "ring_back"
    accept(bo)
    assert playing() == {}
    bo.say(CallHold(bo.call_id, on=True))
    exchange.work_all()
    assert playing() == {True: "hold", False: "on_hold.de"}
    exchange.restart()
    exchange.resume(ana)
    exchange.resume(bo)
    bo.say(CallHold(bo.call_id, on=False))
    exchange.work_all()
    assert playing() == {}
