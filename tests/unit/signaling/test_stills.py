"""Stills on the agent's click and verifications."""

import pytest

from signaling.admission import RefusedError
from signaling.policy import CallPolicy
from signaling.protocol import CallHold, StillTake, VerificationSet
from tests.fakes.client import Client
from tests.fakes.exchange import Exchange
from tests.unit.signaling.test_recordings import talking

NONE = CallPolicy()


def click(exchange: Exchange, bo: Client, name: str = "s1", side: str = "customer", shot: str = "") -> None:
    bo.say(StillTake(bo.call_id, name, side, shot))
    exchange.work_all()


def upload(exchange: Exchange, page: Client, name: str, photo: str, size: tuple[int, int]) -> None:
    exchange.photos.add(photo)
    board = exchange.switchboard
    exchange.do(board.still_added(exchange.at, page.call_id, page.session_id, name, photo, size))
    exchange.work_all()


def test_the_streams_picture_comes_first_and_the_cameras_replaces_it() -> None:
    exchange, ana, bo = talking(NONE)
    click(exchange, bo)
    assert ana.last("still.wanted")["id"] == "s1"
    for client in (ana, bo):
        assert (client.chat["s1"]["width"], client.chat["s1"]["kind"]) == (640, "snapshot")
    upload(exchange, ana, "s1", "large", (4000, 3000))
    for client in (ana, bo):
        assert (client.chat["s1"]["width"], client.chat["s1"]["photo"]) == (4000, "/api/v1/photos/large")
    assert exchange.photos == {"large"}, "what nothing refers to is dropped"
    assert exchange.store.stills["s1"].source == "camera"
    assert [item.photo for item in exchange.store.chat(bo.call_id)] == ["/api/v1/photos/large"]


def test_a_smaller_picture_of_the_page_is_dropped() -> None:
    exchange, ana, bo = talking(NONE)
    click(exchange, bo)
    upload(exchange, ana, "s1", "small", (320, 240))
    assert ana.chat["s1"]["width"] == 640
    assert "small" not in exchange.photos


def test_without_a_picture_in_the_stream_the_agent_is_told_and_the_pages_own_still_counts() -> None:
    exchange, ana, bo = talking(NONE)
    exchange.media.picture = None
    click(exchange, bo)
    assert bo.last("still.failed")["id"] == "s1"
    assert "s1" not in bo.chat
    upload(exchange, ana, "s1", "large", (4000, 3000))
    assert bo.chat["s1"]["width"] == 4000


def test_the_agents_own_picture_is_taken_from_the_stream_only() -> None:
    exchange, ana, bo = talking(NONE)
    click(exchange, bo, side="agent")
    assert bo.chat["s1"]["side"] == "agent"
    assert ana.all("still.wanted") == []


def test_pages_upload_only_what_they_were_asked_for() -> None:
    exchange, ana, bo = talking(NONE)
    click(exchange, bo, "mine", side="agent")
    for page, name in ((ana, "mine"), (ana, "unknown"), (bo, "mine2")):
        with pytest.raises(RefusedError):
            exchange.switchboard.still_wanted(exchange.at, page.call_id, page.session_id, name)
    with pytest.raises(RefusedError):
        exchange.switchboard.still_wanted(exchange.at, ana.call_id, "nobody", "mine")


def test_no_picture_on_hold_and_no_more_than_there_may_be() -> None:
    exchange, _, bo = talking(NONE)
    click(exchange, bo)
    click(exchange, bo)
    assert len(bo.chat) == 1
    for count in range(exchange.rules.max_stills):
        click(exchange, bo, f"more{count}")
        exchange.advance(1.0)
    assert bo.errors == ["at_capacity"]
    bo.say(CallHold(bo.call_id, on=True))
    click(exchange, bo, "held")
    assert bo.errors == ["at_capacity", "wrong_state"]


def test_a_guided_verification() -> None:
    exchange, ana, bo = talking(CallPolicy("agent"))

    def step(shot: str, on: bool = True) -> None:
        bo.say(VerificationSet(bo.call_id, on, shot))
        exchange.work_all()

    step("")
    seen = ana.call["verification"]
    assert ana.call["recording"]["state"] == "on", "a verification is recorded where the site records"
    assert bo.call["verification"] == seen
    step("label")
    assert ana.call["verification"] == seen | {"shot": "label"}
    click(exchange, bo, "s1", shot="label")
    assert ana.call["verification"]["done"] == ["label"]
    exchange.restart()
    exchange.resume(ana)
    exchange.resume(bo)
    exchange.work_all()
    assert ana.call["verification"] == seen | {"shot": "label", "done": ["label"]}
    step("", on=False)
    assert "verification" not in ana.call
    names = exchange.store.names(bo.call_id)
    wanted = ["verification_started", "shot_asked", "still_taken", "verification_ended"]
    assert [name for name in names if name in wanted] == wanted
