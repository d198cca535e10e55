"""A media engine without media: it keeps what it was told, and can lose a worker."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from media.announcement import SPOKEN, SPOKEN_LANGUAGES, Announcement
from media.api import (
    AnnouncementEnded,
    CallLost,
    CallStatus,
    EngineStatus,
    Kind,
    LegConnected,
    LegFailed,
    LegSpec,
    LegState,
    LegStats,
    LegStatus,
    MediaEvent,
    Offer,
    RecordingChanged,
    RecordingSpec,
    RecordingState,
    RecordingStatus,
    Slot,
    Snapshot,
    SourceWished,
    VideoLimited,
    VideoUnshowable,
    VoiceCleaned,
)
from media.errors import CapacityError, NegotiationError, UnavailableError, UnknownLegError

SLOTS = {"0": Slot.AUDIO, "1": Slot.CAMERA, "2": Slot.MAIN, "3": Slot.SIDE, "4": Slot.AUDIO_SIDE}
BAD_SDP = "not an answer"


@dataclass
class MediaLeg:
    leg_id: str
    state: LegState = LegState.OFFERED
    generation: int = 0
    muted: set[Kind] = field(default_factory=set)
    video_paused: bool = False
    wished_bps: int = 0
    unshowable: bool = False
    cleaned: bool = False
    playing: dict[bool, str] = field(default_factory=dict)
    """What is played to it: True: repeated, False: once."""


@dataclass
class MediaCall:
    legs: dict[str, MediaLeg] = field(default_factory=dict)
    connected: tuple[str, ...] = ()
    held: bool = False
    recordings: dict[str, RecordingStatus] = field(default_factory=dict)


class MediaModel:
    """The engine's state, without awaiting. What happens to it waits in `happened`."""

    def __init__(self) -> None:
        self.calls: dict[str, MediaCall] = {}
        self.happened: deque[MediaEvent] = deque()
        self.full = False
        self.connects: list[tuple[str, tuple[str, ...]]] = []
        """Every connect there ever was."""
        self.opened = 0
        self.picture: bytes | None = b"\xff\xd8 a still \xff\xd9"
        """What a snapshot shows; None: no picture comes."""
        self.cleans = True
        """Whether voices can be cleaned here."""
        self.recorded: list[RecordingSpec] = []
        """Every recording that was ever started."""

    def open_leg(self, spec: LegSpec) -> Offer:
        if self.full:
            raise CapacityError("no worker")
        self.opened += 1
        self.calls.setdefault(spec.call_id, MediaCall()).legs[spec.leg_id] = MediaLeg(spec.leg_id)
        return Offer(spec.call_id, spec.leg_id, f"offer of {spec.leg_id}", SLOTS)

    def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        """A good answer connects at once."""
        leg = self._leg(call_id, leg_id)
        if sdp == BAD_SDP or generation != leg.generation:
            raise NegotiationError("line 1 is wrong")
        leg.state = LegState.CONNECTED
        self.happened.append(LegConnected(call_id, leg_id))

    def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        leg = self._leg(call_id, leg_id)
        leg.generation += 1
        return Offer(call_id, leg_id, f"offer of {leg_id}", SLOTS, leg.generation)

    def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        for leg_id in leg_ids:
            self._leg(call_id, leg_id)
        self.connects.append((call_id, leg_ids))
        if call_id in self.calls:
            self.calls[call_id].connected = leg_ids

    def hold(self, call_id: str, held: bool) -> None:
        if call_id in self.calls:
            self.calls[call_id].held = held

    def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        leg = self._leg(call_id, leg_id)
        (leg.muted.add if muted else leg.muted.discard)(kind)

    def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        """It is so at once, if there is the library."""
        leg = self._leg(call_id, leg_id)
        if leg.cleaned != (wanted and self.cleans):
            leg.cleaned = wanted and self.cleans
            self.happened.append(VoiceCleaned(call_id, leg_id, leg.cleaned))

    def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        """It is open at once."""
        call = self._call(call_id)
        if spec.recording_id not in call.recordings:
            self.recorded.append(spec)
            self._record(call_id, spec.recording_id, RecordingState.STARTED)

    def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        if recording_id not in self._call(call_id).recordings:
            raise UnknownLegError(recording_id)
        self._record(call_id, recording_id, RecordingState.PAUSED if paused else RecordingState.RESUMED)

    def stop_recording(self, call_id: str, recording_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and recording_id in call.recordings:
            self._record(call_id, recording_id, RecordingState.STOPPED)

    def fail_recording(self, call_id: str, recording_id: str, reason: str = "disk full") -> None:
        """The disk is full, say."""
        self._record(call_id, recording_id, RecordingState.FAILED, reason)

    def _record(self, call_id: str, recording_id: str, state: RecordingState, reason: str = "") -> None:
        recordings = self._call(call_id).recordings
        before = recordings.get(recording_id)
        seconds = 1.0 if before is None else before.seconds + 1.0
        recordings[recording_id] = RecordingStatus(recording_id, state, seconds, 1000)
        if state is RecordingState.STOPPED:
            del recordings[recording_id]
        self.happened.append(RecordingChanged(call_id, recording_id, state, reason, seconds, 1000))

    def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        self._leg(call_id, leg_id)
        if self.picture is None:
            raise UnavailableError("no picture comes from this leg")
        return Snapshot(call_id, leg_id, "image/jpeg", self.picture, 640, 480, 1_700_000_000.0)

    def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        leg = self._leg(call_id, leg_id)
        if announcement is None:
            leg.playing.clear()
            return
        name, _, language = announcement.partition(".")
        if name not in set(Announcement) or (language in SPOKEN_LANGUAGES) != (name in SPOKEN):
            raise UnavailableError(f"there is no announcement {announcement}")
        leg.playing[repeat] = announcement

    def end_announcement(self, call_id: str, leg_id: str) -> None:
        """What was played once has ended."""
        self.happened.append(AnnouncementEnded(call_id, leg_id, self._leg(call_id, leg_id).playing.pop(False)))

    def close_leg(self, call_id: str, leg_id: str) -> None:
        call = self.calls.get(call_id)
        if call is not None and call.legs.pop(leg_id, None) is not None:
            call.connected = tuple(joined for joined in call.connected if joined != leg_id)
            if not call.legs:
                del self.calls[call_id]

    def close_call(self, call_id: str) -> None:
        call = self.calls.get(call_id)
        for recording_id in list(call.recordings if call is not None else ()):
            self.stop_recording(call_id, recording_id)
        self.calls.pop(call_id, None)

    def status(self) -> EngineStatus:
        return EngineStatus(
            "fake",
            tuple(
                CallStatus(
                    call_id,
                    tuple(
                        LegStatus(
                            leg.leg_id,
                            leg.state,
                            leg.generation,
                            leg.video_paused,
                            tuple(leg.playing.values()),
                            leg.wished_bps,
                            video_unshowable=leg.unshowable,
                            voice_cleaned=leg.cleaned,
                        )
                        for leg in call.legs.values()
                    ),
                    call.connected,
                    call.held,
                    tuple(call.recordings.values()),
                )
                for call_id, call in self.calls.items()
            ),
        )

    def lose(self, call_id: str) -> None:
        """The call's worker dies."""
        self.calls.pop(call_id, None)
        self.happened.append(CallLost(call_id))

    def limit(self, call_id: str, leg_id: str, paused: bool) -> None:
        """The leg's downlink becomes too narrow for pictures, or wide enough."""
        self._leg(call_id, leg_id).video_paused = paused
        self.happened.append(VideoLimited(call_id, leg_id, paused))

    def blind(self, call_id: str, leg_id: str, unshowable: bool = True) -> None:
        """The leg's page lacks the codec of what it is sent."""
        self._leg(call_id, leg_id).unshowable = unshowable
        self.happened.append(VideoUnshowable(call_id, leg_id, unshowable))

    def wish(self, call_id: str, leg_id: str, video_bps: int) -> None:
        """The far side of the leg's camera can take so much."""
        self._leg(call_id, leg_id).wished_bps = video_bps
        self.happened.append(SourceWished(call_id, leg_id, video_bps))

    def fail(self, call_id: str, leg_id: str, reason: str = "dtls") -> None:
        """A leg breaks for good."""
        self._leg(call_id, leg_id)
        self.close_leg(call_id, leg_id)
        self.happened.append(LegFailed(call_id, leg_id, reason))

    def _call(self, call_id: str) -> MediaCall:
        if call_id not in self.calls:
            raise UnknownLegError(call_id)
        return self.calls[call_id]

    def _leg(self, call_id: str, leg_id: str) -> MediaLeg:
        call = self.calls.get(call_id)
        if call is None or leg_id not in call.legs:
            raise UnknownLegError(leg_id)
        return call.legs[leg_id]


class FakeEngine:
    """media.api.MediaEngine over a MediaModel."""

    def __init__(self, model: MediaModel | None = None) -> None:
        self.model = model or MediaModel()
        self.gate: dict[str, asyncio.Event] = {}
        """Opening a leg in one of these calls waits for its event."""
        self._news = asyncio.Event()

    async def open_leg(self, spec: LegSpec) -> Offer:
        if spec.call_id in self.gate:
            await self.gate[spec.call_id].wait()
        return self.model.open_leg(spec)

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        self.model.accept_answer(call_id, leg_id, generation, sdp)
        self._news.set()

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        return self.model.restart_ice(call_id, leg_id)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        self.model.connect(call_id, leg_ids)

    async def hold(self, call_id: str, held: bool) -> None:
        self.model.hold(call_id, held)

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        self.model.mute(call_id, leg_id, kind, muted)

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        self.model.clean_voice(call_id, leg_id, wanted)
        self._news.set()

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        self.model.start_recording(call_id, spec)
        self._news.set()

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        self.model.pause_recording(call_id, recording_id, paused)
        self._news.set()

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        self.model.stop_recording(call_id, recording_id)
        self._news.set()

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        return self.model.snapshot(call_id, leg_id)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        self.model.play(call_id, leg_id, announcement, repeat)

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        self.model.close_leg(call_id, leg_id)

    async def close_call(self, call_id: str) -> None:
        self.model.close_call(call_id)

    async def status(self) -> EngineStatus:
        return self.model.status()

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        return ()

    def tell(self) -> None:
        """Something happened to the model from outside."""
        self._news.set()

    async def events(self) -> AsyncIterator[MediaEvent]:
        while True:
            while self.model.happened:
                yield self.model.happened.popleft()
            self._news.clear()
            await self._news.wait()
