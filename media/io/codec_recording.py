"""The codec worker's recordings: a thread for each. A disk that blocks stops its own recordings and nothing else."""

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from media.api import RecordingState
from media.errors import why_not_written
from media.io import codec_words as words
from media.io.codec_room import Room
from media.recording.chunks import FILE_SALT_BYTES, Sink
from media.recording.recorder import Recorder, RecorderSpec, RecorderState
from media.wire.tapped import CODEC_NAMES, TappedPacket

logger = logging.getLogger(__name__)

MOST_WAITING_BYTES = 64 << 20
"""Of all recordings, in equal parts: about ten seconds of twenty calls, a minute of one. What a disk does not take
for longer loses packets of its recordings."""
_FEWEST_PARTS = 4
STALLED_SECONDS = 2.0
"""A recording whose writes take so long is reported."""
MOST_PARTS = 1000

Say = Callable[[words.FromWorker], None]
MakeSink = Callable[[Path], Sink]
Heard = (
    words.OpenTap | words.ForgetCall | words.SenderReport
    | words.StartRecording | words.PauseRecording | words.StopRecording
)  # fmt: skip
Task = TappedPacket | Heard


class RecordingRoom(Room[Task]):
    """One recording, on one thread. Everything here may wait for the disk."""

    patient = True

    def __init__(self, start: words.StartRecording, say: Say, make_sink: MakeSink | None) -> None:
        super().__init__("recording", MOST_WAITING_BYTES)
        self.call_id, self.recording_id = start.call_id, start.spec.recording_id
        self.over = False
        """It takes nothing any more."""
        self._say = say
        self._make_sink = make_sink
        self._taps: dict[int, words.OpenTap] = {}
        self._recorder: Recorder | None = None
        self._failed = False

    def progress(self) -> tuple[float, int] | None:
        """Seconds and bytes; None without a file."""
        recorder = self._recorder
        return None if recorder is None else (recorder.seconds(time.monotonic()), recorder.bytes_written)

    def work(self, work: Task) -> None:
        """Do one thing."""
        if isinstance(work, TappedPacket):
            self._packet(work)
            return
        now = time.monotonic()
        match work:
            case words.SenderReport():
                self._report(work)
            case words.OpenTap(tap):
                self._taps[tap] = work
            case words.StartRecording():
                self._start(work, now)
            case words.PauseRecording(_, paused):
                self._pause(paused, now)
            case words.ForgetCall():
                self._stop("the call ended", now)
            case words.StopRecording():
                self._stop("stopped", now)

    def _packet(self, packet: TappedPacket) -> None:
        source = self._taps.get(packet.tap)
        if source is None or self._recorder is None:
            return
        self._recorder.packet(
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
        if source is not None and self._recorder is not None:
            self._recorder.sender_report(
                source.leg_id, source.kind.value, report.ntp_time, report.rtp_timestamp, report.arrival
            )

    def _start(self, start: words.StartRecording, now: float) -> None:
        if self._recorder is not None:
            for leg_id, side in start.spec.leg_names.items():
                self._recorder.name_leg(leg_id, side)
            return
        try:
            self._recorder = _begin(start, now, self._make_sink)
        except (OSError, ValueError) as error:
            self.over = True
            reason = why_not_written(error) if isinstance(error, OSError) else str(error)
            self._say(words.Recorded(self.recording_id, RecordingState.FAILED, reason, 0.0, 0))
            return
        self._tell(self._recorder, RecordingState.STARTED, "", now)

    def _pause(self, paused: bool, now: float) -> None:
        recorder = self._recorder
        if recorder is None or paused == (recorder.state is RecorderState.PAUSED):
            return
        (recorder.pause if paused else recorder.resume)(now)
        self._tell(recorder, RecordingState.PAUSED if paused else RecordingState.RESUMED, "", now)

    def _stop(self, reason: str, now: float) -> None:
        recorder, self._recorder = self._recorder, None
        self.over = True
        if recorder is not None and not self._failed:
            summary = recorder.close(now, reason)
            failure = recorder.failure
            state = RecordingState.STOPPED if failure is None else RecordingState.FAILED
            self._say(words.Recorded(self.recording_id, state, failure or "", summary.seconds, summary.size_bytes))

    def idle(self, now: float) -> None:
        """Let the recorder write what is due, ask for key frames, notice a failure."""
        recorder = self._recorder
        if recorder is None:
            return
        recorder.poll(now)
        for leg_id in recorder.take_key_frame_wishes(now):
            self._say(words.KeyFrameWanted(self.call_id, leg_id))
        if recorder.failure is not None and not self._failed:
            self._failed = True
            self._tell(recorder, RecordingState.FAILED, recorder.failure, now)

    def leave(self) -> None:
        """Close the file."""
        self._stop("the server stopped", time.monotonic())

    def _tell(self, recorder: Recorder, state: RecordingState, reason: str, now: float) -> None:
        self._say(words.Recorded(self.recording_id, state, reason, recorder.seconds(now), recorder.bytes_written))


class Stall:
    """What is known of a recording that may have stopped writing."""

    def __init__(self, done: int, dropped: int, now: float) -> None:
        self.done, self.dropped, self.since = done, dropped, now
        self.told = False


class Recordings:
    """Every recording of this worker; called by the intake only, and never waits for a disk."""

    def __init__(self, say: Say, make_sink: MakeSink | None = None) -> None:
        """`make_sink` opens other things than files."""
        self._say = say
        self._make_sink = make_sink
        self._taps: dict[int, words.OpenTap] = {}
        self._rooms: dict[str, RecordingRoom] = {}
        self._by_call: dict[str, list[RecordingRoom]] = {}
        self._ending: list[RecordingRoom] = []
        self._stalls: dict[RecordingRoom, Stall] = {}
        self._lost = 0

    def packet(self, packet: TappedPacket, size_bytes: int) -> None:
        """To the recordings of its call."""
        source = self._taps.get(packet.tap) if self._rooms else None
        if source is not None:
            for room in self._by_call.get(source.call_id, ()):
                room.put(packet, size_bytes)

    def hear(self, message: Heard) -> None:
        """Pass on what concerns a recording."""
        match message:
            case words.OpenTap(tap, call_id):
                self._taps[tap] = message
                self._pass_on(call_id, message)
            case words.SenderReport(tap):
                if tap in self._taps:
                    self._pass_on(self._taps[tap].call_id, message)
            case words.StartRecording():
                self._start(message)
            case words.PauseRecording(recording_id):
                room = self._rooms.get(recording_id)
                if room is not None:
                    room.put(message)
            case words.StopRecording(recording_id):
                self._end(recording_id, message)
            case words.ForgetCall(call_id):
                for room in list(self._by_call.get(call_id, ())):
                    self._end(room.recording_id, message)
                self._taps = {number: tap for number, tap in self._taps.items() if tap.call_id != call_id}

    def _pass_on(self, call_id: str, message: words.OpenTap | words.SenderReport) -> None:
        for room in self._by_call.get(call_id, ()):
            room.put(message)

    def _start(self, start: words.StartRecording) -> None:
        room = self._rooms.get(start.spec.recording_id)
        if room is not None and room.over:
            self._forget(room)
            room = None
        if room is None:
            room = RecordingRoom(start, self._say, self._make_sink)
            self._rooms[room.recording_id] = room
            self._by_call.setdefault(room.call_id, []).append(room)
            self._share()
            for tap in self._taps.values():
                if tap.call_id == room.call_id:
                    room.put(tap)
            room.start()
        room.put(start)

    def _end(self, recording_id: str, message: words.StopRecording | words.ForgetCall) -> None:
        room = self._rooms.get(recording_id)
        if room is not None:
            room.put(message)
            self._forget(room)

    def _forget(self, room: RecordingRoom) -> None:
        """Its thread ends when all that waits is written."""
        del self._rooms[room.recording_id]
        its = self._by_call[room.call_id]
        its.remove(room)
        if not its:
            del self._by_call[room.call_id]
        self._ending.append(room)
        room.end(0.0)
        self._share()

    def _share(self) -> None:
        part = MOST_WAITING_BYTES // max(_FEWEST_PARTS, len(self._rooms))
        for room in self._rooms.values():
            room.most_bytes = part

    def progress(self) -> dict[str, tuple[float, int]]:
        """recording_id -> seconds and bytes."""
        found = ((recording_id, room.progress()) for recording_id, room in self._rooms.items())
        return {recording_id: progress for recording_id, progress in found if progress is not None}

    def look(self, now: float) -> dict[str, int]:
        """Notice recordings that do not get on, once a second or so; what was counted."""
        rooms = [*self._rooms.values(), *self._ending]
        before, self._stalls = self._stalls, {}
        for room in rooms:
            self._watch(room, before.get(room), now)
        for room in [room for room in self._ending if not room.alive]:
            self._ending.remove(room)
            del self._stalls[room]
            self._lost += room.dropped
        lost = self._lost + sum(room.dropped for room in (*self._rooms.values(), *self._ending))
        return {
            "codec_packets_dropped_recording": lost,
            "codec_recordings_stalled": sum(stall.told for stall in self._stalls.values()),
        }

    def _watch(self, room: RecordingRoom, stall: Stall | None, now: float) -> None:
        extra = {"call_id": room.call_id}
        if stall is None or stall.done != room.done or not room.busy or not room.alive:
            if stall is not None and stall.told:
                lost = room.dropped - stall.dropped
                text = "the disk takes recording %s again, after %.0f s; %d packets of it were lost"
                logger.warning(text, room.recording_id, now - stall.since, lost, extra=extra)
            stall = Stall(room.done, room.dropped, now)
        elif not stall.told and now - stall.since >= STALLED_SECONDS:
            stall.told = True
            text = "the disk has not taken anything of recording %s for %.0f s; the call goes on, and so do others"
            logger.error(text, room.recording_id, now - stall.since, extra=extra)
        self._stalls[room] = stall

    def close(self, patience: float) -> bool:
        """Close every file; whether all were within so many seconds."""
        until = time.monotonic() + patience
        for room in list(self._rooms.values()):
            self._forget(room)
        ended = [room.end(max(0.0, until - time.monotonic())) for room in self._ending]
        return all(ended)


def _begin(start: words.StartRecording, now: float, make_sink: MakeSink | None) -> Recorder:
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
            sink=None if make_sink is None else make_sink(path),
        )  # fmt: skip
    raise OSError(f"recording {spec.recording_id} has {MOST_PARTS} parts already")
