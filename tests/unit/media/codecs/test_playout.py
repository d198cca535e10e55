"""Packets through jitter, loss and bursts to steady sound, in virtual time: delay, quality, damage."""

import random
from collections.abc import Callable

import numpy as np
from hypothesis import given, settings, strategies as st

from media.codecs.opus import OpusEncoder, OpusSettings
from media.codecs.playout import VoicePlayout
from tests.unit.media.codecs.signals import Pcm, frames, snr_db, speech, tone

TICK = 0.02
START = 0xFFFF_0000


def packets_of(pcm: Pcm, expected_loss: float = 0.0) -> list[bytes]:
    encoder = OpusEncoder(OpusSettings(bitrate_bps=40_000, expected_loss=expected_loss))
    return [encoder.encode(frame) for frame in frames(pcm)]


def heard(
    packets: list[bytes], delay: Callable[[float], float], lost: Callable[[int], bool] = lambda _: False
) -> tuple[Pcm, VoicePlayout]:
    """What a reader hears that asks every 20 ms."""
    arrivals = sorted((n * TICK + delay(n * TICK), n) for n in range(len(packets)) if not lost(n))
    playout = VoicePlayout()
    sound, at = [], 0
    for tick in range(len(packets)):
        now = tick * TICK + 0.007
        while at < len(arrivals) and arrivals[at][0] <= now:
            arrival, number = arrivals[at]
            playout.insert((START + number * 960) & 0xFFFFFFFF, packets[number], arrival)
            at += 1
        sound.append(playout.read(now))
        assert sound[-1].shape == (960,)
    return np.concatenate(sound), playout


def voiced(pcm: Pcm, hertz: float) -> float:
    """How much of the sound's energy is within 8 Hz of a tone, in dB above the rest."""
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(pcm), 1 / 48_000) - hertz) < 8
    return float(10 * np.log10(power[near].sum() / power[~near].sum()))


def test_a_clean_path_changes_not_one_sample() -> None:
    packets = packets_of(speech(3.0))
    sound, playout = heard(packets, lambda _: 0.05)
    reference, _ = heard(packets, lambda _: 0.0)
    delay = 3 * 960
    assert (
        np.array_equal(sound[delay:], reference[: len(sound) - delay])
        or snr_db(reference[9600 : len(sound) - delay], sound[delay + 9600 :]) > 60
    )
    assert playout.accelerated_samples == playout.expanded_samples == 0


def test_a_tone_through_jitter_is_still_that_tone() -> None:
    dice = random.Random(1)
    sound, playout = heard(packets_of(tone(300, 12.0)), lambda _: 0.05 + dice.uniform(0, 0.08))
    assert voiced(sound[4 * 48_000 :], 300) > 20
    assert playout.buffer.target >= 0.06


def test_after_a_burst_the_sound_is_on_time_again() -> None:
    packets = packets_of(speech(14.0))
    _, playout = heard(packets, lambda t: 0.05 + (max(0.0, 2.5 - t) if t >= 2 else 0.0))
    assert playout.buffer.target <= 0.03
    assert playout.buffer.level <= 0.06
    assert playout.accelerated_samples > 0.3 * 48_000


def test_fec_is_used_when_packets_are_lost() -> None:
    lost = set(range(100, 400, 8))
    packets = packets_of(speech(9.0), expected_loss=0.2)
    _, playout = heard(packets, lambda _: 0.05, lambda n: n in lost)
    assert playout.buffer.statistics.recovered_samples >= 0.8 * len(lost) * 960


def test_corrupt_packets_are_concealed_and_counted() -> None:
    packets = packets_of(tone(300, 2.0))
    packets[50] = b"\x7b\x01" + b"\xff" * 3
    packets[60] = bytes((packets[60][0] | 3, 0x3F)) + packets[60][1:]
    sound, playout = heard(packets, lambda _: 0.05)
    assert len(sound) == len(packets) * 960
    assert playout.corrupt + playout.buffer.statistics.malformed >= 1
    assert voiced(sound[4800:], 300) > 10


def test_silence_while_nothing_comes() -> None:
    assert not VoicePlayout().read(0.0).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=80), st.integers(0, 3)), max_size=40))
def test_any_packets_give_steady_sound(inputs: list[tuple[int, bytes, int]]) -> None:
    playout = VoicePlayout()
    now = 0.0
    for number, payload, reads in inputs:
        playout.insert(number * 960, payload, now)
        for _ in range(reads):
            now += TICK
            assert len(playout.read(now)) == 960
