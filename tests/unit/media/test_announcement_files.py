"""The files that come with the package: every language, the right form, the right loudness; and an operator's own."""

import shutil
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, strategies as st

from media.announcement import SPOKEN, SPOKEN_LANGUAGES, Announcement
from media.codecs.pictures import PictureDecoder, VideoCodec
from media.errors import UnavailableError, WireError
from media.io.announcements import FRAGMENT_BYTES, OWN_FILES, Announcements, stated_names
from media.receive.depacketise import join_vp8
from media.wire.containers import read_ivf_vp8, read_ogg_opus
from tools.announcements.loudness import loudness


def sound_of(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)]).astype(float)


@pytest.mark.parametrize("path", sorted(OWN_FILES.glob("*.opus")), ids=lambda path: path.stem)
def test_every_sound_is_as_loud_as_the_others_and_does_not_clip(path: Path) -> None:
    sound = sound_of(path)
    assert loudness(sound) == pytest.approx(-23.0, abs=0.3)
    assert np.abs(sound).max() < 0.95


def test_loudness_is_measured_as_the_standard_says() -> None:
    """A sine of 997 Hz at 0 dBFS in one channel is -3.01 LUFS (ITU-R BS.1770-4, annex 1)."""
    time = np.arange(5 * 48_000) / 48_000
    assert loudness(np.sin(2 * np.pi * 997 * time)) == pytest.approx(-3.01, abs=0.05)
    quiet = np.concatenate([0.1 * np.sin(2 * np.pi * 997 * time), np.zeros(10 * 48_000)])
    assert loudness(quiet) == pytest.approx(-23.01, abs=0.15)  # silence is gated


def test_there_is_everything_in_every_language() -> None:
    files = Announcements()
    for name in Announcement:
        names = list(stated_names(name))
        assert len(names) == (8 if name in SPOKEN else 1)
        for stated in names:
            clip = files.clip(stated, repeat=True)
            assert clip.voice or clip.picture
            assert clip.repeat
    assert set(SPOKEN_LANGUAGES) == {"en", "es", "de", "fr", "pt-BR", "ar", "id", "zh-CN"}


@pytest.mark.parametrize("stated", ["", "music", "waiting.en", "recording_started", "recording_started.xx", "../x.en"])
def test_what_there_is_not_is_refused(stated: str) -> None:
    with pytest.raises(UnavailableError):
        Announcements().clip(stated, repeat=False)


def test_the_hold_picture_stays_the_same_however_often_it_is_sent() -> None:
    picture = Announcements().clip("hold_picture", repeat=True).picture
    assert picture is not None
    assert all(len(payload) <= FRAGMENT_BYTES + 1 for payload in picture.key + picture.same)
    decoder = PictureDecoder(VideoCodec.VP8)
    decoder.decode(join_vp8(picture.key))
    shown = [decoder.decode(join_vp8(picture.same)) for _ in range(30)]
    assert shown[0] is not None
    assert shown[-1] is not None
    assert (shown[0].width, shown[0].height) == (640, 360)
    assert np.array_equal(shown[0].to_ndarray(), shown[-1].to_ndarray())


def test_an_operators_file_replaces_ours_and_a_broken_one_does_not(tmp_path: Path) -> None:
    shutil.copy(OWN_FILES / "ring_back.opus", tmp_path / "waiting.opus")
    (tmp_path / "ring_back.opus").write_bytes(b"OggS is not enough")
    files = Announcements(tmp_path)
    ours = Announcements()
    assert files.clip("waiting", repeat=True).voice == ours.clip("ring_back", repeat=True).voice
    assert files.clip("ring_back", repeat=True).voice == ours.clip("ring_back", repeat=True).voice


@given(st.binary(max_size=400), st.integers(0, 400))
def test_damaged_files_are_errors_and_nothing_else(noise: bytes, at: int) -> None:
    for name, read in (("ring_back.opus", read_ogg_opus), ("hold_picture.ivf", read_ivf_vp8)):
        good = (OWN_FILES / name).read_bytes()
        for data in (noise, good[:at], good[:at] + noise + good[at + len(noise) :]):
            with suppress(WireError):
                read(data)
