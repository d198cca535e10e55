"""The codec worker's recordings: one thread that feeds recorders, so that a slow disk delays nothing else."""

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from media.api import RecordingState
from media.io import codec_words as words
from media.io.codec_room import Room
from media.recording.chunks import FILE_SALT_BYTES
from media.recording.recorder import Recorder, RecorderSpec, RecorderState
from media.wire.tapped import CODEC_NAMES, TappedPacket

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 64 << 20
"""About ten seconds of twenty calls: a disk that stalls longer loses packets of recordings, and nothing else."""
MOST_PARTS = 1000

Say = Callable[[words.FromWorker], None]
Order = words.OpenTap | words.ForgetCall | words.StartRecording | words.PauseRecording | words.StopRecording
Task = TappedPacket | words.SenderReport | Order


class Running:
    """One recording that has a file."""

    def __init__(self, call_id: str, recorder: Recorder) -> None:
        self.call_id = call_id
        self.recorder = recorder
        self.failed = False


class RecordingRoom(Room[Task]):
    """Every recording of this worker."""

    def __init__(self, say: Say) -> None:
        super().__init__("recording", MOST_WAITING_BYTES)
        self._say = say
        self._taps: dict[int, words.OpenTap] = {}
        self._running: dict[str, Running] = {}
        self._by_call: dict[str, list[Recorder]] = {}
        self._expected = self._begun = 0

    def expect(self) -> None:
        """A recording will be started by what is put next: from now on packets are wanted. Said by who puts."""
        self._expected += 1

    @property
    def busy(self) -> bool:
        """Whether packets are for anybody here."""
        return bool(self._running) or self._expected > self._begun

    def progress(self) -> dict[str, tuple[float, int]]:
        """recording_id -> seconds and bytes."""
        now = time.monotonic()
        return {
            recording_id: (running.recorder.seconds(now), running.recorder.bytes_written)
            for recording_id, running in self._running.copy().items()
        }

    def work(self, work: Task) -> None:
        """Do one thing."""
        if isinstance(work, TappedPacket):
            self._packet(work)
            return
        now = time.monotonic()
        match work:
            case words.SenderReport():
                self._report(work)
            case words.OpenTap():
                self._taps[work.tap] = work
            case words.ForgetCall(call_id):
                self._forget(call_id, now)
            case words.StartRecording():
                self._start(work, now)
            case words.PauseRecording(recording_id, paused):
                self._pause(recording_id, paused, now)
            case words.StopRecording(recording_id):
                self._stop(recording_id, "stopped", now)

    def _packet(self, packet: TappedPacket) -> None:
        source = self._taps.get(packet.tap)
        if source is None:
            return
        for recorder in self._by_call.get(source.call_id, ()):
            recorder.packet(
                source.leg_id,
                source.kind.value,
                CODEC_NAMES[packet.codec],
                packet.tap << 16 | packet.generation & 0xFFFF,
                packet.sequence & 0xFFFF,
                packet.timestamp,
                packet.arrival,
                packet.marker,
                packet.payload,
            )

    def _report(self, report: words.SenderReport) -> None:
        source = self._taps.get(report.tap)
        if source is not None:
            for recorder in self._by_call.get(source.call_id, ()):
                recorder.sender_report(
                    source.leg_id, source.kind.value, report.ntp_time, report.rtp_timestamp, report.arrival
                )

    def _start(self, start: words.StartRecording, now: float) -> None:
        self._begun += 1
        spec = start.spec
        running = self._running.get(spec.recording_id)
        if running is not None:
            for leg_id, side in spec.leg_names.items():
                running.recorder.name_leg(leg_id, side)
            return
        try:
            recorder = _begin(start, now)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            self._say(words.Recorded(spec.recording_id, RecordingState.FAILED, reason, 0.0, 0))
            return
        self._running[spec.recording_id] = Running(start.call_id, recorder)
        self._by_call.setdefault(start.call_id, []).append(recorder)
        self._tell(spec.recording_id, recorder, RecordingState.STARTED, "", now)

    def _pause(self, recording_id: str, paused: bool, now: float) -> None:
        running = self._running.get(recording_id)
        if running is None or paused == (running.recorder.state is RecorderState.PAUSED):
            return
        (running.recorder.pause if paused else running.recorder.resume)(now)
        self._tell(recording_id, running.recorder, RecordingState.PAUSED if paused else RecordingState.RESUMED, "", now)

    def _stop(self, recording_id: str, reason: str, now: float) -> None:
        running = self._running.pop(recording_id, None)
        if running is None:
            return
        recorders = self._by_call.get(running.call_id, [])
        recorders.remove(running.recorder)
        if not recorders:
            self._by_call.pop(running.call_id, None)
        if not running.failed:
            summary = running.recorder.close(now, reason)
            failure = running.recorder.failure
            state = RecordingState.STOPPED if failure is None else RecordingState.FAILED
            self._say(words.Recorded(recording_id, state, failure or "", summary.seconds, summary.size_bytes))

    def _forget(self, call_id: str, now: float) -> None:
        for recording_id in [name for name, running in self._running.items() if running.call_id == call_id]:
            self._stop(recording_id, "the call ended", now)
        self._taps = {number: tap for number, tap in self._taps.items() if tap.call_id != call_id}

    def idle(self, now: float) -> None:
        """Let recorders write what is due, ask for key frames, notice failures."""
        for recording_id, running in self._running.items():
            recorder = running.recorder
            recorder.poll(now)
            for leg_id in recorder.take_key_frame_wishes(now):
                self._say(words.KeyFrameWanted(running.call_id, leg_id))
            if recorder.failure is not None and not running.failed:
                running.failed = True
                self._tell(recording_id, recorder, RecordingState.FAILED, recorder.failure, now)

    def leave(self) -> None:
        """Close every file."""
        for recording_id in list(self._running):
            self._stop(recording_id, "the server stopped", time.monotonic())

    def _tell(self, recording_id: str, recorder: Recorder, state: RecordingState, reason: str, now: float) -> None:
        self._say(words.Recorded(recording_id, state, reason, recorder.seconds(now), recorder.bytes_written))


def _begin(start: words.StartRecording, now: float) -> Recorder:
    """A recorder with the first part whose file is not there yet."""
    spec = start.spec
    directory = Path(spec.directory)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in range(1, MOST_PARTS):
        path = directory / (f"{spec.recording_id}.rec" if part == 1 else f"{spec.recording_id}.{part}.rec")
        if path.exists():
            continue
        salt = secrets.token_bytes(FILE_SALT_BYTES)
        wall_time = time.time()
        return Recorder(
            RecorderSpec(
                spec.recording_id, start.call_id, path, spec.key, salt, wall_time, part, spec.audio_only,
                dict(spec.leg_names),
            ),
            now,
        )  # fmt: skip
    raise OSError(f"recording {spec.recording_id} has {MOST_PARTS} parts already")
