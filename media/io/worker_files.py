"""Where workers are found: a private directory with a socket and a note for each.

`w-1f3a.sock` is the socket, `w-1f3a.json` says whose it is, so that a worker that does not answer can be ended and
a person can see what runs. A worker removes both when it exits; after `kill -9` the next control process does.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from media.errors import MediaError

MAX_SOCKET_PATH_BYTES = 107
"""`sun_path` of unix(7) is 108 bytes with its final zero."""

_LONGEST_NAME_BYTES = len("/w-00000000.sock")


class RunDirectoryError(MediaError):
    """The directory for the sockets cannot be used; the text says why."""


class WorkerNote(msgspec.Struct, frozen=True):
    """What a worker says about itself beside its socket."""

    pid: int
    started: str
    """The kernel's start time of the process in ticks, so that a pid used again is not mistaken for the worker."""
    index: int | None = None
    port: int | None = None


_Few = tuple[int, str, int | None, int | None]
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


def run_directory(data_dir: Path) -> Path:
    """Create and return the private directory (mode 0700) of the sockets of the server that owns `data_dir`.

    It is `data_dir/run`, or a short path of the user's runtime directory when that is too long for a socket.
    """
    wanted = data_dir.resolve() / "run"
    if len(os.fsencode(wanted)) + _LONGEST_NAME_BYTES <= MAX_SOCKET_PATH_BYTES:
        return _private(wanted)
    digest = hashlib.blake2b(os.fsencode(wanted), digest_size=6).hexdigest()
    name = f"callserver-{os.getuid()}-{digest}"
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108 - made private
        directory = Path(base) / name
        if base and len(os.fsencode(directory)) + _LONGEST_NAME_BYTES <= MAX_SOCKET_PATH_BYTES:
            return _private(directory)
    raise RunDirectoryError(f"no directory has a path short enough for sockets: {wanted}")


def _private(directory: Path) -> Path:
    """Make the directory ours alone; refuse one that somebody else prepared."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise RunDirectoryError(f"{directory} belongs to somebody else: sockets would not be private there")
        directory.chmod(0o700)
    except OSError as error:
        raise RunDirectoryError(f"{directory} cannot be used for sockets: {error}") from error
    return directory


@contextmanager
def claimed(directory: Path, name: str = "control") -> Iterator[None]:
    """Hold the directory's lock of this name; raise RunDirectoryError if another process holds it.

    The kernel frees it when the holder dies, however it dies.
    """
    descriptor = os.open(directory / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            raise RunDirectoryError(f"another callserver (process {holder}) uses {directory}") from error
        with suppress(OSError):  # for the words above only; there may be no room
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def new_socket(directory: Path) -> Path:
    """A path that no worker uses."""
    return directory / f"w-{secrets.token_hex(4)}.sock"


def sockets(directory: Path) -> list[Path]:
    """The sockets of workers, living or not."""
    return sorted(directory.glob("w-*.sock"))


def write_note(socket: Path, index: int | None, port: int | None) -> None:
    """Say whose socket this is: ours."""
    note = WorkerNote(os.getpid(), start_time(os.getpid()), index, port)
    path = socket.with_suffix(".json")
    fresh = path.with_suffix(".new")
    content = msgspec.json.encode(note)
    try:
        fresh.write_bytes(content)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        # A full disk must not keep a spare from taking over calls. The words of a link need no block of their own:
        # they stand in its inode, if they are few (59 bytes in ext4).
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.fsdecode(msgspec.json.encode(msgspec.structs.astuple(note))))
    fresh.replace(path)


def read_note(socket: Path) -> WorkerNote | None:
    """Whose socket this is; None if unknown."""
    path = socket.with_suffix(".json")
    try:
        if path.is_symlink():
            return WorkerNote(*msgspec.json.decode(os.readlink(path), type=_Few))
        return msgspec.json.decode(path.read_bytes(), type=WorkerNote)
    except (OSError, msgspec.MsgspecError):
        return None


def forget(socket: Path) -> None:
    """Remove a socket and its note."""
    for path in (socket, socket.with_suffix(".json"), socket.with_suffix(".new")):
        with suppress(OSError):
            path.unlink(missing_ok=True)


def start_time(pid: int) -> str:
    """The process's start in the kernel's own ticks (proc(5), field 22 of stat); empty if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return fields[19] if fields[0] != "Z" else ""


def alive(socket: Path) -> bool:
    """Whether the process of the note still runs."""
    note = read_note(socket)
    return note is not None and note.started != "" and start_time(note.pid) == note.started


def end(socket: Path, number: signal.Signals) -> bool:
    """Send a signal to the worker of the note, if it is still that process; say whether one was sent."""
    note = read_note(socket)
    if note is None or not alive(socket):
        return False
    with suppress(ProcessLookupError):
        os.kill(note.pid, number)
        return True
    return False
