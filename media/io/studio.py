"""What needs frames beside the forwarder: an engine's recordings and snapshots, and the taps they read (media.api)."""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from typing import Protocol

from media.api import (
    AnnouncementEnded,
    Kind,
    MediaEvent,
    RecordingSpec,
    RecordingState,
    RecordingStatus,
    Snapshot,
    VideoUnshowable,
    VoiceCleaned,
)
from media.bridge.bridge import Bridge
from media.bridge.rescue import might_need
from media.bridge.tap import Feed
from media.errors import CapacityError, UnavailableError, UnknownLegError
from media.io import codec_words as words
from media.io.announcements import Announcements
from media.io.codec_link import CodecLink, Spawn, spawn_worker
from media.io.studio_call import Recording, StudioCall
from media.wire.tapped import TappedPacket

logger = logging.getLogger(__name__)

MAX_RECORDINGS = 200
SNAPSHOT_SECONDS = 2.0
STILLS_KEPT = 30.0
"""After a click its camera stays ready for the next for so long."""
READY_SECONDS = 10.0
"""How long a request waits for a codec worker that is being started."""
MOST_FAILURES = 6
"""Codec workers that died young in a row before recordings are given up."""
TRANSCODE_CORES = 0.8
"""Cores that a codec worker may use, all it does included, when a transcode is to begin."""
MEASURED_AFTER = 4.0
"""What is begun shows in the measured CPU after so many seconds."""
FLUSH_SECONDS, FLUSH_BYTES = 0.025, 256 << 10
"""Tapped packets are sent after so long, or when there are so many."""
_WATCH_SECONDS = 0.25


class CallView(Protocol):
    """A call as the engine holds it."""

    @property
    def bridge(self) -> Bridge: ...


