"""Voices of a film that go through a cleaner: less noise in their pauses, everything where it was."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from media.codecs.clean_voice import CleanVoice
from media.codecs.opus import OpusEncoder
from media.recording.ebml import Block
from media.recording.export_sound import SAMPLE_RATE, Cleaner, Mixer
from tests.unit.media.codecs.signals import Pcm, frames, lag, noise, rms, speech

FRAME_MS = 20
CLEAN = partial(CleanVoice, noise=True, level=False)


def blocks(track: int, pcm: Pcm, at_ms: int = 0) -> Iterator[Block]:
    encoder = OpusEncoder()
    for number, frame in enumerate(frames(pcm)):
        yield Block(at_ms + number * FRAME_MS, track, True, encoder.encode(frame))


def mixed(blocks: list[Block], clean: Callable[[], Cleaner] | None) -> Pcm:
    """As the film takes it: by and by, a second behind what came."""
    mixer = Mixer({block.track for block in blocks}, clean)
    pieces = []
    for block in sorted(blocks, key=lambda block: block.time_ms):
        pieces.append(mixer.take(block.time_ms - 1000))
        mixer.add(block)
    return np.concatenate([*pieces, mixer.take(None)])


def test_pauses_have_less_noise_and_nothing_moves() -> None:
    voice = speech()
    loud = np.clip(voice.astype(int) + noise(len(voice), 400.0), -32_768, 32_767).astype(np.int16)
    plain, clean = mixed([*blocks(1, loud)], None), mixed([*blocks(1, loud)], CLEAN)
    assert len(plain) == len(clean)
    assert lag(voice, plain) <= 24
    assert lag(voice, clean) <= 48, "1 ms"
    windows = np.array([rms(frame) for frame in frames(voice)])[: len(plain) // 960]
    pause = (windows < 20) & (np.arange(len(windows)) > 100)
    before, after = (np.array([rms(frame) for frame in frames(pcm)])[pause].mean() for pcm in (plain, clean))
    assert 20 * np.log10(before / after) > 10


def test_the_end_before_a_jump_is_heard_and_what_follows_is_in_time() -> None:
    voice = speech(2.0)
    film = [*blocks(1, voice), *blocks(1, voice, 5_000), *blocks(2, np.zeros(8 * SAMPLE_RATE, np.int16))]
    heard = mixed(film, partial(CleanVoice, noise=False, level=False))
    levelled = mixed(film, partial(CleanVoice, noise=True, level=True))
    for found in (heard, levelled):
        assert len(found) >= 7 * SAMPLE_RATE
        assert rms(found[3 * SAMPLE_RATE : 4 * SAMPLE_RATE]) < 2
        for begin in (0, 5 * SAMPLE_RATE):
            part = found[begin : begin + len(voice)]
            assert lag(voice, part) <= 48
            last = slice(len(voice) - SAMPLE_RATE // 2, len(voice) - SAMPLE_RATE // 20)
            assert rms(part[last]) > 0.5 * rms(voice[last]), "the last half second, which the cleaner held"
