"""A leg and a call as the engine holds them: the joint of transport, negotiation and bridge."""

import hashlib
import logging
import random
import time
from typing import Protocol

import msgspec

from media.api import (
    CallStatus,
    Kind,
    LegConnected,
    LegDisconnected,
    LegFailed,
    LegRecovered,
    LegSilent,
    LegSpec,
    LegState,
    LegStats,
    LegStatus,
    MediaEvent,
    MediaStarted,
    Offer,
    PlayoutWished,
    RecordingStatus,
    SourceWished,
    UplinkJudged,
    VideoLimited,
)
from media.bridge.bridge import Bridge
from media.bridge.counters import Counters as BridgeCounters
from media.bridge.leg import Leg
from media.bridge.schedule import Rota
from media.errors import NegotiationError
from media.io.answer import Answer, parse_answer
from media.io.candidates import Advertised
from media.io.offer import SLOTS, OfferTerms, build_offer, new_identity
from media.io.transport import LegTransport, Shared

logger = logging.getLogger(__name__)

SILENCE = 2.0
"""Nothing heard for this long from a leg that was sending media: it is disconnected."""
SILENCE_WITHOUT_MEDIA = 7.0
"""The same for a leg that sends no media (all muted): then only checks come, every 2.5 s from Chromium."""
MEDIA_FLOWED = 1.0
"""A leg was sending media if its last RTP came at most this long before the last of anything."""
FAREWELL_SILENCE = 0.5
FAREWELL_SILENCE_WITHOUT_MEDIA = 3.0
"""A leg that seems to have said goodbye and then is silent this long has closed."""
CONNECT_TIME = 30.0
"""From opening to connected."""
GIVEN_UP = 120.0
"""A leg silent this long is failed even if nobody closes it: the control process may be gone for good."""


class CallOwner(Protocol):
    """The engine, as its calls know it."""

    rota: Rota

    def tell(self, event: MediaEvent) -> None: ...

    def close_soon(self, leg: "HeldLeg") -> None: ...

    def crash(self, call: "HeldCall") -> None: ...


