"""Synthetic callers send by our pages' laws: both keep to tests/vectors/sending.json (tests/web/sending.test.js)."""

import json
from pathlib import Path
from typing import Any

import pytest

from callserver.drill.sending import Limits, Sending, WayOut, downscale

VECTORS = Path(__file__).parents[3] / "vectors" / "sending.json"
SCENARIOS: dict[str, list[list[Any]]] = json.loads(VECTORS.read_text())["scenarios"]
LIFTS: dict[str, list[list[Any]]] = json.loads(VECTORS.read_text())["lifts"]
OFFER = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nm=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\na=fmtp:111 minptime=10\r\n"
)


def look(sending: Sending, row: list[Any]) -> int:
    now, available, round_trip, full, live = row[:5]
    lossy = len(row) > 6 and row[6]
    sending.look(WayOut(available, round_trip, full, lossy), live, now)
    return sending.step


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_steps_are_those_of_our_pages(name: str) -> None:
    sending = Sending()
    assert [look(sending, row) for row in SCENARIOS[name]] == [row[5] for row in SCENARIOS[name]]


@pytest.mark.parametrize("name", LIFTS)
def test_an_estimate_that_loss_holds_down_is_lifted_as_in_our_pages(name: str) -> None:
    sending, told = Sending(), []
    for row in LIFTS[name]:
        assert look(sending, row) == row[5]
        told.append(int(sending.shaped("a=fmtp:98 x-google-start-bitrate=100\r\n").split("=")[-1]))
    assert told == [row[7] for row in LIFTS[name]]


def limits(rows: list[list[Any]], audio_bps: int = 0, video_bps: int = 0) -> Limits:
    sending = Sending()
    for row in rows:
        look(sending, row)
        sending.heard = row[4]
    return sending.limits(audio_bps, video_bps)


def test_nothing_known_means_as_the_server_wishes() -> None:
    sending = Sending()
    assert sending.limits(0, 0) == Limits(0, 250_000, 1, True, False, False)
    rising = [[0, 100_000, 0.1, False, False], [0.5, 400_000, 0.1, False, False]]
    assert limits(rising).video_bps == 1_000_000, "ample already; the rest is probed with the first picture"
    sending.heard = True
    assert sending.limits(0, 0) == Limits(0, 0, 1, True, True, True)
    assert sending.limits(24_000, 300_000) == Limits(24_000, 300_000, 1, True, True, True)


def test_a_narrow_connection_is_tried_with_care_until_three_seconds_after_the_answer() -> None:
    ringing = [[0, 100_000, 0.1, False, False], [1, 130_000, 0.1, False, False], [1.5, 130_000, 0.1, False, False]]
    assert limits(ringing) == Limits(20_000, 64_500, 4, True, False, False)
    assert limits([*ringing, [2, 130_000, 0.1, False, True]]).video_bps == 64_500
    assert limits([[0, 100_000, 0.1, False, True], [9, 130_000, 0.1, False, True]]).video_bps == 0
    assert limits([[0, 100_000, 0.1, False, True], [9, 400_000, 0.1, False, True]]).video_bps == 0


def test_where_an_estimate_fell_we_stay_below_for_a_while() -> None:
    fell = [[0, 160_000, 0.1, False, True], [9, 100_000, 0.1, False, True], [10, 170_000, 0.1, False, True]]
    assert 90_000 < limits(fell).video_bps < 92_000


def test_the_answer_does_not_make_a_browser_try_more_than_a_narrow_connection_was_found_to_carry() -> None:
    """libwebrtc probes with all that encoders may make when the voice joins (probe_controller.cc)."""
    rings = [[0, 100_000, 0.1, False, False], [0.5, 280_000, 0.1, False, False], [1, 280_000, 0.1, False, False]]
    assert limits(rings).video_bps == 192_000
    assert limits([*rings, [2, 280_000, 0.1, False, True]]).video_bps == 192_000
    assert limits([*rings, [2, 280_000, 0.1, False, True], [6, 280_000, 0.1, False, True]]).video_bps == 0


def test_the_weaker_of_two_ways_counts_and_a_full_one_gets_the_least_voice() -> None:
    assert limits([[0, 100_000, 0.1, False, True], [1, 130_000, 0.1, False, True]], 12_000, 30_000).video_bps == 30_000
    full = [[0, 130_000, 0.1, True, False], [1, 30_000, 0.9, True, False]]
    assert limits(full) == Limits(12_000, 20_000, 4, False, False, False)


def test_pictures_that_wait_are_worth_a_word_once_somebody_would_see_them() -> None:
    sending = Sending()
    look(sending, [0, 100_000, 0.1, False, False])
    look(sending, [1, 70_000, 0.1, True, False])
    assert not sending.waits(9)
    look(sending, [10, 70_000, 0.1, True, True])
    assert [sending.waits(now) for now in (11, 12)] == [False, True]


def test_the_offers_shape() -> None:
    sending = Sending()
    assert sending.shaped(OFFER) == OFFER
    sending.step = 1
    assert sending.shaped(OFFER) == OFFER.replace("63 111", "111 63")
    sending.step = 2
    assert sending.shaped(OFFER) == OFFER.replace("63 111", "111 63").replace("minptime=10", "minptime=10;ptime=60")


def test_a_narrow_link_gets_smaller_pictures_and_does_not_flutter() -> None:
    assert [downscale(bps, 1) for bps in (float("inf"), 500_000, 200_000, 80_000)] == [1, 1, 2, 4]
    assert [downscale(bps, 4) for bps in (100_000, 120_000)] == [4, 2]
    assert [downscale(bps, 2) for bps in (250_000, 300_000)] == [2, 1]


def test_silence_is_sent_before_the_answer_only_where_there_is_room() -> None:
    assert limits([[0, 100_000, 0.1, False, False], [1, 500_000, 0.1, False, False]]).voice
    sending = Sending()
    look(sending, [0, 300_000, 0.1, False, False])
    assert not sending.limits(0, 0).voice
    sending.heard = True
    assert sending.limits(0, 0).voice


def test_what_a_connection_carries_is_not_known_where_nothing_has_tried_it() -> None:
    """Every estimate begins alike: satellites take a second to say more, a voice alone never does."""
    sending = Sending()
    for now in range(4):
        sending.look(WayOut(100_000, 0.6), True, now)
    assert sending.step == 0
    alone = Sending()
    for now, available in enumerate((100_000, 130_000, 140_000)):
        alone.look(WayOut(available, 0.1, pictures=False), True, now)
    assert alone.step == 0
    for now in (6.0, 6.5):
        alone.look(WayOut(80_000, 0.1, pictures=False), True, now)
    assert alone.step == 1
