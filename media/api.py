"""The face of the media core: what the signaling service may ask of it, and what it reports.

One `MediaEngine` holds calls; a call is a bridge that joins legs. The same protocol is served by the engine
itself, by a worker process behind a Unix socket, and by the pool that spreads calls over workers.
All operations are idempotent where a repeat makes sense, so that a control process that restarted can say them again.
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Protocol

import msgspec

from media.seconds import LegSecond as LegSecond, LegStats as LegStats, WorkerLoad as WorkerLoad


class Kind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class Slot(StrEnum):
    """What an m-line of the fixed offer is for, seen from the page (media.md §2)."""

    AUDIO = "audio"
    """The page's microphone to us, the mix partner's voice to the page."""
    CAMERA = "camera"
    """The page's camera to us."""
    MAIN = "main"
    """The far side's video to the page."""
    SIDE = "side"
    """A third party's or a screen's video to the page."""
    AUDIO_SIDE = "audio_side"
    """A second voice to the page (assistant, supervisor, announcement)."""


class LegSpec(msgspec.Struct, frozen=True):
    """What a leg is opened with."""

    call_id: str
    leg_id: str
    dtx: bool = False
    """Ask the page to stop sending in silence (Opus DTX)."""
    max_video_bps: int = 2_500_000
    """Upper bound told to the page's encoder (REMB and b=AS)."""


class Offer(msgspec.Struct, frozen=True):
    """The server's offer for one leg. `slots` maps an m-line's mid to its use."""

    call_id: str
    leg_id: str
    sdp: str
    slots: dict[str, Slot]
    generation: int = 0
    """Counts ICE restarts of the leg; an answer to an older generation is refused."""


class LegState(StrEnum):
    OFFERED = "offered"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    """Nothing heard for two seconds; the leg stays and may come back."""
    FAILED = "failed"
    CLOSED = "closed"


class LegStatus(msgspec.Struct, frozen=True):
    leg_id: str
    state: LegState
    generation: int = 0
    video_paused: bool = False
    """As the leg's last VideoLimited said."""
    playing: tuple[str, ...] = ()
    """Announcements that are played to the leg now, as `play` named them."""
    wished_bps: int = 0
    wished_layers: bool = True
    """As the leg's last SourceWished said."""
    playout_ms: int = 0
    """As the leg's last PlayoutWished said."""
    video_unshowable: bool = False
    """As the leg's last VideoUnshowable said."""
    voice_cleaned: bool = False
    """As the leg's last VoiceCleaned said."""


class RecordingSpec(msgspec.Struct, frozen=True):
    """What a recording is started with. The recorder never sees the master key: only this recording's own."""

    recording_id: str
    directory: str
    """Absolute path, made if missing. The file is `recording_id.rec` in it. If that is there already (a codec worker
    died, or the call moved to another worker) a new part is begun beside it: `recording_id.2.rec`, `.3.rec` …"""
    key: bytes
    """32 bytes, AES-256-GCM, new for every recording, the same in all its parts. Never written or logged here: whoever
    starts a recording keeps it wrapped beside the file (media.recording.keys.create_data_key)."""
    audio_only: bool = False
    leg_names: dict[str, str] = {}
    """leg_id -> side (`customer`, `agent`); a leg that is not listed is named by its id. Said again with more legs,
    `start_recording` adds them."""

    def __repr__(self) -> str:
        return f"RecordingSpec({self.recording_id!r}, {self.directory!r}, audio_only={self.audio_only})"


class RecordingState(StrEnum):
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    """Finished and on disk; nothing more comes."""
    FAILED = "failed"
    """Nothing is kept any more (disk full, codec worker lost for good): what was written before is readable."""


class RecordingStatus(msgspec.Struct, frozen=True):
    recording_id: str
    state: RecordingState
    seconds: float = 0.0
    """Recorded so far, pauses left out."""
    size_bytes: int = 0
    """On disk, all parts of this worker together."""


class Snapshot(msgspec.Struct, frozen=True):
    """A still of what a leg's camera sends, at the resolution it was sent."""

    call_id: str
    leg_id: str
    media_type: str
    """`image/jpeg` or `image/png`."""
    image: bytes
    """At most 900 KB."""
    width: int
    height: int
    wall_time: float
    """When the picture reached us, Unix seconds."""


