"""Keys: wrapped, rotated, missing, wrong, destroyed."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from media.recording import keys
from media.recording.errors import FormatError, MissingKeyError, RecordingError, WrongKeyError


class Chance:
    """Never the same bytes twice, always the same row."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, count: int) -> bytes:
        self.calls += 1
        return self.calls.to_bytes(count)


def test_a_data_key_comes_back_from_its_file(tmp_path: Path) -> None:
    chance = Chance()
    ring = keys.load_or_create_ring(tmp_path / "ring", chance)
    data_key = keys.create_data_key(tmp_path / "r.rec", "r", ring, chance)
    assert keys.open_data_key(tmp_path / "r.rec", keys.load_ring(tmp_path / "ring")) == data_key
    for name in ("ring", "r.key"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert data_key not in (tmp_path / "r.key").read_bytes()
    with pytest.raises(RecordingError, match="has a key already"):
        keys.create_data_key(tmp_path / "r.rec", "r", ring, chance)


def test_after_a_rotation_old_and_new_keys_open_until_the_old_is_taken_out(tmp_path: Path) -> None:
    chance = Chance()
    first = keys.load_or_create_ring(tmp_path / "ring", chance)
    path = tmp_path / "r.rec"
    data_key = keys.create_data_key(path, "r", first, chance)
    second = first.rotated("2", chance)
    assert keys.open_data_key(path, second) == data_key
    assert keys.rewrap(path, second, chance)
    assert not keys.rewrap(path, second, chance)
    only_new = second.without("1")
    assert keys.open_data_key(path, only_new) == data_key
    with pytest.raises(MissingKeyError, match="master key '2' is not in the key ring"):
        keys.open_data_key(path, first)
    with pytest.raises(FormatError):
        second.rotated("2", chance)
    with pytest.raises(FormatError):
        second.without("2")


def test_a_key_of_another_recording_or_ring_does_not_open(tmp_path: Path) -> None:
    chance = Chance()
    ring = keys.load_or_create_ring(tmp_path / "ring", chance)
    keys.create_data_key(tmp_path / "r.rec", "r", ring, chance)
    text = (tmp_path / "r.key").read_text()
    (tmp_path / "s.key").write_text(text.replace('"r"', '"s"'))
    with pytest.raises(WrongKeyError):
        keys.open_data_key(tmp_path / "s.rec", ring)
    other = keys.KeyRing({"1": bytes(32)}, "1")
    with pytest.raises(WrongKeyError):
        keys.open_data_key(tmp_path / "r.rec", other)


def test_a_destroyed_key_is_gone_and_said_to_be(tmp_path: Path) -> None:
    chance = Chance()
    ring = keys.load_or_create_ring(tmp_path / "ring", chance)
    keys.create_data_key(tmp_path / "r.rec", "r", ring, chance)
    assert keys.destroy_key(tmp_path / "r.rec")
    assert not keys.destroy_key(tmp_path / "r.rec")
    with pytest.raises(MissingKeyError, match=r"r\.key"):
        keys.open_data_key(tmp_path / "r.rec", ring)


@given(st.one_of(st.binary(max_size=200), st.just(b"{}"), st.just(b'{"current":"1","keys":{}}')))
def test_files_that_are_no_keys_are_refused_in_words(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.key"
    path.write_bytes(data)
    with pytest.raises(RecordingError):
        keys.load_ring(path)
    with pytest.raises(RecordingError):
        keys.read_wrapped_key(path)
