"""The encrypted file: what is cut off, changed, moved or opened with another key."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from callserver.bench.recorded_call import Numbering, Page
from media.recording.chunks import ChunkFile, ChunkWriter, FileSink, Identity, Kind, read_identity
from media.recording.ebml import Block
from media.recording.errors import FormatError, RecordingError, TamperedError, WrongKeyError
from media.recording.parts import close_cut_off
from media.recording.reader import RecordingReader
from tests.sim.recorded import KEY, record

CONTENTS = [b"first", b"", b"x" * 5000, b"last"]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A closed recording of a second, small enough to try everything with."""
    path = tmp_path_factory.mktemp("recording") / "r.rec"
    record(path, Page("c", pictures=Numbering(32, 32), ends=1.1))
    return path.read_bytes()


def blocks(path: Path, *, salvage: bool = False) -> list[Block]:
    with RecordingReader.open(path, KEY) as reader:
        return list(reader.blocks(salvage=salvage))


def written(path: Path, salt: bytes = bytes(16)) -> None:
    writer = ChunkWriter(FileSink(path), KEY, Identity("id"), salt)
    for content in CONTENTS:
        place = writer.write(Kind.EVENT, content)
    writer.finish(writer.write(Kind.END, b"the end"))
    writer.sync()
    writer.close()
    assert place.number == 3


def test_chunks_are_read_as_they_were_written(tmp_path: Path) -> None:
    written(tmp_path / "f")
    file = ChunkFile(tmp_path / "f", KEY)
    assert [file.read(place) for place in file.places()] == [*CONTENTS, b"the end"]
    end = file.end()
    assert end is not None
    assert file.read(end) == b"the end"
    file.close()
    assert read_identity(tmp_path / "f") == Identity("id")
    assert b"first" not in (tmp_path / "f").read_bytes()


def test_the_file_is_for_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    written(tmp_path / "f")
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        FileSink(tmp_path / "f")


def test_parts_of_one_recording_share_no_key_stream(tmp_path: Path) -> None:
    """The same content under the same data key, but another salt of the file, has nothing in common."""
    written(tmp_path / "one", bytes(16))
    written(tmp_path / "two", bytes(15) + b"\x01")
    one, two = ((tmp_path / name).read_bytes()[60:] for name in ("one", "two"))
    alike = sum(a == b for a, b in zip(one, two, strict=True))
    assert alike < len(one) / 20


def test_another_key_is_named_as_that(tmp_path: Path, recording: bytes) -> None:
    (tmp_path / "r.rec").write_bytes(recording)
    with pytest.raises(WrongKeyError, match="of recording r"):
        RecordingReader.open(tmp_path / "r.rec", bytes(32))


def test_wherever_it_is_cut_off_what_is_left_is_read_or_refused_in_words(tmp_path: Path, recording: bytes) -> None:
    """Every byte, not only the boundaries: nothing but RecordingError, nothing that was not written."""
    path = tmp_path / "r.rec"
    path.write_bytes(recording)
    whole = blocks(path)
    longest = -1
    for size in range(0, len(recording), 1 if len(recording) < 12_000 else 3):
        path.write_bytes(recording[:size])
        try:
            with RecordingReader.open(path, KEY) as reader:
                assert not reader.info.complete or size > len(recording) - 20
                assert reader.info.complete or reader.info.problem
                left = list(reader.blocks())
        except (FormatError, RecordingError):
            assert longest < 0, "what could be read with fewer bytes can be read with more"
            continue
        assert left == whole[: len(left)]
        assert len(left) >= longest
        longest = len(left)
    assert longest == len(whole)


