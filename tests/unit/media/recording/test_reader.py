"""Views: any range, seeking, several parts as one."""

import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given, strategies as st

from callserver.bench.recorded_call import Clocks, Numbering, Page, number_in
from callserver.bench.recorded_content import beginnings, heard_offsets, pictures, shown_offsets
from media.recording.errors import RecordingError, WrongKeyError
from media.recording.parts import close_cut_off
from media.recording.reader import RecordingReader
from media.recording.recorder import Recorder
from media.recording.views import View
from tests.sim.recorded import KEY, WALL, play_into, record, side_of, spec


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of both sides; the agent joins late."""
    folder = tmp_path_factory.mktemp("reader")
    agent = Page("a", pictures=Numbering(), seed=2, begins=3.1, ends=8.0, hz=600)
    record(folder / "r.rec", Page("c", pictures=Numbering(), ends=8.0), agent)
    return folder


@pytest.fixture(scope="module")
def view(folder: Path) -> Iterator[tuple[View, bytes]]:
    with RecordingReader.open(folder / "r.rec", KEY) as reader:
        view = reader.view("agent")
        yield view, view.read(0, view.size)


@given(st.data())
def test_any_range_is_that_part_of_the_whole(view: tuple[View, bytes], data: st.DataObject) -> None:
    one, whole = view
    offset = data.draw(st.integers(-1, len(whole) + 10))
    length = data.draw(st.one_of(st.integers(-1, 100), st.integers(0, len(whole) + 10)))
    expected = whole[offset : offset + length] if offset >= 0 and length > 0 else b""
    assert one.read(offset, length) == expected


def test_pieces_put_together_are_the_whole(view: tuple[View, bytes]) -> None:
    one, whole = view
    assert one.size == len(whole)
    assert b"".join(one.read(at, 997) for at in range(0, one.size, 997)) == whole
    assert b"".join(one.stream(100, 5000)) == whole[100:5100]


def test_everything_in_one_file_has_all_tracks_in_order_of_time(folder: Path) -> None:
    data = side_of(folder / "r.rec", None)
    with av.open(io.BytesIO(data), "r") as container:
        assert [stream.type for stream in container.streams].count("video") == 2
        assert [stream.type for stream in container.streams].count("audio") == 2
        times = [packet.dts * packet.time_base for packet in container.demux() if packet.dts is not None]
        assert len(times) > 700
        steps = [later - earlier for earlier, later in pairwise(times)]
        assert min(steps) > -0.2


def test_a_player_can_seek_by_the_cues(folder: Path) -> None:
    page = Page("c", pictures=Numbering(), ends=30.0)
    recorder = Recorder(spec(folder / "s.rec"), 0.0)

    def turn(_: float) -> None:
        page.key_wanted = True

    recorder.close(play_into(recorder, [page], at={second + 0.55: turn for second in (5.0, 12.0, 21.0)}))
    data = side_of(folder / "s.rec", "customer")
    with av.open(io.BytesIO(data), "r") as container:
        assert container.duration == pytest.approx(30e6, abs=0.3e6)
        for wanted, key in ((25.0, 21.6), (11.0, 5.6), (20.0, 12.6), (3.0, 0.0)):
            container.seek(int(wanted * 1e6))
            frame = next(container.decode(video=0))
            assert number_in(frame.reformat(format="gray").to_ndarray()) == pytest.approx(key * 10, abs=1)
            assert frame.time == pytest.approx(key, abs=0.2)


def test_parts_of_one_recording_are_one_film(tmp_path: Path) -> None:
    """The codec worker died at 4 s; a new one went on at 6 s, with other track numbers."""
    customer = Page("c", pictures=Numbering(), ends=4.0)
    recorder = Recorder(spec(tmp_path / "r.rec"), 0.0)
    play_into(recorder, [customer])  # and is killed
    again = Recorder(spec(tmp_path / "r.2.rec", part=2, file_salt=bytes(15) + b"2", wall_time=WALL + 6.0), 6.0)
    agent = Page("a", pictures=None, seed=4, begins=6.0, ends=7.0)
    customer = Page("c", pictures=Numbering(), seed=5, begins=7.0, ends=11.0, clocks=Clocks(wall=5e8))
    again.close(play_into(again, [agent, customer]))
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        assert reader.info.parts == 2
        assert not reader.info.complete
        assert reader.info.problem == "the recorder broke off and went on in another file"
        assert reader.info.sides == ("customer", "agent")
        assert reader.info.seconds == pytest.approx(11.1, abs=0.2)
    data = side_of(tmp_path / "r.rec", "customer")
    numbers = {number for _, number, _, _ in pictures(data)}
    assert {*range(32), *range(70, 110)} <= numbers <= {*range(40), *range(70, 110)}
    assert [round(begin) for begin in beginnings(data)][-4:] == [7, 8, 9, 10]
    shown, heard = shown_offsets(data), heard_offsets(data)
    whole = shown.keys() & heard.keys()
    assert len(whole) > 4
    assert all(abs(shown[second] - heard[second]) < 40 for second in whole)
    assert close_cut_off(tmp_path / "r.rec", KEY, lambda count: b"9" * count)
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        assert reader.info.complete
    (tmp_path / "r.rec").unlink()
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        assert (reader.info.complete, reader.info.problem) == (False, "part 1 is missing")


def test_a_part_that_cannot_be_read_is_told_and_the_others_play(tmp_path: Path) -> None:
    record(tmp_path / "r.rec", Page("c", pictures=Numbering(), ends=2.0))
    (tmp_path / "r.2.rec").write_bytes(b"damaged")
    with RecordingReader.open(tmp_path / "r.rec", KEY) as reader:
        assert not reader.info.complete
        assert "r.2.rec cannot be read" in (reader.info.problem or "")
        assert reader.view("customer").size > 1000
    with pytest.raises(WrongKeyError):
        RecordingReader.open(tmp_path / "r.rec", bytes(32))


def test_what_is_not_there_is_said(folder: Path) -> None:
    with RecordingReader.open(folder / "r.rec", KEY) as reader, pytest.raises(RecordingError, match="side nobody"):
        reader.view("nobody")
    with pytest.raises(RecordingError, match="no recording x"):
        RecordingReader.open(folder / "x.rec", KEY)
