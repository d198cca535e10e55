"""An engine's codec worker: started when first needed, watched, started again; and the socket between the two.

Nothing here waits: what the socket does not take stays in the feed, and what the feed does not take is dropped.
"""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

from media.bridge.tap import Feed
from media.errors import WireError
from media.io import codec_words as words
from media.wire.tapped import FrameReader, TappedPacket

logger = logging.getLogger(__name__)

SOCKET_BYTES = 1 << 20
READ_BYTES = 256 << 10
READS_A_TURN = 4
START_SECONDS = 20.0
"""From starting to the first beat; a cold disk takes some."""
SILENT_SECONDS = 4.0
"""Beats come every second; a worker without any for so long hangs and is killed."""
BACKOFF_FIRST, BACKOFF_LONGEST = 0.25, 30.0
OLD_SECONDS = 30.0
"""A worker that lived so long did not die young: the next starts at once."""
CLOSE_SECONDS = 6.0


class Audience(Protocol):
    """Who is told what the codec worker says."""

    def worker_up(self) -> None:
        """A new one is ready and knows nothing."""

    def worker_down(self, reason: str) -> None: ...

    def worker_said(self, message: words.FromWorker) -> None: ...

    def worker_sent(self, packet: TappedPacket) -> None: ...


class Process(Protocol):
    """The part of subprocess.Popen that is used."""

    pid: int

    def poll(self) -> int | None: ...

    def kill(self) -> None: ...


Spawn = Callable[[socket.socket], Process]


def spawn_worker(theirs: socket.socket) -> Process:
    """Start a codec worker on its end of a socket pair, with our own idea of where modules are."""
    descriptor = theirs.fileno()
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)"  # see main; importing takes a while
    code = f"{deaf}; sys.path[:] = {sys.path!r}; from media.io.codec_worker import main; main({descriptor})"
    return subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", code], pass_fds=(descriptor,), stdin=subprocess.DEVNULL
    )


class CodecLink:
    """`need` starts it; `flush` and `watch` are called by the engine's timer."""

    def __init__(self, audience: Audience, feed: Feed, spawn: Spawn = spawn_worker) -> None:
        self.feed = feed
        self.ready = False
        """The worker has said its first beat."""
        self.starts = 0
        self.cpu_fraction = 0.0
        self.counters: dict[str, int] = {}
        self._audience = audience
        self._spawn = spawn
        self._needed = False
        self._connection: socket.socket | None = None
        self._process: Process | None = None
        self._dead: list[Process] = []
        self._frames = FrameReader()
        self._started_at = self._heard_at = 0.0
        self._start_at = 0.0
        self._young = 0
        self._closed = asyncio.Event()
        self._dropped_said = 0

    @property
    def failures(self) -> int:
        """Workers that died young, one after the other."""
        return self._young

    def need(self, now: float) -> None:
        """Have a worker from now on."""
        self._needed = True
        if self._connection is None and now >= self._start_at:
            self._start(now)

    def say(self, message: words.FromEngine) -> bool:
        """Queue a message behind the packets of before; False while there is no worker or it takes nothing."""
        return self.feed.message(words.encode(message))

    def flush(self) -> None:
        """Send what waits, as much as the socket takes."""
        waiting = self.feed.waiting()
        if self._connection is None or not waiting:
            return
        try:
            self.feed.sent(self._connection.send(waiting))
        except BlockingIOError:
            pass  # it does not read: the feed fills, then drops
        except OSError as error:
            self._lose(f"it closed its socket: {error.strerror}")

    def watch(self, now: float) -> None:
        """Notice a worker that hangs, start the next one when it is time."""
        self._dead = [process for process in self._dead if process.poll() is None]
        if self._connection is None:
            if self._needed and now >= self._start_at:
                self._start(now)
            return
        patience = SILENT_SECONDS if self.ready else START_SECONDS
        if now - self._heard_at > patience:
            self._lose(f"it said nothing for {patience:.0f} s")

    async def close(self) -> None:
        """Let the worker close its files and exit; kill it if that takes too long."""
        self._needed = False
        connection = self._connection
        if connection is not None:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await asyncio.get_running_loop().sock_sendall(connection, bytes(self.feed.waiting()))
                    connection.shutdown(socket.SHUT_WR)
                    await self._closed.wait()
        self._lose("")
        for _ in range(100):
            self._dead = [process for process in self._dead if process.poll() is None]
            if not self._dead:
                break
            await asyncio.sleep(0.02)

    def _start(self, now: float) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
            ours.setblocking(False)
            self._process = self._spawn(theirs)
        except OSError as error:
            ours.close()
            self._back_off(now)
            logger.error("no codec worker can be started: %s", error)
            return
        finally:
            theirs.close()
        self._connection, self.ready = ours, False
        self._frames = FrameReader()
        self._started_at = self._heard_at = now
        self._closed.clear()
        self.starts += 1
        asyncio.get_running_loop().add_reader(ours, self._readable)

    def _readable(self) -> None:
        connection = self._connection
        for _ in range(READS_A_TURN):
            if connection is None or connection is not self._connection:
                return
            try:
                data = connection.recv(READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._lose("it ended")
                return
            try:
                self._hear(data)
            except WireError as error:
                self._lose(f"it says what nobody understands: {error}")
                return

    def _hear(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if isinstance(frame, TappedPacket):
                self._audience.worker_sent(frame)
                continue
            message = words.from_worker(frame)
            if isinstance(message, words.Beat):
                self._beat(message)
            elif isinstance(message, words.Logged):
                extra = {"call_id": message.call_id, "leg_id": message.leg_id}
                logger.log(message.level, "%s", message.text, extra=extra)
            else:
                self._audience.worker_said(message)

    def _beat(self, beat: words.Beat) -> None:
        self._heard_at = time.monotonic()
        self.cpu_fraction = beat.cpu_fraction
        self.counters = beat.counters
        if not self.ready:
            self.ready = True
            self.feed.begin()
            self._audience.worker_up()
        self._audience.worker_said(beat)

    def _lose(self, reason: str) -> None:
        """This worker is over; the next one starts when it is due."""
        connection, self._connection = self._connection, None
        self._closed.set()
        if connection is None:
            return
        asyncio.get_running_loop().remove_reader(connection)
        connection.close()
        self.ready, self.cpu_fraction = False, 0.0
        self.feed.stop()
        if self._process is not None:
            if self._process.poll() is None and reason != "it ended":
                self._process.kill()
            self._dead.append(self._process)
            self._process = None
        now = time.monotonic()
        if reason:
            if now - self._started_at > OLD_SECONDS:
                self._young = 0
            self._back_off(now)
            if self._needed:
                logger.error("the codec worker is gone: %s", reason)
        self._audience.worker_down(reason)

    def _back_off(self, now: float) -> None:
        self._start_at = now + min(BACKOFF_LONGEST, BACKOFF_FIRST * 2**self._young)
        self._young += 1
