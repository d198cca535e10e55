"""The face of the media core: what the signaling service may ask of it, and what it reports.

One `MediaEngine` holds calls; a call is a bridge that joins legs. The same protocol is served by the engine
itself, by a worker process behind a Unix socket, and by the pool that spreads calls over workers.
All operations are idempotent where a repeat makes sense, so that a control process that restarted can say them again.
"""

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Protocol

import msgspec


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


class CallStatus(msgspec.Struct, frozen=True):
    call_id: str
    legs: tuple[LegStatus, ...]
    connected: tuple[str, ...]
    """Legs that hear each other now."""
    held: bool = False


class LegStats(msgspec.Struct, frozen=True):
    """One leg's counters since it was opened; rates are over the last second."""

    call_id: str
    leg_id: str
    rtt_ms: float | None = None
    received_bps: int = 0
    sent_bps: int = 0
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost_uplink: int = 0
    packets_lost_downlink: int = 0
    """As the page reports it (RFC 3550 §6.4.1, cumulative lost)."""
    fraction_lost_uplink: float = 0.0
    fraction_lost_downlink: float = 0.0
    jitter_ms_uplink: float = 0.0
    retransmitted: int = 0
    nacks_sent: int = 0
    nacks_received: int = 0
    key_frames_requested: int = 0
    audio_level: int | None = None
    """The source's last level, 0 (loudest) to 127 (silence), in -dBov (RFC 6464)."""
    transport: str = ""
    """`udp4`, `udp6`, `tcp4` or `tcp6`."""


class EngineStatus(msgspec.Struct, frozen=True):
    """What an engine holds, for reconciliation and health."""

    engine_id: str
    calls: tuple[CallStatus, ...] = ()
    draining: bool = False
    cpu_fraction: float = 0.0
    loop_lag_ms: float = 0.0
    counters: dict[str, int] = {}
    """Monotonic counters by name, e.g. `datagrams_dropped_unverified`; see media/io/counters.py."""


class LegConnected(msgspec.Struct, frozen=True, tag=True):
    """ICE and DTLS are done and the fingerprint matches: media can flow."""

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


class CallLost(msgspec.Struct, frozen=True, tag=True):
    """The worker that held the call died; its legs are gone. Open them anew in the same call."""

    call_id: str


class StatsReported(msgspec.Struct, frozen=True, tag=True):
    """Every few seconds, for every connected leg."""

    legs: tuple[LegStats, ...]


class SourceWished(msgspec.Struct, frozen=True, tag=True):
    """What the leg's camera should send at most, because the weakest of its receivers can carry no more."""

    call_id: str
    leg_id: str
    video_bps: int
    """0: as it likes."""


MediaEvent = (
    LegConnected
    | LegDisconnected
    | LegRecovered
    | LegFailed
    | MediaStarted
    | VideoLimited
    | SourceWished
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