class HeldLeg:
    """One leg from its offer to its end (media.io.transport.Owner)."""

    def __init__(self, spec: LegSpec, call: "HeldCall", shared: Shared, now: float) -> None:
        self.spec = spec
        self.call = call
        self.generation = 0
        self.state = LegState.OFFERED
        self.transport = LegTransport(shared, self)
        self.leg: Leg | None = None
        self.video_paused = False
        self.wished_bps, self.wished_layers = 0, True
        self.playout_ms = 0
        self._counters = shared.counters
        self._identity = new_identity()
        self._opened_at = now
        self._answer: Answer | None = None
        self._answered: tuple[int, bytes] | None = None
        """Generation and digest of the answer that was taken."""

    # --- negotiation ---

    def offer(self, advertised: Advertised, fingerprint: str) -> Offer:
        """The offer of the current generation."""
        spec = self.spec
        credentials = self.transport.ice.credentials
        terms = OfferTerms(
            self._identity, self.generation, credentials, fingerprint, advertised, spec.dtx, spec.max_video_bps
        )
        return Offer(spec.call_id, spec.leg_id, build_offer(terms), dict(SLOTS), self.generation)

    def restart_ice(self) -> None:
        """New credentials and generation; everything else goes on."""
        self.generation += 1
        self.transport.ice.renew()

    def accept(self, generation: int, sdp: str) -> None:
        """Take an answer; a repeat of the same does nothing. Raise NegotiationError."""
        stated = (generation, hashlib.sha256(sdp.encode("utf-8", "replace")).digest())
        if self._answered == stated:
            return
        if generation != self.generation:
            raise NegotiationError(f"this answers offer {generation}, the current one is {self.generation}")
        if self._answered is not None and self._answered[0] == generation:
            raise NegotiationError("this offer has been answered differently before")
        answer = parse_answer(sdp, self._identity, self.spec.max_video_bps)
        if self._answer is None:
            self._answer = answer
            self._answered = stated
            self.transport.expect(answer.fingerprints)
            return
        # After an ICE restart DTLS and SRTP go on (RFC 8842 §5.5), and so do the lines as first agreed.
        if set(answer.fingerprints) != set(self._answer.fingerprints):
            raise NegotiationError("an ICE restart cannot change the fingerprint: open a new leg")
        self._answered = stated

    # --- what the transport tells ---

    def transport_ready(self) -> None:
        assert self._answer is not None
        now = time.monotonic()
        leg = self.call.bridge.add_leg(self.spec.leg_id, self._answer.parameters, self.transport, now)
        leg.media_started = self._media_started
        leg.rates.video_paused = self._video_limited
        leg.uplink.wish = self._source_wished
        leg.uplink.tell = self._uplink_judged
        leg.wish_playout = self._playout_wished
        self.leg = leg
        self.call.rota.add(leg.schedule, self)
        self.transport.attach(leg)
        self.state = LegState.CONNECTED
        self._counters.legs_connected += 1
        self.call.tell(LegConnected(self.spec.call_id, self.spec.leg_id))

    def transport_failed(self, reason: str) -> None:
        self.fail(reason)

    def path_changed(self, elsewhere: bool) -> None:
        if self.leg is not None:
            self.leg.path_changed(elsewhere, time.monotonic())

    def faulted(self) -> None:
        self.call.crash()

    def _media_started(self, kind: Kind) -> None:
        self.call.tell(MediaStarted(self.spec.call_id, self.spec.leg_id, kind))

    def _video_limited(self, paused: bool) -> None:
        if paused != self.video_paused:
            self.video_paused = paused
            self.call.tell(VideoLimited(self.spec.call_id, self.spec.leg_id, paused))

    def _source_wished(self, video_bps: float, layers: bool) -> None:
        self.wished_bps = 0 if video_bps == float("inf") else max(1, round(video_bps))
        self.wished_layers = layers
        self.call.tell(SourceWished(self.spec.call_id, self.spec.leg_id, self.wished_bps, layers))

    def _uplink_judged(self, full: bool, lossy: bool) -> None:
        self.call.tell(UplinkJudged(self.spec.call_id, self.spec.leg_id, full, lossy))

    def _playout_wished(self, seconds: float) -> None:
        self.playout_ms = round(seconds * 1000)
        self.call.tell(PlayoutWished(self.spec.call_id, self.spec.leg_id, self.playout_ms))

    def status(self, playing: tuple[str, ...], unshowable: bool, cleaned: bool) -> LegStatus:
        told = (self.video_paused, playing, self.wished_bps, self.wished_layers, self.playout_ms, unshowable, cleaned)
        return LegStatus(self.spec.leg_id, self.state, self.generation, *told)

    # --- time ---

    def poll(self, now: float, ntp_time: int) -> None:
        """Let the bridge's leg send what is due, which is so when the rota says so."""
        if self.leg is not None:
            self.leg.poll(now, ntp_time)

    def look(self, now: float) -> None:
        """Notice at once when the leg falls silent. Every LOOK_EVERY seconds."""
        transport = self.transport
        if self.state is LegState.CONNECTED and transport.silence.look(transport.answered(now), now):
            self.call.tell(LegSilent(self.spec.call_id, self.spec.leg_id))

    def watch(self, now: float) -> None:
        """Notice silence, its end, and legs that never came."""
        if self.state is LegState.OFFERED:
            if now - self._opened_at > CONNECT_TIME:
                self.fail(f"not connected within {CONNECT_TIME:.0f} s")
            return
        transport = self.transport
        transport.ice.expire(now)
        transport.relax(now)
        silent = now - transport.heard
        flowed = transport.rtp_at > 0 and transport.heard - transport.rtp_at < MEDIA_FLOWED
        farewell_silence = FAREWELL_SILENCE if flowed else FAREWELL_SILENCE_WITHOUT_MEDIA
        if transport.heard < transport.farewell_at and silent > farewell_silence:
            self.fail("the peer closed the connection")
        elif silent > GIVEN_UP:
            self.fail(f"nothing heard for {GIVEN_UP:.0f} s")
        elif self.state is LegState.CONNECTED and silent > (SILENCE if flowed else SILENCE_WITHOUT_MEDIA):
            self.state = LegState.DISCONNECTED
            self.call.tell(LegDisconnected(self.spec.call_id, self.spec.leg_id))
        elif self.state is LegState.DISCONNECTED and silent < SILENCE:
            self.state = LegState.CONNECTED
            self.call.tell(LegRecovered(self.spec.call_id, self.spec.leg_id))

    def stats(self, now: float) -> LegStats:
        """Counters of a connected leg."""
        assert self.leg is not None
        return msgspec.structs.replace(self.leg.stats(now), transport=self.transport.label)

    def report(self) -> LegStats:
        """The seconds of a connected leg that were not handed out yet."""
        assert self.leg is not None
        return LegStats(
            self.spec.call_id, self.spec.leg_id, transport=self.transport.label, seconds=self.leg.monitor.drain()
        )

    # --- end ---

    def fail(self, reason: str) -> None:
        """Tell why and close."""
        if self.state in (LegState.FAILED, LegState.CLOSED):
            return
        self.state = LegState.FAILED
        logger.info("leg failed: %s", reason, extra={"call_id": self.spec.call_id, "leg_id": self.spec.leg_id})
        self.call.tell(LegFailed(self.spec.call_id, self.spec.leg_id, reason))
        self.call.drop(self)

    async def close(self) -> None:
        """Say BYE and close_notify, forget addresses and keys."""
        if self.state is not LegState.FAILED:
            self.state = LegState.CLOSED
        self.call.bridge.remove_leg(self.spec.leg_id, time.monotonic())
        if self.leg is not None:
            self.call.rota.remove(self.leg.schedule)
        self.leg = None
        await self.transport.close()


