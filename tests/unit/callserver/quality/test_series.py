"""Seconds become points: by mean, sum or the worst, and a gap stays a gap."""

from callserver.quality.series import Point, joined, points
from media.quality.scores import NO_PAGE, Score
from tests.fakes.seconds import START, second


def test_each_series_is_joined_in_its_own_way() -> None:
    nothing = Score(None, None, 1.0)
    seconds = [second(at, up_nacks=2, rtt_ms=60 + at, up_audio_bps=at, level=90 - at) for at in (1, 2, 3, 4, 9, 10)]
    found = [Point(one, NO_PAGE, nothing) for one in seconds]
    ends, series = joined(found, START, 4.0)
    assert [end - START for end in ends] == [4.0, 10.0]
    assert series["up_nacks"] == [8.0, 4.0]
    assert series["rtt_ms"] == [64, 70]
    assert series["up_audio_bps"] == [2.5, 9.5]
    assert series["level"] == [86, 80]
    assert series["down_nacks"] == [0.0, 0.0]
    assert series["c_fps"] == series["mos"] == [None, None]


def test_what_is_known_of_some_seconds_only_is_joined_from_these() -> None:
    seconds = [second(at, rtt_ms=None if at % 2 else 50 + at) for at in (1, 2, 3, 4, 5)]
    ends, series = joined(points(seconds, [], []), START, 2.0)
    assert [end - START for end in ends] == [2.0, 4.0, 5.0]
    assert series["rtt_ms"] == [52, 54, None]
    assert joined([], START, 1.0)[0] == []
