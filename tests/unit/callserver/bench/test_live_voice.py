"""A leg's voice, decoded, cleaned and encoded anew: noise falls, words stay, the delay is told."""

import pytest

from callserver.bench import noise
from callserver.bench.codecs import load_speech


def test_the_bench_tells_what_a_cleaned_leg_gains_and_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "_scorer", lambda speech: None)  # PESQ takes seconds
    monkeypatch.setattr(noise, "SNRS_DB", (15,))
    figures = noise.measure_live_voice(load_speech(4))
    assert figures is not None
    assert figures.pesq_forwarded is None
    assert figures.pesq_cleaned is None
    assert figures.snr_cleaned_db > figures.snr_forwarded_db + 6
    assert 26 <= figures.added_delay_ms <= 50, "resampling, blocks of 10 ms, the suppressor, the encoder"
    assert 0 < figures.core_percent == pytest.approx(figures.us / 200, abs=0.01)
