"""Another rate, the same sound."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from media.codecs.resample import RATES, Resampler, SoundFilter
from media.errors import CodecError
from tests.unit.media.codecs.signals import tone


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100])
def test_a_tone_is_the_same_tone_there_and_back(rate: int) -> None:
    there, back = Resampler(48_000, rate), Resampler(rate, 48_000)
    sent = tone(440, 1.0)
    middle = np.concatenate([*(there.push(sent[at : at + 960]) for at in range(0, len(sent), 960)), there.end()])
    assert abs(len(middle) - rate) <= 1
    heard = np.concatenate((back.push(middle), back.end()))
    assert abs(len(heard) - len(sent)) <= 10
    error = sent[2000:40_000].astype(float) - heard[2000:40_000]
    assert 10 * np.log10(np.mean(sent[2000:40_000].astype(float) ** 2) / np.mean(error**2)) > 40


def test_what_the_lower_rate_cannot_carry_does_not_come_back_as_something_else() -> None:
    down = Resampler(48_000, 16_000)
    heard = np.concatenate((down.push(tone(11_000, 1.0)), down.end()))
    assert np.abs(heard[500:-500]).max() < 80, "-40 dB"


def test_unknown_rates_are_refused() -> None:
    with pytest.raises(CodecError):
        SoundFilter(48_000, 1)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(RATES), st.lists(st.integers(0, 3000), max_size=8))
def test_nothing_is_lost_whatever_the_pieces(rate: int, sizes: list[int]) -> None:
    change = Resampler(48_000, rate)
    count = sum(len(change.push(np.zeros(size, np.int16))) for size in sizes)
    count += len(change.end())
    lost = abs(count - sum(sizes) * rate / 48_000)
    assert lost <= 2 or sum(sizes) <= 192, "a whole sound of 4 ms or less is shorter than the filter looks ahead"