def test_a_cut_off_file_is_closed_later_and_is_whole_from_then_on(tmp_path: Path, recording: bytes) -> None:
    path = tmp_path / "r.rec"
    for size in range(len(recording) * 2 // 3, len(recording), 97):
        path.write_bytes(recording[:size])
        left = blocks(path)
        closed = close_cut_off(path, KEY, lambda count: b"\x07" * count)
        assert closed or size > len(recording) - 20
        assert not close_cut_off(path, KEY, lambda count: b"\x07" * count)
        assert blocks(path) == left
        with RecordingReader.open(path, KEY) as reader:
            assert reader.info.complete
            check = reader.check()
            assert (check.damaged, check.complete) == ((), True)


def test_a_torn_chunk_and_its_successor_have_different_nonces(tmp_path: Path, recording: bytes) -> None:
    """Otherwise whoever saw both could take one text off the other."""
    path = tmp_path / "r.rec"
    path.write_bytes(recording[: len(recording) - 30])
    torn = ChunkFile(path, KEY)
    *_, last = torn.places()
    start = torn.intact_bytes
    torn.close()
    before = path.read_bytes()[start : start + 18]
    close_cut_off(path, KEY, lambda count: b"\x07" * count)
    after = path.read_bytes()[start : start + 18]
    assert before[2:6] != after[2:6]
    assert before[10:18] == after[10:18]
    assert last.number + 1 == int.from_bytes(after[10:18])


def test_zeros_at_the_end_are_an_end(tmp_path: Path, recording: bytes) -> None:
    """A file system may have grown the file before a power cut, and never written it."""
    path = tmp_path / "r.rec"
    path.write_bytes(recording[: len(recording) // 2])
    left = blocks(path)
    path.write_bytes(recording[: len(recording) // 2] + bytes(5000))
    assert blocks(path) == left
    assert close_cut_off(path, KEY, lambda count: b"\x07" * count)


def test_whatever_byte_is_changed_nobody_gets_other_content(tmp_path: Path, recording: bytes) -> None:
    """Every byte, each time another bit of it."""
    path = tmp_path / "r.rec"
    path.write_bytes(recording)
    whole = blocks(path)
    for at in range(0, len(recording), 1 if len(recording) < 12_000 else 5):
        changed = bytearray(recording)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        try:
            with RecordingReader.open(path, KEY) as reader:
                seen = list(reader.blocks())
                check = reader.check()
        except RecordingError:
            continue
        assert set(seen) <= set(whole)
        # What is not a cluster's shows in a check of the whole, or at the footer, whose loss costs nothing.
        assert check.damaged or not check.complete or at >= len(recording) - 16


def test_chunks_exchanged_left_out_or_repeated_are_found(tmp_path: Path, recording: bytes) -> None:
    path = tmp_path / "r.rec"
    path.write_bytes(recording)
    file = ChunkFile(path, KEY)
    places = list(file.places())
    file.close()
    pieces = [recording[place.start : place.end] for place in places]
    head, foot = recording[: places[0].start], recording[places[-1].end :]
    one, two = [at for at, place in enumerate(places) if place.kind == Kind.CLUSTER][1:3]
    orders = {
        "exchanged": [*pieces[:one], pieces[two], *pieces[one + 1 : two], pieces[one], *pieces[two + 1 :]],
        "left out": [*pieces[:one], *pieces[one + 1 :]],
        "repeated": [*pieces[: one + 1], *pieces[one:]],
    }
    for name, order in orders.items():
        path.write_bytes(head + b"".join(order) + foot)
        try:
            with RecordingReader.open(path, KEY) as reader:
                check = reader.check()
        except TamperedError:
            continue
        assert check.damaged or not check.complete, name


def test_a_damaged_cluster_is_an_error_or_with_salvage_an_empty_place(tmp_path: Path, recording: bytes) -> None:
    path = tmp_path / "r.rec"
    path.write_bytes(recording)
    with RecordingReader.open(path, KEY) as reader:
        view = reader.view("customer")
        whole = view.read(0, view.size)
    file = ChunkFile(path, KEY)
    cluster = [place for place in file.places() if place.kind == Kind.CLUSTER][1]
    file.close()
    changed = bytearray(recording)
    changed[cluster.start + 40] ^= 1
    path.write_bytes(changed)
    with RecordingReader.open(path, KEY) as reader:
        view = reader.view("customer")
        with pytest.raises(TamperedError, match=f"chunk {cluster.number} was changed"):
            view.read(0, view.size)
        kept = reader.view("customer", salvage=True)
        saved = kept.read(0, kept.size)
        assert kept.damaged == 1
    assert len(saved) == len(whole)
    assert saved != whole
    left = blocks(path, salvage=True)
    path.write_bytes(recording)
    assert 0 < len(left) < len(blocks(path))
    assert set(left) < set(blocks(path))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: bytes, ours: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.rec"
    written_path = tmp_path_factory.getbasetemp() / "template.rec"
    if not written_path.exists():
        written(written_path)
    path.write_bytes(written_path.read_bytes()[:50] + data if ours else data)
    with pytest.raises(RecordingError):
        RecordingReader.open(path, KEY).close()
