"""The codec worker: a process beside a media worker for everything that needs frames or a disk.

It reads tapped packets from its engine's socket, hands them to threads and never lets one wait for another. It ends
when the socket does, that is, with its engine. Low priority: forwarding comes first.
"""

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time

from media.errors import WireError
from media.io import codec_words as words
from media.io.codec_kitchens import Kitchens
from media.io.codec_recording import Recordings
from media.io.codec_stills import Darkroom
from media.wire.tapped import FrameReader, TappedPacket, message_frame

logger = logging.getLogger(__name__)

NICE = 10
BEAT_SECONDS = 1.0
READ_BYTES = 256 << 10
LEAVE_SECONDS = 5.0
"""How long files may take to be closed when the engine is gone."""
SEND_SECONDS = 10.0
"""An engine that does not read for so long is gone or hangs."""


class Outbox:
    """What goes back to the engine, from any thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._broken = False

    def say(self, message: words.FromWorker) -> None:
        """Send a message; nothing happens when the engine is gone."""
        self.send(message_frame(words.encode(message)))

    def send(self, frame: bytes) -> None:
        """Send a frame."""
        with self._lock:
            try:
                if not self._broken:
                    self._connection.sendall(frame)
            except OSError:
                self._broken = True  # perhaps in the middle of a frame


class _ToEngine(logging.Handler):
    """Log lines travel to the engine, which knows where the log is."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(logging.INFO)
        self._outbox = outbox

    def emit(self, record: logging.LogRecord) -> None:
        call_id, leg_id = getattr(record, "call_id", ""), getattr(record, "leg_id", "")
        self._outbox.say(words.Logged(record.levelno, self.format(record)[:4000], call_id, leg_id))


class CodecWorker:
    """The intake: reads, sorts, hands over."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.outbox = Outbox(connection)
        self._frames = FrameReader()
        self._recordings = Recordings(self.outbox.say)
        self._darkroom = Darkroom(self.outbox.say)
        self._kitchens = Kitchens(self.outbox.say, self.outbox.send)
        self._cpu = (time.monotonic(), time.process_time())

    def run(self) -> None:
        """Work until the engine is gone."""
        self._darkroom.start()
        self._beat(time.monotonic())
        beat_at = time.monotonic() + BEAT_SECONDS
        while True:
            ready, _, _ = select.select([self._connection], [], [], max(0.0, beat_at - time.monotonic()))
            if ready:
                try:
                    data = self._connection.recv(READ_BYTES)
                except OSError:
                    data = b""
                if not data:
                    break
                self._take(data)
            now = time.monotonic()
            if now >= beat_at:
                beat_at = now + BEAT_SECONDS
                self._beat(now)
        self._kitchens.close()
        if not all((self._recordings.close(LEAVE_SECONDS), self._darkroom.end(LEAVE_SECONDS))):
            os._exit(1)  # a thread hangs in the kernel or in a codec: nothing can be saved by waiting

    def _take(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if isinstance(frame, TappedPacket):
                size = len(frame.payload) + 200
                self._recordings.packet(frame, size)
                if frame.tap in self._darkroom.wanted:
                    self._darkroom.put(frame, size)
                self._kitchens.packet(frame, size)
            else:
                self._hear(words.from_engine(frame))

    def _hear(self, message: words.FromEngine) -> None:
        match message:
            case words.OpenTap() | words.ForgetCall():
                self._recordings.hear(message)
                self._darkroom.put(message)
                self._kitchens.hear(message)
            case words.SenderReport() | words.StartRecording() | words.PauseRecording() | words.StopRecording():
                self._recordings.hear(message)
            case words.TakeStill(_, tap):
                self._darkroom.wanted.add(tap)
                self._darkroom.put(message)
            case words.EndStills(tap):
                self._darkroom.wanted.discard(tap)
                self._darkroom.put(message)
            case _:
                self._kitchens.hear(message)

    def _beat(self, now: float) -> None:
        since, before = self._cpu
        cpu = time.process_time()
        fraction = (cpu - before) / (now - since) if now - since > BEAT_SECONDS / 2 else 0.0
        self._cpu = (now, cpu)
        counters = {
            **self._recordings.look(now),
            "codec_packets_dropped_stills": self._darkroom.dropped,
            **self._darkroom.counters(),
            **self._kitchens.counters(),
        }
        self.outbox.say(words.Beat(round(fraction, 3), counters, self._recordings.progress()))


def main(descriptor: int) -> None:
    """Be the codec worker at the other end of this socket."""
    for stop in (signal.SIGINT, signal.SIGTERM):  # for the engine, whose calls may go on; we end when its socket does
        signal.signal(stop, signal.SIG_IGN)
    connection = socket.socket(fileno=descriptor)
    connection.settimeout(SEND_SECONDS)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")  # rather us than the calls
    worker = CodecWorker(connection)
    logging.basicConfig(level=logging.INFO, handlers=[_ToEngine(worker.outbox)], format="%(name)s: %(message)s")
    try:
        worker.run()
    except WireError:
        logger.exception("the engine says what nobody understands")
        sys.exit(1)
