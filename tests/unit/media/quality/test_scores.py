"""What a listener hears, from counters and what the page says."""

import pytest

from media.quality.page import PageView
from media.quality.scores import FLOWING, mean_path, missing_voice, voice_path, voice_score
from tests.fakes.seconds import second


def test_silence_that_a_page_made_is_missing_voice_only_while_voice_was_sent() -> None:
    page = PageView(concealed=0.02, silenced=0.3)
    far = second(1.0)
    assert missing_voice(second(1.0, down_audio_packets=50), far, page) == pytest.approx(0.32)
    assert missing_voice(second(1.0, down_audio_packets=FLOWING - 1), far, page) == pytest.approx(0.02)


def test_a_lying_page_makes_no_more_than_all_of_it_missing() -> None:
    assert missing_voice(second(1.0), second(1.0), PageView(concealed=1.0, silenced=1.0)) == 1.0


def test_stretches_of_time_are_joined_before_they_are_scored() -> None:
    good = voice_path(second(1.0), second(1.0), PageView(concealed=0.0, stretched=0.0))
    bad = voice_path(second(2.0), second(2.0), PageView(concealed=0.5, stretched=0.2))
    assert good is not None
    assert bad is not None
    joined = mean_path([good, bad])
    assert joined is not None
    assert (joined.missing, joined.stretched) == (0.25, 0.1)
    assert voice_score(bad) <= voice_score(joined) < voice_score(good)
    assert voice_score(good._replace(stretched=0.02)) < voice_score(good) - 0.5
    assert mean_path([]) is None