class HeldCall:
    """A call's bridge and its legs."""

    def __init__(self, call_id: str, owner: CallOwner, counters: BridgeCounters, now: float) -> None:
        self.call_id = call_id
        self.bridge = Bridge(call_id, random.SystemRandom(), counters)
        self.legs: dict[str, HeldLeg] = {}
        self.empty_since = now
        self.tell = owner.tell
        self.rota = owner.rota
        self._owner = owner

    def drop(self, leg: HeldLeg) -> None:
        """Close a leg soon; the call goes on without it."""
        if self.legs.get(leg.spec.leg_id) is leg:
            del self.legs[leg.spec.leg_id]
        if not self.legs:
            self.empty_since = time.monotonic()
        self._owner.close_soon(leg)

    @property
    def pressing(self) -> bool:
        """Whether somebody should see its last seconds at once."""
        monitors = [leg.leg.monitor for leg in self.legs.values() if leg.leg is not None]
        return any(one.alarming for one in monitors) and any(one.waiting for one in monitors)

    def crash(self) -> None:
        """An exception of our own: this call ends, the others go on."""
        self._owner.crash(self)

    def status(
        self,
        recordings: tuple[RecordingStatus, ...] = (),
        blind: frozenset[str] = frozenset(),
        cleaned: frozenset[str] = frozenset(),
    ) -> CallStatus:
        """Recordings, legs without a picture for want of a codec and cleaned voices are known to the studio."""
        legs = tuple(
            leg.status(self._playing(leg_id), leg_id in blind, leg_id in cleaned) for leg_id, leg in self.legs.items()
        )
        return CallStatus(self.call_id, legs, self.bridge.connected, self.bridge.held, recordings)

    def _playing(self, leg_id: str) -> tuple[str, ...]:
        stage = self.bridge.stage(leg_id)
        return () if stage is None else stage.playing
