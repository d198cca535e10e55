"""The source's clock against ours."""

from media.receive.clock import SourceClock, StreamClock
from media.wire.ntp import ntp_shifted

START = 0xE1234567 << 32


def test_an_instant_is_told_in_the_sources_timestamps() -> None:
    source = SourceClock()
    stream = StreamClock(source, 48000)
    assert stream.timestamp_at(5.0) is None
    stream.reported(ntp_shifted(START, 10.0), 480_000, 110.3)  # transit 0.3 s
    stream.reported(ntp_shifted(START, 11.0), 528_000, 111.1)  # transit 0.1 s: met no queue
    assert stream.timestamp_at(112.1) == 12 * 48000
    assert stream.report_delay(111.6) == 32768


def test_audio_and_video_share_one_offset() -> None:
    source = SourceClock()
    audio, video = StreamClock(source, 48000), StreamClock(source, 90000)
    audio.reported(ntp_shifted(START, 10.0), 10 * 48000, 110.4)
    video.reported(ntp_shifted(START, 10.0), 10 * 90000, 110.1)
    heard, seen = audio.timestamp_at(111.0), video.timestamp_at(111.0)
    assert heard is not None
    assert seen is not None
    assert abs(heard / 48000 - seen / 90000) < 1e-4


def test_a_clock_that_was_set_is_followed() -> None:
    source = SourceClock()
    source.reported(ntp_shifted(START, 10.0), 110.1)
    source.reported(ntp_shifted(START, 3611.0), 111.1)
    assert source.offset is not None
    stream = StreamClock(source, 90000)
    stream.reported(ntp_shifted(START, 3612.0), 900, 112.1)
    assert stream.timestamp_at(112.1) in (900, 899, 901)


def test_slow_drift_is_followed_within_two_windows() -> None:
    source = SourceClock()
    for second in range(60):
        source.reported(ntp_shifted(START, second * 1.0), 100.0 + second * 1.0005)
    first = 100.0 - (START >> 32)
    assert source.offset is not None
    assert 0.0005 * 35 < source.offset - first < 0.0005 * 60


def test_an_old_report_says_nothing() -> None:
    stream = StreamClock(SourceClock(), 48000)
    stream.reported(START, 0, 100.0)
    assert stream.timestamp_at(129.0) is not None
    assert stream.timestamp_at(131.0) is None
    stream.reset()
    assert stream.report_delay(131.0) == 0
