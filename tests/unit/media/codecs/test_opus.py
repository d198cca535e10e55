"""What was encoded is decoded and compared; what was lost comes back as well as it can."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from media.codecs import opus
from media.codecs.opus import MAX_FRAME_SAMPLES, OpusDecoder, OpusEncoder, OpusSettings, has_fec, version
from media.errors import CodecError
from tests.unit.media.codecs.signals import Pcm, frames, lag, snr_db, speech, tone


def coded(pcm: Pcm, encoder: OpusEncoder) -> list[bytes]:
    return [encoder.encode(frame) for frame in frames(pcm)]


def decoded(packets: list[bytes]) -> Pcm:
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(packet) for packet in packets])


def rates(packets: list[bytes]) -> float:
    return sum(map(len, packets)) * 8 / (len(packets) * 0.02)


def test_the_library_is_recent() -> None:
    assert version().startswith("libopus ")


def test_a_tone_comes_back() -> None:
    sent = tone(440, 1.0)
    heard = decoded(coded(sent, OpusEncoder(OpusSettings(bitrate_bps=64_000))))
    behind = lag(sent, heard)
    assert 200 < behind < 500, "the encoder's look-ahead, 6.5 ms"
    assert snr_db(sent[4800:40_000], heard[4800 + behind : 40_000 + behind]) > 20


def test_lost_frames_fec_is_better_than_concealment_and_that_better_than_silence() -> None:
    packets = coded(speech(), OpusEncoder(OpusSettings(bitrate_bps=32_000, expected_loss=0.2)))
    whole = frames(decoded(packets))
    with_fec, concealed = OpusDecoder(), OpusDecoder()
    lost = range(7, len(packets) - 1, 7)
    errors = {"fec": 0.0, "plc": 0.0, "silence": 0.0}
    for number, packet in enumerate(packets):
        reference = whole[number].astype(float)
        if number in lost:
            errors["fec"] += float(np.sum((with_fec.recover(packets[number + 1]) - reference) ** 2))
            errors["plc"] += float(np.sum((concealed.conceal() - reference) ** 2))
            errors["silence"] += float(np.sum(reference**2))
        else:
            with_fec.decode(packet)
            concealed.decode(packet)
    gained = {name: 10 * np.log10(errors["silence"] / error) for name, error in errors.items()}
    assert gained["fec"] > gained["plc"] + 1.5
    assert gained["plc"] > 0.5


def test_speech_at_its_own_rate_is_what_it_is_at_48_khz() -> None:
    packets = coded(speech(), OpusEncoder(OpusSettings(bitrate_bps=32_000, expected_loss=0.2)))
    wide, narrow = OpusDecoder(), OpusDecoder(opus.SPEECH_RATE_HZ)
    for number, packet in enumerate(packets):
        if number % 7 == 5:
            assert (len(wide.conceal()), len(narrow.conceal())) == (960, 320)
        elif number % 7 == 6:
            assert (len(wide.recover(packet)), len(narrow.recover(packet))) == (960, 320)
        else:
            assert 3 * len(narrow.decode(packet)) == len(wide.decode(packet)) == 960
    encoder = OpusEncoder(opus.speech(48_000, 0.1), opus.SPEECH_RATE_HZ)
    again = [encoder.encode(narrow.decode(packet)) for packet in packets]
    assert all(again)
    assert any(has_fec(packet) for packet in again)
    with pytest.raises(CodecError):
        encoder.encode(np.zeros(480, np.int16))
    with pytest.raises(CodecError):
        narrow.conceal(2000)
    for make in (OpusDecoder, lambda rate: OpusEncoder(None, rate)):
        with pytest.raises(CodecError):
            make(44_100)


def test_where_bits_are_there_fec_costs_less() -> None:
    assert opus.speech(opus.FEC_SPEECH_BPS, 0.1).complexity < opus.speech(32_000, 0.1).complexity
    assert opus.speech(opus.FEC_SPEECH_BPS).complexity == OpusSettings().complexity


def test_settings_change_in_place() -> None:
    encoder = OpusEncoder(OpusSettings(bitrate_bps=40_000))
    sound = speech()
    quarter = len(sound) // 4 // 960 * 960
    rich = coded(sound[:quarter], encoder)
    encoder.change(OpusSettings(bitrate_bps=12_000))
    poor = coded(sound[quarter : 2 * quarter], encoder)
    assert rates(poor) < 0.5 * rates(rich)
    assert not any(map(has_fec, rich + poor))
    encoder.change(OpusSettings(bitrate_bps=32_000, expected_loss=0.15))
    safe = coded(sound[2 * quarter : 3 * quarter], encoder)
    assert sum(map(has_fec, safe)) > len(safe) / 3
    encoder.change(OpusSettings(bitrate_bps=32_000, expected_loss=0.15, fec=False))
    assert not any(map(has_fec, coded(sound[3 * quarter :], encoder)[2:]))
    heard = decoded(rich + poor)
    sent = sound[: 2 * quarter]
    behind = lag(sent, heard)
    assert np.corrcoef(sent[: len(heard) - behind], heard[behind:])[0, 1] > 0.7, "no break where settings changed"


def test_speech_is_kept_to_8_khz_and_music_to_20() -> None:
    sent = tone(12_000, 0.5) + tone(1_000, 0.5)
    loud = {}
    for bandwidth in (8_000, 20_000):
        heard = decoded(coded(sent, OpusEncoder(OpusSettings(bitrate_bps=96_000, bandwidth_hz=bandwidth))))
        loud[bandwidth] = float(np.abs(np.fft.rfft(heard[12_000:21_600]))[12_000 // 5])
    assert loud[20_000] > 100 * loud[8_000]


def test_silence_with_dtx_sends_nearly_nothing() -> None:
    encoder = OpusEncoder(OpusSettings(dtx=True))
    sent = [packet for packet in coded(np.zeros(48_000 * 3, np.int16), encoder) if packet]
    assert len(sent) < 40


@pytest.mark.parametrize("samples", [120, 480, 960, 2880])
def test_frames_of_every_length(samples: int) -> None:
    packet = OpusEncoder().encode(tone(300, 0.06)[:samples])
    assert len(OpusDecoder().decode(packet)) == samples


@pytest.mark.parametrize("pcm", [np.zeros(961, np.int16), np.zeros((960, 1), np.int16), np.zeros(960, np.float32)])
def test_other_frames_are_refused(pcm: Pcm) -> None:
    with pytest.raises(CodecError):
        OpusEncoder().encode(pcm)


def test_settings_out_of_range_are_refused_and_change_nothing() -> None:
    encoder = OpusEncoder()
    for wrong in (OpusSettings(bitrate_bps=100), OpusSettings(complexity=11), OpusSettings(bandwidth_hz=1)):
        with pytest.raises(CodecError):
            encoder.change(wrong)
        assert encoder.settings == OpusSettings()
    assert encoder.encode(np.zeros(480, np.int16))


@pytest.mark.parametrize("samples", [0, 100, -960, MAX_FRAME_SAMPLES + 120])
def test_concealment_of_an_impossible_length_is_refused(samples: int) -> None:
    with pytest.raises(CodecError):
        OpusDecoder().conceal(samples)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_any_bytes_decode_or_are_refused_and_the_decoder_goes_on(packets: list[bytes]) -> None:
    decoder = OpusDecoder()
    for packet in packets:
        with suppress(CodecError):
            assert 0 < len(decoder.decode(packet)) <= MAX_FRAME_SAMPLES
        with suppress(CodecError):
            assert len(decoder.recover(packet)) == 960
    assert len(decoder.conceal()) == 960
