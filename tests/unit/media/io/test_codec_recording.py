"""A disk that blocks: its own recording waits, and says so; other recordings of the same codec worker do not notice."""

import logging
import queue
import threading
from pathlib import Path

import pytest

from media.api import Kind, RecordingSpec, RecordingState
from media.io import codec_recording, codec_words as words
from media.io.codec_recording import Recordings
from media.recording.chunks import FileSink, Sink
from media.recording.reader import RecordingReader
from media.wire.tapped import OPUS, TappedPacket

KEY = bytes(range(32))
SOUND = bytes((0x78, 1, 2, 3))
"""20 ms of CELT."""
PATIENCE = 30.0


class Blocked(FileSink):
    """A file on a disk whose writes do not come back until somebody lets them, after the first so many."""

    def __init__(self, path: Path, free: int, gate: threading.Event) -> None:
        super().__init__(path)
        self._free, self._gate = free, gate
        self.waits = threading.Event()

    def write(self, data: bytes) -> None:
        self._free -= 1
        if self._free < 0:
            self.waits.set()
            assert self._gate.wait(PATIENCE)
        super().write(data)


class Desk:
    """Two recordings of two calls, one of them on a disk that blocks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: queue.Queue[words.FromWorker] = queue.Queue()
        self.gate = threading.Event()
        self.blocked: list[Blocked] = []
        self.recordings = Recordings(self.said.put, self.sink)
        for tap, name in ((1, "stuck"), (2, "free")):
            self.recordings.hear(words.OpenTap(tap, name, "customer", Kind.AUDIO))
            spec = RecordingSpec(name, str(directory), KEY, leg_names={"customer": "customer"})
            self.recordings.hear(words.StartRecording(name, spec))
        assert {self.told().state for _ in range(2)} == {RecordingState.STARTED}

    def sink(self, path: Path) -> Sink:
        if path.stem != "stuck":
            return FileSink(path)
        self.blocked.append(Blocked(path, 2, self.gate))  # its head and description; then nothing
        return self.blocked[0]

    def told(self) -> words.Recorded:
        while True:
            message = self.said.get(timeout=PATIENCE)
            if isinstance(message, words.Recorded):
                return message

    def speak(self, first: int, last: int) -> None:
        for number in range(first, last):
            for tap in (1, 2):
                arrival = 1e6 + number * 0.02  # far ahead: it is due whatever the clock says
                packet = TappedPacket(OPUS, False, False, tap, 0, number, number * 960, arrival, SOUND)
                self.recordings.packet(packet, 300)

    def stop(self, name: str) -> words.Recorded:
        self.recordings.hear(words.StopRecording(name))
        told = self.told()
        assert told.recording_id == name
        return told

    def readable(self, name: str) -> bool:
        reader = RecordingReader.open(self.directory / f"{name}.rec", KEY)
        try:
            return reader.info.complete
        finally:
            reader.close()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_other_recordings_go_on_and_the_blocked_one_is_told_and_finished(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.speak(0, 100)
    assert desk.blocked[0].waits.wait(PATIENCE)
    desk.speak(100, 200)
    assert desk.stop("free").state is RecordingState.STOPPED
    assert desk.readable("free")

    assert desk.recordings.look(0.0)["codec_recordings_stalled"] == 0
    assert desk.recordings.look(1.0)["codec_recordings_stalled"] == 0
    assert desk.recordings.look(2.5)["codec_recordings_stalled"] == 1
    assert desk.recordings.look(3.5)["codec_recordings_stalled"] == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR], "told once"

    desk.gate.set()
    assert desk.stop("stuck").state is RecordingState.STOPPED
    assert desk.recordings.close(PATIENCE)
    assert desk.recordings.look(9.0) == {"codec_packets_dropped_recording": 0, "codec_recordings_stalled": 0}
    assert desk.readable("stuck"), "what waited in memory was written"


def test_what_waits_is_bounded_and_loss_is_counted_and_told(
    desk: Desk, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_recording, "MOST_WAITING_BYTES", 40 * 300)
    desk.speak(0, 100)
    assert desk.blocked[0].waits.wait(PATIENCE)
    desk.stop("free")  # shares anew what may wait
    desk.recordings.look(0.0)
    desk.recordings.look(2.0)
    desk.speak(100, 200)
    assert desk.recordings.look(3.0)["codec_packets_dropped_recording"] >= 80
    assert not desk.recordings.close(0.0), "a blocked thread is not waited for"
    desk.gate.set()
    assert desk.told().state is RecordingState.STOPPED
    assert desk.recordings.close(PATIENCE)
    desk.recordings.look(4.0)
    assert caplog.records[-1].levelno == logging.WARNING
    assert "again" in caplog.records[-1].message
