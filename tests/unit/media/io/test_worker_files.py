"""Sockets and notes of workers: private, short enough, and never mistaken for somebody else's."""

import errno
import os
import signal
import stat
from pathlib import Path

import pytest

from media.io import worker_files
from media.io.worker_files import RunDirectoryError, WorkerNote


def test_the_directory_is_private(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    directory = worker_files.run_directory(tmp_path)
    assert directory == tmp_path / "run"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_path_too_long_for_a_socket_becomes_a_short_one_that_is_always_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "r")  # short, wherever the tests run
    long = tmp_path / ("x" * 100)
    first, second = worker_files.run_directory(long), worker_files.run_directory(long)
    assert first == second
    assert len(os.fsencode(worker_files.new_socket(first))) <= worker_files.MAX_SOCKET_PATH_BYTES
    assert worker_files.run_directory(tmp_path / ("y" * 100)) != first
    assert stat.S_IMODE(first.stat().st_mode) == 0o700
    assert first.parent == Path("r")


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(RunDirectoryError):
        worker_files.run_directory(tmp_path)
    (tmp_path / "run").unlink()
    (tmp_path / "run").symlink_to(tmp_path)
    with pytest.raises(RunDirectoryError, match="somebody else"):
        worker_files.run_directory(tmp_path)


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    def claim_again() -> None:
        with worker_files.claimed(tmp_path):
            pass

    with (
        worker_files.claimed(tmp_path),
        worker_files.claimed(tmp_path, "other"),
        pytest.raises(RunDirectoryError, match=str(os.getpid())),
    ):
        claim_again()
    claim_again()


def test_a_note_is_found_again_and_forgotten(tmp_path: Path) -> None:
    path = worker_files.new_socket(tmp_path)
    path.touch()
    worker_files.write_note(path, 3, 7885)
    note = worker_files.read_note(path)
    assert note == WorkerNote(os.getpid(), worker_files.start_time(os.getpid()), 3, 7885)
    assert worker_files.alive(path)
    assert worker_files.sockets(tmp_path) == [path]
    worker_files.forget(path)
    assert list(tmp_path.iterdir()) == []
    assert not worker_files.alive(path)


@pytest.mark.parametrize(("index", "port"), [(None, None), (3, 7885)])
def test_a_full_disk_keeps_no_worker_from_saying_whose_its_socket_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: int | None, port: int | None
) -> None:
    def full(path: Path, data: bytes) -> int:
        path.touch()  # an empty file still has room
        raise OSError(errno.ENOSPC, "No space left on device")

    path = worker_files.new_socket(tmp_path)
    path.touch()
    with monkeypatch.context() as disk:
        disk.setattr(Path, "write_bytes", full)
        worker_files.write_note(path, None, None)
        worker_files.write_note(path, index, port)
    assert len(os.readlink(path.with_suffix(".json"))) < 60
    assert worker_files.read_note(path) == WorkerNote(os.getpid(), worker_files.start_time(os.getpid()), index, port)
    assert worker_files.alive(path)
    worker_files.write_note(path, 4, 7886)
    assert (note := worker_files.read_note(path)) is not None
    assert (note.index, path.with_suffix(".json").is_symlink()) == (4, False)
    worker_files.forget(path)
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_is_no_note_is_none(tmp_path: Path) -> None:
    path = tmp_path / "w-1.sock"
    for words in ("/etc/hostname", "[]", '["x","y",1,1]', "[1]"):
        path.with_suffix(".json").unlink(missing_ok=True)
        path.with_suffix(".json").symlink_to(words)
        assert worker_files.read_note(path) is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"pid": "x"}', b"\xff" * 10])
def test_a_broken_note_is_no_note(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "w-1.sock"
    path.with_suffix(".json").write_bytes(text)
    assert worker_files.read_note(path) is None
    assert not worker_files.end(path, signal.SIGKILL)


def test_a_pid_used_again_by_somebody_else_is_not_killed(tmp_path: Path) -> None:
    path = tmp_path / "w-1.sock"
    path.with_suffix(".json").write_text(f'{{"pid": {os.getpid()}, "started": "1"}}')
    assert not worker_files.alive(path)
    assert not worker_files.end(path, signal.SIGKILL)


def test_nobody_has_no_start_time() -> None:
    assert worker_files.start_time(2**22 + 1) == ""