class CallStatus(msgspec.Struct, frozen=True):
    call_id: str
    legs: tuple[LegStatus, ...]
    connected: tuple[str, ...]
    """Legs that hear each other now."""
    held: bool = False
    recordings: tuple[RecordingStatus, ...] = ()
    """Those that are running, paused or failed and were not stopped by `stop_recording`."""


class EngineStatus(msgspec.Struct, frozen=True):
    """What an engine holds, for reconciliation and health."""

    engine_id: str
    calls: tuple[CallStatus, ...] = ()
    draining: bool = False
    cpu_fraction: float = 0.0
    loop_lag_ms: float = 0.0
    counters: dict[str, int] = {}
    """Monotonic counters by name, e.g. `datagrams_dropped_unverified`; see media/io/counters.py."""
    codec_cpu_fraction: float = 0.0
    """Cores that this engine's codec worker uses (recording, snapshots, transcoding); 0 while none is needed."""
    workers: tuple[WorkerLoad, ...] = ()
    """A pool's: each worker that answered."""


class LegConnected(msgspec.Struct, frozen=True, tag=True):
    """ICE and DTLS are done and the fingerprint matches: media can flow."""

    call_id: str
    leg_id: str


class LegSilent(msgspec.Struct, frozen=True, tag=True):
    """A leg that was heard all the time has not been for a moment (0.4 s or so): its path may have died. Nothing for
    people to know yet; new ways should be offered at once."""

    call_id: str
    leg_id: str


class LegDisconnected(msgspec.Struct, frozen=True, tag=True):
    """Nothing was heard from the leg for two seconds."""

    call_id: str
    leg_id: str


class LegRecovered(msgspec.Struct, frozen=True, tag=True):
    """A disconnected leg is heard again, perhaps from another address."""

    call_id: str
    leg_id: str


class LegFailed(msgspec.Struct, frozen=True, tag=True):
    """The leg cannot work any more (DTLS failed, fingerprint mismatch, peer closed): open a new one or end."""

    call_id: str
    leg_id: str
    reason: str


class MediaStarted(msgspec.Struct, frozen=True, tag=True):
    """The first packet of this kind arrived from the leg."""

    call_id: str
    leg_id: str
    kind: Kind


class VideoLimited(msgspec.Struct, frozen=True, tag=True):
    """Pictures *to* the leg stopped for want of rate, so that the voice gets through, or they are back."""

    call_id: str
    leg_id: str
    paused: bool


class VideoUnshowable(msgspec.Struct, frozen=True, tag=True):
    """The leg's page has no codec for the pictures that are sent to it, and none are made for it (no encoder, no CPU);
    or, `unshowable` false, that is over."""

    call_id: str
    leg_id: str
    unshowable: bool


class VoiceCleaned(msgspec.Struct, frozen=True, tag=True):
    """Those who hear the leg get its voice with less noise; or, `cleaned` false, as it came: because nobody wants it
    any more, or there is no library or CPU for it."""

    call_id: str
    leg_id: str
    cleaned: bool


class CallLost(msgspec.Struct, frozen=True, tag=True):
    """The worker that held the call died; its legs are gone. Open them anew in the same call."""

    call_id: str


class StatsReported(msgspec.Struct, frozen=True, tag=True):
    """Every two seconds for every connected leg, and as soon as they are measured for calls that go badly. Of each leg
    its transport and its newest seconds; counters are asked for (`MediaEngine.stats`)."""

    legs: tuple[LegStats, ...]
    loop_lag_ms: float = 0.0
    """The worker's, over about the last second."""
    cpu_fraction: float = 0.0
    engine_id: str = ""


class SourceWished(msgspec.Struct, frozen=True, tag=True):
    """What the leg's camera should send: what its receivers can carry, and what comes through on its own way."""

    call_id: str
    leg_id: str
    video_bps: int
    """At most. 0: as it likes."""
    layers: bool = True
    """With temporal layers; not where packets are lost by chance. libwebrtc does not send upper layers again where the
    round trip is longer than their interval, and after a lost one all of them wait for the next that needs none."""