class Studio:
    """One engine's. `tick` is called by the engine's timer."""

    def __init__(
        self,
        tell: Callable[[MediaEvent], None],
        announcements: Announcements,
        *,
        transcode_cores: float = TRANSCODE_CORES,
        spawn: Spawn = spawn_worker,
    ) -> None:
        self._tell = tell
        self._announcements = announcements
        self._feed = Feed()
        self._link = CodecLink(self, self._feed, spawn)
        self._transcode_cores = transcode_cores
        self._reserved: list[tuple[float, float]] = []
        """Until when what was begun is not in the measured CPU yet, and the cores that it is taken to need."""
        self._transcoded: dict[int, str] = {}
        """Number of what is made anew -> its call."""
        self._refused = 0
        self._calls: dict[str, StudioCall] = {}
        self._recordings: dict[str, Recording] = {}
        self._taps = itertools.count(1)
        self._stills = itertools.count(1)
        self._asked: dict[int, asyncio.Future[words.Still]] = {}
        self._up = asyncio.Event()
        self._watched_at = self._flushed_at = 0.0

    # --- what the engine passes on ---

    def warm_up(self) -> None:
        """A call begins: have a codec worker before somebody clicks."""
        self._link.need(time.monotonic())

    def start_recording(self, call_id: str, call: CallView, spec: RecordingSpec) -> None:
        """See media.api.MediaEngine."""
        now = time.monotonic()
        recording = self._recordings.get(spec.recording_id)
        if recording is None:
            if len(self._recordings) >= MAX_RECORDINGS:
                raise CapacityError(f"{MAX_RECORDINGS} recordings are running already")
            recording = self._recordings[spec.recording_id] = Recording(call_id, spec)
            self._call(call_id, call.bridge).recordings[spec.recording_id] = recording
        else:
            recording.spec = spec
        self._link.need(now)
        self._link.say(words.StartRecording(call_id, spec))
        self._rejoin(call_id, now)

    def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        """See media.api.MediaEngine."""
        recording = self._recordings.get(recording_id)
        if recording is None or recording.call_id != call_id:
            raise UnknownLegError(f"no recording {recording_id} in call {call_id} here")
        recording.paused = paused
        self._link.say(words.PauseRecording(recording_id, paused))
        self._rejoin(call_id, time.monotonic())

    def stop_recording(self, call_id: str, recording_id: str) -> None:
        """See media.api.MediaEngine."""
        recording = self._recordings.get(recording_id)
        if recording is None or recording.call_id != call_id:
            return
        recording.stopping = True
        call = self._calls.get(call_id)
        if call is not None:
            call.recordings.pop(recording_id, None)
            self._rejoin(call_id, time.monotonic())
        if not self._link.say(words.StopRecording(recording_id)) or recording.state is RecordingState.FAILED:
            self._ended(recording, "")

    async def snapshot(self, call_id: str, call: CallView, leg_id: str) -> Snapshot:
        """See media.api.MediaEngine."""
        await self._worker()
        now = time.monotonic()
        studio_call = self._call(call_id, call.bridge)
        studio_call.stills[leg_id] = now + STILLS_KEPT
        self._rejoin(call_id, now)
        tap = studio_call.tap_of(leg_id, Kind.VIDEO)
        if tap is None:
            raise UnavailableError("no picture of this leg is being sent (not connected, on hold, or camera off)")
        number = next(self._stills)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            if not self._link.say(words.TakeStill(number, tap)):
                raise UnavailableError("the codec worker takes nothing")
            self._link.flush()
            async with asyncio.timeout(SNAPSHOT_SECONDS):
                still = await answer
        except TimeoutError:
            raise UnavailableError(f"no picture came within {SNAPSHOT_SECONDS:g} s") from None
        finally:
            self._asked.pop(number, None)
        return Snapshot(call_id, leg_id, still.media_type, still.image, still.width, still.height, still.wall_time)

    def play(self, call_id: str, call: CallView, leg_id: str, announcement: str | None, repeat: bool) -> None:
        """See media.api.MediaEngine."""
        clip = None if announcement is None else self._announcements.clip(announcement, repeat)
        call.bridge.play(leg_id, clip, time.monotonic())
        stage = call.bridge.stage(leg_id)
        if stage is not None and stage.ended is None:
            stage.ended = lambda name: self._tell(AnnouncementEnded(call_id, leg_id, name))

    def clean_voice(self, call_id: str, call: CallView, leg_id: str, wanted: bool) -> None:
        """See media.api.MediaEngine."""
        studio_call = self._calls.get(call_id)
        if studio_call is None and not wanted:
            return
        now = time.monotonic()
        self._link.need(now)
        self._call(call_id, call.bridge).cleaner.want(leg_id, wanted)
        self.consider(call_id, call.bridge, now)

    def of_call(self, call_id: str) -> tuple[tuple[RecordingStatus, ...], frozenset[str], frozenset[str]]:
        """For its status: its recordings, and the legs of which the last VideoUnshowable and VoiceCleaned said so."""
        call = self._calls.get(call_id)
        if call is None:
            return (), frozenset(), frozenset()
        return tuple(recording.status() for recording in call.recordings.values()), call.blind, call.cleaned

    def counters(self) -> dict[str, int]:
        """For EngineStatus."""
        return {
            "codec_worker_starts": self._link.starts,
            "packets_tapped": self._feed.packets,
            "packets_dropped_tap": self._feed.dropped,
            "transcodes_refused": self._refused,
            "recordings_running": sum(recording.running for recording in self._recordings.values()),
            **self._link.counters,
        }

    @property
    def cpu_fraction(self) -> float:
        """Cores in use by the codec worker."""
        return self._link.cpu_fraction

    def close_call(self, call_id: str) -> None:
        """The call has ended: so do its recordings."""
        call = self._calls.pop(call_id, None)
        if call is None:
            return
        for recording_id in list(call.recordings):
            self.stop_recording(call_id, recording_id)
        call.close()
        self._link.say(words.ForgetCall(call_id))

    def tick(self, now: float) -> None:
        """Send what the taps read; now and then look after the worker.

        Waking it costs as much as forwarding some packets, and only pictures that are made for a leg are in a hurry.
        """
        if now - self._flushed_at >= FLUSH_SECONDS or self._transcoded or self._feed.size >= FLUSH_BYTES:
            self._flushed_at = now
            self._link.flush()
        if now - self._watched_at >= _WATCH_SECONDS:
            self._watched_at = now
            self._link.watch(now)
            for call_id, call in list(self._calls.items()):
                if call.expire(now):
                    self._rejoin(call_id, now)

    def consider(self, call_id: str, bridge: Bridge, now: float) -> None:
        """Look whether a leg of the call needs pictures of its own. Said a few times a second."""
        call = self._calls.get(call_id)
        if call is None:
            if not might_need(bridge):
                return
            call = self._call(call_id, bridge)
        changed = call.rescuer.consider(now)
        if call.cleaner.consider(now) or changed:
            call.rejoin(now)
        blind = call.rescuer.blind(now)
        if blind != call.blind:
            for leg_id in (blind ^ call.blind) & bridge.legs.keys():
                self._tell(VideoUnshowable(call_id, leg_id, leg_id in blind))
            call.blind = blind
        cleaned = call.cleaner.cleaned
        for leg_id in (cleaned ^ call.cleaned) & bridge.legs.keys():
            self._tell(VoiceCleaned(call_id, leg_id, leg_id in cleaned))
        call.cleaned = cleaned

    async def close(self) -> None:
        """Let the recordings be finished."""
        await self._link.close()

    # --- what the codec worker says (media.io.codec_link.Audience) ---

    def worker_up(self) -> None:
        """Tell a new worker everything."""
        now = time.monotonic()
        for call_id, call in list(self._calls.items()):
            call.introduce()
            for recording in call.recordings.values():
                if recording.state is not RecordingState.FAILED:
                    self._link.say(words.StartRecording(call_id, recording.spec))
                    if recording.paused:
                        self._link.say(words.PauseRecording(recording.spec.recording_id, True))
            call.ask_for_key_frames(now)
        self._up.set()

    def worker_down(self, reason: str) -> None:
        """Everything it did is interrupted; what it wrote is on disk."""
        self._up.clear()
        for recording in list(self._recordings.values()):
            recording.interrupted()
            if recording.stopping:
                self._ended(recording, "")
            elif self._link.failures >= MOST_FAILURES:
                self._failed(recording, f"the codec worker keeps failing: {reason}")
        for call in self._calls.values():
            call.stills.clear()
            call.rescuer.ended(None, time.monotonic())
            call.cleaner.ended(None, time.monotonic())
        for answer in self._asked.values():
            if not answer.done():
                answer.set_exception(UnavailableError("the codec worker is gone"))

    def worker_said(self, message: words.FromWorker) -> None:
        """Pass on what concerns calls."""
        match message:
            case words.Beat(_, _, progress):
                for recording_id, (seconds, size) in progress.items():
                    if recording_id in self._recordings:
                        self._recordings[recording_id].progressed(seconds, size)
            case words.Recorded():
                self._recorded(message)
            case words.KeyFrameWanted(call_id, leg_id):
                call = self._calls.get(call_id)
                if call is not None:
                    call.ask_for_key_frame(leg_id, time.monotonic())
            case words.Still(still):
                answer = self._asked.get(still)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case words.TranscodeEnded(number, reason):
                call = self._calls.get(self._transcoded.get(number, ""))
                logger.warning("what was made for a leg is not made any more: %s", reason)
                if call is not None:
                    call.rescuer.ended(number, time.monotonic())
                    call.cleaner.ended(number, time.monotonic())
            case _:
                pass

    def worker_sent(self, packet: TappedPacket) -> None:
        """Pictures that were encoded for a leg."""
        call = self._calls.get(self._transcoded.get(packet.tap, ""))
        if call is not None:
            call.made(packet, time.monotonic())

    # --- inside ---

    def _call(self, call_id: str, bridge: Bridge) -> StudioCall:
        call = self._calls.get(call_id)
        if call is None:
            call = self._calls[call_id] = StudioCall(
                call_id,
                bridge,
                self._feed,
                self._link.say,
                self._taps,
                lambda cores: self._admit(call_id, cores),
                self._release,
            )
        return call

    def _admit(self, call_id: str, cores: float) -> int | None:
        """A number for something more that is made anew; None while there is no CPU for it."""
        now = time.monotonic()
        self._link.need(now)
        self._reserved = [(until, its) for until, its in self._reserved if until > now]
        used = self._link.cpu_fraction + sum(its for _, its in self._reserved)
        if not self._link.ready or used + cores > self._transcode_cores:
            self._refused += 1
            return None
        self._reserved.append((now + MEASURED_AFTER, cores))
        number = next(self._taps)
        self._transcoded[number] = call_id
        return number

    def _release(self, number: int) -> None:
        self._transcoded.pop(number, None)

    def _rejoin(self, call_id: str, now: float) -> None:
        self._calls[call_id].rejoin(now)
        self._link.flush()

    async def _worker(self) -> None:
        """Wait until there is a codec worker; raise UnavailableError if none comes."""
        self._link.need(time.monotonic())
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._up.wait()
        except TimeoutError:
            raise UnavailableError("no codec worker is running") from None

    def _recorded(self, told: words.Recorded) -> None:
        recording = self._recordings.get(told.recording_id)
        if recording is None:
            return
        recording.progressed(told.seconds, told.size_bytes)
        if told.state is RecordingState.STOPPED:
            if recording.stopping:
                self._ended(recording, told.reason)
            return  # else the worker is being stopped: a new part follows
        if told.state is RecordingState.FAILED:
            self._failed(recording, told.reason)
            return
        again = told.state is RecordingState.STARTED and recording.parts > 0
        recording.changed(told.state)
        self._tell(recording.event("a new part was begun: the codec worker had to be started again" if again else ""))

    def _failed(self, recording: Recording, reason: str) -> None:
        if recording.state is not RecordingState.FAILED:
            recording.changed(RecordingState.FAILED)
            self._tell(recording.event(reason))
            call = self._calls.get(recording.call_id)
            if call is not None:
                call.rejoin(time.monotonic())
        if recording.stopping:
            self._recordings.pop(recording.spec.recording_id, None)

    def _ended(self, recording: Recording, reason: str) -> None:
        if self._recordings.pop(recording.spec.recording_id, None) is None:
            return
        if recording.state is not RecordingState.FAILED:
            recording.changed(RecordingState.STOPPED)
            self._tell(recording.event(reason))
