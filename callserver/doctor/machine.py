"""Disk, clock, limits, versions, codecs of this machine."""

import os
import platform
import resource
import shutil
import sqlite3
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from callserver import __version__
from callserver.compiled import COMPILE, made
from callserver.config import Settings
from callserver.doctor.finding import Finding, note, ok, problem, warning
from callserver.supervise import worker_count

PACKAGES = ("aiohttp", "aiortc", "pylibsrtp", "cryptography", "uvloop", "SQLAlchemy")
GOOD_UDP_BUFFER = 4 << 20
FILES_A_CALL = 4
MIN_FREE_BYTES = 1 << 30
DRIFT_SECONDS = 0.5
OFFSET = 5.0
"""Seconds of difference to another server's clock that tickets and TURN credentials stand easily."""


def check_disk(data_dir: Path) -> Iterator[Finding]:
    """Room and rights."""
    place = data_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    usage = shutil.disk_usage(place)
    free = f"{usage.free / 1e9:.1f} GB free ({usage.free / usage.total:.0%})"
    if usage.free < MIN_FREE_BYTES or usage.free / usage.total < 0.05:
        yield problem("disk", f"{free} for {data_dir}", "make room: calls go on without records when it is full")
    else:
        yield ok("disk", f"{free} for {data_dir}")
    if not os.access(place, os.W_OK):
        yield problem("disk", f"{place} cannot be written", "give it to the user the server runs as")


def check_clock(sleep: Callable[[float], None], remote: Callable[[], float] | None) -> Iterator[Finding]:
    """Does the wall clock run evenly, and is it right? `remote` gives another server's time."""
    wall, steady = time.time(), time.monotonic()
    sleep(1.0)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    if abs(drift) > DRIFT_SECONDS:
        yield warning(
            "time", f"the wall clock jumped {drift:+.1f} s within a second", "run chrony or systemd-timesyncd"
        )
    else:
        yield ok("time", "the wall clock runs evenly")
    if remote is None:
        return
    try:
        offset = time.time() - remote()
    except (OSError, ValueError) as error:
        yield warning("time", f"the other server's time cannot be had: {error}", "give another address to --time-from")
        return
    if abs(offset) > OFFSET:
        yield problem(
            "time",
            f"the clock is {offset:+.0f} s off",
            "run chrony or systemd-timesyncd: tickets, TURN credentials and certificates depend on it",
        )
    else:
        yield ok("time", f"the clock is right to {abs(offset):.0f} s")


def check_limits(settings: Settings) -> Iterator[Finding]:
    """Open files, socket buffers, cores."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    workers = worker_count(settings.media)
    wanted = 256 + FILES_A_CALL * workers * settings.media.max_calls_per_worker
    if soft < wanted:
        yield warning(
            "limits",
            f"{soft} open files are allowed, {wanted} may be wanted",
            f"LimitNOFILE={wanted} (systemd) or ulimit -n {wanted}",
        )
    else:
        yield ok("limits", f"{soft} open files are allowed")
    for name, what in (("rmem_max", "receive"), ("wmem_max", "send")):
        yield _buffer(name, what)
    cores = len(os.sched_getaffinity(0))
    if workers >= cores > 1:
        yield warning(
            "limits",
            f"{workers} media workers on {cores} cores",
            "leave one core to the control process: media.workers",
        )
    else:
        yield ok("limits", f"{workers} media worker(s) on {cores} core(s)")


def _buffer(name: str, what: str) -> Finding:
    try:
        size = int(Path(f"/proc/sys/net/core/{name}").read_text())
    except (OSError, ValueError):
        return note("limits", f"the largest UDP {what} buffer is not known here")
    if size < GOOD_UDP_BUFFER:
        said = f"the largest UDP {what} buffer is {size // 1024} KB: bursts of many calls can be lost"
        return warning("limits", said, f"sysctl -w net.core.{name}={GOOD_UDP_BUFFER} (and in /etc/sysctl.d)")
    return ok("limits", f"the largest UDP {what} buffer is {size // 1024} KB")


def check_versions() -> Iterator[Finding]:
    """What runs here."""
    found = [f"callserver {__version__}", f"Python {platform.python_version()}", platform.platform(terse=True)]
    found += [f"SQLite {sqlite3.sqlite_version}", ssl.OPENSSL_VERSION]
    yield ok("versions", ", ".join(found))
    libraries, missing = [], []
    for name in PACKAGES:
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    yield ok("versions", ", ".join(libraries))
    if missing:
        yield problem("versions", f"missing: {', '.join(missing)}", "install again: make venv")
    if made() is None:
        yield note("versions", "the packet path is interpreted", COMPILE)
    else:
        yield ok("versions", "the packet path is compiled")
    if sys.platform != "linux":
        yield warning(
            "versions", f"{platform.system()} is not Linux", "media workers need Linux for many packets a call"
        )


def check_codecs() -> Iterator[Finding]:
    """The libraries of voice and picture, for recording, snapshots and transcoding; calls do without them."""
    do = "install again: make venv; until then calls work, but no recording, snapshot or announcement"
    try:
        from media.codecs import opus, vpx
    except (ImportError, OSError) as error:
        yield problem("codecs", f"codec libraries cannot be loaded: {error}", do)
        return
    for name, ask in (("libopus", opus.version), ("libvpx", vpx.version)):
        try:
            yield ok("codecs", f"{name}: {ask()}")
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            yield problem("codecs", f"{name} cannot be used: {error}", do)