class PlayoutWished(msgspec.Struct, frozen=True, tag=True):
    """How long the leg's page should hold what it plays, so that what is lost on the way to it is repaired in time."""

    call_id: str
    leg_id: str
    milliseconds: int
    """0: as it likes."""


class UplinkJudged(msgspec.Struct, frozen=True, tag=True):
    """What the leg's page sends fills a queue on its way to us (or, `full` false, does not any more): it should send
    less at once. Its browser finds out as well, but slowly, and never asks for less than its encoders' least.
    """

    call_id: str
    leg_id: str
    full: bool
    lossy: bool = False
    """Some of it is lost by chance: that is no reason to send less."""


class RecordingChanged(msgspec.Struct, frozen=True, tag=True):
    """A recording began, paused, went on, ended or broke. `started` again: a new part was begun after a fault."""

    call_id: str
    recording_id: str
    state: RecordingState
    reason: str = ""
    """For a person: why it failed, or why a new part was begun; else empty."""
    seconds: float = 0.0
    """Recorded so far, pauses left out."""
    size_bytes: int = 0


class AnnouncementEnded(msgspec.Struct, frozen=True, tag=True):
    """An announcement without `repeat` was played to its end (not one that was stopped or replaced)."""

    call_id: str
    leg_id: str
    announcement: str


MediaEvent = (
    LegConnected
    | LegSilent
    | LegDisconnected
    | LegRecovered
    | LegFailed
    | MediaStarted
    | VideoLimited
    | VideoUnshowable
    | VoiceCleaned
    | SourceWished
    | PlayoutWished
    | UplinkJudged
    | RecordingChanged
    | AnnouncementEnded
    | CallLost
    | StatsReported
)


class MediaEngine(Protocol):
    """Legs in calls. Raises only `media.errors.MediaError`s for what callers or peers can cause."""

    async def open_leg(self, spec: LegSpec) -> Offer:
        """Create the call if needed and a leg in it; raise CapacityError. Nothing is forwarded yet."""

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        """Take the page's answer; raise NegotiationError or UnknownLegError."""

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        """Offer new ICE credentials for a leg that stays (RFC 8445 §9); the old ones work until the new are used."""

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        """Exactly these legs hear and see each other from now on; the first key frame is asked for at once."""

    async def hold(self, call_id: str, held: bool) -> None:
        """While held nothing is forwarded; legs stay connected."""

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        """Whether media of this kind *from* the leg is forwarded."""

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        """Whether those who hear the leg should get its voice with less noise: decoded, cleaned and encoded anew, where
        there is CPU for it. VoiceCleaned tells when it is so. Recordings keep what came. Raise UnknownLegError."""

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        """Record what the call's connected legs send, as it is, from now on; before `connect` that is nothing.

        A repeat of a running recording does nothing. RecordingChanged tells when the file is open. Raise
        UnknownLegError, CapacityError (too many at once) or UnavailableError (no codec worker).
        """

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        """While paused nothing is kept, from the packet on that comes next; unknown recordings: UnknownLegError."""

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        """Finish the file; RecordingChanged(stopped) follows. Unknown ones are ignored. `close_call` stops all."""

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        """A still of the leg's camera, now; raise UnknownLegError, or UnavailableError if no picture can be had within
        two seconds (camera off, muted, on hold, not connected)."""

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        """Play an announcement (media/announcement.py) to a leg, for ever if `repeat`; None stops what is played.

        A repeated one (music, hold picture) fills the leg's AUDIO and MAIN slots while nobody else does: it steps back
        by itself when the leg is connected and comes back on hold. One that is not repeated is heard at once, in
        AUDIO_SIDE over a running call, instead of the music otherwise. Each replaces only one of its own sort. Raise
        UnknownLegError, or UnavailableError for an announcement or language without a file.
        """

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        """Say BYE and forget the leg. Unknown legs are ignored."""

    async def close_call(self, call_id: str) -> None:
        """Close every leg and the bridge. Unknown calls are ignored."""

    async def status(self) -> EngineStatus:
        """What is held now."""

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        """Counters of the call's legs; empty if unknown."""

    def events(self) -> AsyncIterator[MediaEvent]:
        """Everything that happens from now on. One reader."""
