"""The synthetic callers hold voice back by the laws that tests/web/playout.test.js states for our pages."""

import pytest

pytest.importorskip("callserver.drill.caller", exc_type=ImportError)

from callserver.drill.upkeep import Playout, Voice, voice_of


def targets(*spans: tuple[float, int]) -> list[float | None]:
    """Targets after spans of two seconds, each with a share of concealed samples and a count of lost packets."""
    playout, now, voice, found = Playout(), 0.0, Voice(0, 0, 0), []
    playout.take(now, voice)
    for share, lost in spans:
        now += 2.0
        voice = Voice(voice.concealed + round(share * 96_000), voice.samples + 96_000, voice.lost + lost)
        playout.take(now, voice)
        found.append(playout.target_ms)
    return found


def test_a_clean_line_is_left_alone() -> None:
    assert targets((0, 0), (0.01, 0), (0, -3)) == [None, None, None]


def test_concealment_raises_the_target_up_to_a_bound_and_mere_loss_asks_for_the_least() -> None:
    assert targets((0.02, 0), (0.02, 0), (0.02, 0), (0.5, 9)) == [120, 170, 220, 220]
    assert targets((0, 4), (0, 4)) == [120, 120]


def test_twenty_clean_seconds_end_it() -> None:
    assert targets((0.1, 3), *[(0.0, 0)] * 10)[-2:] == [120, None]


def test_only_voice_counts() -> None:
    audio = {
        "type": "inbound-rtp",
        "kind": "audio",
        "concealedSamples": 9,
        "silentConcealedSamples": 4,
        "packetsLost": 2,
    }
    video = {"type": "inbound-rtp", "kind": "video", "packetsLost": 7}
    assert voice_of([audio | {"totalSamplesReceived": 100}, video, {"type": "transport"}]) == Voice(5, 100, 2)
