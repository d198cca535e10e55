"""The film of both sides: who is where, what is heard, what is left behind when it is not finished."""

from pathlib import Path

import av
import numpy as np
import pytest

from callserver.bench.recorded_call import Numbering, Page, number_in
from callserver.bench.recorded_content import beginnings
from media.recording.errors import RecordingError
from media.recording.export import Mp4Export
from media.recording.reader import RecordingReader
from tests.sim.recorded import KEY, record

CELL = (128, 128)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "r.rec"
    agent = Page("a", pictures=Numbering(), seed=2, begins=2.0, ends=6.0, hz=600)
    record(path, Page("c", pictures=Numbering(), ends=6.0), agent)
    return path


def test_both_sides_are_seen_and_heard_in_time(recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    with RecordingReader.open(recording, KEY) as reader:
        export = Mp4Export(reader, out, cell=CELL)
        progress = list(export.run())
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert len(progress) > 10
    assert export.skipped == 0
    with av.open(str(out), "r") as film:
        assert (film.streams.video[0].width, film.streams.video[0].height) == (256, 128)
        for frame in film.decode(video=0):
            luma = frame.reformat(format="gray").to_ndarray()
            left, right = luma[:, :128], luma[:, 128:]
            assert frame.time is not None
            if frame.time > 0.3:
                assert number_in(left) / 10 == pytest.approx(frame.time - 0.07, abs=0.15)
            if frame.time > 2.4:
                assert number_in(right) / 10 == pytest.approx(frame.time - 0.07, abs=0.15)
            elif frame.time < 2.0:
                assert np.abs(right.astype(int) - 32).max() < 20
    data = out.read_bytes()
    assert beginnings(data, 1_000) == pytest.approx([1.07, 2.07, 3.07, 4.07, 5.07], abs=0.04)
    assert beginnings(data, 600) == pytest.approx([2.07, 3.07, 4.07, 5.07], abs=0.04)


def test_leaving_it_leaves_nothing_behind(recording: Path, tmp_path: Path) -> None:
    with RecordingReader.open(recording, KEY) as reader:
        work = Mp4Export(reader, tmp_path / "film.mp4", cell=CELL).run()
        while next(work) < 0.5:
            pass
        assert any(tmp_path.iterdir())
        work.close()
    assert not any(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_an_error(recording: Path, tmp_path: Path) -> None:
    with RecordingReader.open(recording, KEY) as reader, pytest.raises((RecordingError, OSError)):
        list(Mp4Export(reader, tmp_path / "none" / "film.mp4").run())


def test_voices_alone_make_a_film_without_pictures(tmp_path: Path) -> None:
    record(tmp_path / "r.rec", Page("c", pictures=Numbering(), ends=3.0), audio_only=True)
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        list(Mp4Export(reader, tmp_path / "film.mp4").run())
    with av.open(str(tmp_path / "film.mp4"), "r") as film:
        assert [stream.type for stream in film.streams] == ["audio"]
    assert len(beginnings((tmp_path / "film.mp4").read_bytes())) == 2
