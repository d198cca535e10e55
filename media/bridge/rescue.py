"""Pictures made anew for a leg that its source cannot serve: when, at which rate, and the seamless change both ways.

Two cases: the source sends a codec that the leg has not; or one leg of several can carry far less than the others, whom
it would drag down. What decodes and encodes is elsewhere (`Kitchen`) and may refuse. Until the first new picture is
here the leg is fed as before, and until the source's next key frame afterwards it is fed by us. A leg that lacks the
codec and gets nothing made for it is `blind`: that is for people to be told.
"""

from enum import Enum, auto
from typing import Protocol

from media.bridge.bridge import Bridge
from media.bridge.inbound import InboundTrack
from media.bridge.leg import Leg
from media.bridge.outbound import OutboundTrack
from media.bridge.player import H264_TYPE, VP8_TYPE, Player
from media.bridge.tap import Tap
from media.wire.tapped import H264, TappedPacket

MAX_BPS = 700_000
"""What a rescue encodes at most: enough for 960x540, and its price is bounded."""
LEAST_BPS = 60_000
WEAK, RECOVERED = 0.5, 0.8
"""A leg that carries less than this share of what the next weakest does drags the others down; with that much not."""
WEAK_SECONDS, RECOVERED_SECONDS = 3.0, 10.0
RETRY_SECONDS = 5.0
"""After a refusal, or an end that we did not want."""
HOPELESS_SECONDS = 60.0
"""After an end that came before the first picture: there is no such encoder, or the source cannot be decoded."""
BLIND_SECONDS = 2.0
"""What is made begins within one."""
STARTING_SECONDS = 5.0
RETURN_SECONDS = 5.0
"""A source that sends no key frame for so long is returned to without one."""
_RATE_STEP, _RATE_SECONDS = 0.05, 0.3


class Kitchen(Protocol):
    """Decodes a source and encodes it anew."""

    def begin(self, source: InboundTrack, bps: int, *, h264: bool) -> int | None:
        """Start, as H.264 or as VP8, if there is CPU for it; the number of what comes out. Nothing comes before the
        source is tapped."""

    def change_rate(self, number: int, bps: int) -> None: ...

    def make_key_frame(self, number: int) -> None: ...

    def end(self, number: int) -> None: ...


class _State(Enum):
    STARTING = auto()
    LIVE = auto()
    RETURNING = auto()


class Rescue(Player):
    """One leg's own pictures."""

    def __init__(self, source: InboundTrack, number: int, kitchen: Kitchen, bps: int, now: float) -> None:
        super().__init__()
        self.source = source
        self.number = number
        self.state = _State.STARTING
        self.since = now
        self._kitchen = kitchen
        self._bps = bps
        self._changed_at = now

    def packet(self, packet: TappedPacket, now: float) -> None:
        """Pass on what was encoded."""
        payload_type = H264_TYPE if packet.codec == H264 else VP8_TYPE
        self.send(packet.payload, payload_type, packet.timestamp, marker=packet.marker, key=packet.key, now=now)

    def want_key_frame(self, now: float) -> None:
        """The receiver cannot go on without one."""
        self._kitchen.make_key_frame(self.number)

    def limit(self, track: OutboundTrack, bps: float, now: float) -> None:
        """The leg can carry this much."""
        rate = bounded(bps)
        if abs(rate - self._bps) > _RATE_STEP * self._bps and (
            now - self._changed_at > _RATE_SECONDS or rate < self._bps
        ):
            self._bps, self._changed_at = rate, now
            self._kitchen.change_rate(self.number, rate)

    def timestamp_at(self, now: float) -> int | None:
        """The source's, which the pictures keep."""
        return self.source.timestamp_at(now)

    def poll(self, now: float) -> None:
        """Nothing is due by the clock."""

    def next_timeout(self) -> float:
        return float("inf")


class Rescuer:
    """One call's. `consider` a few times a second; the bridge asks `player`."""

    def __init__(self, bridge: Bridge, kitchen: Kitchen) -> None:
        self.refused = 0
        self._bridge = bridge
        self._kitchen = kitchen
        self._rescues: dict[OutboundTrack, Rescue] = {}
        self._weak_since: dict[OutboundTrack, float] = {}
        self._well_since: dict[OutboundTrack, float] = {}
        self._retry_at: dict[OutboundTrack, float] = {}
        self._blind_since: dict[str, float] = {}

    @property
    def active(self) -> bool:
        """Whether anything is made here."""
        return bool(self._rescues)

    @property
    def sources(self) -> set[InboundTrack]:
        """Those to be tapped."""
        return {rescue.source for rescue in self._rescues.values()}

    def player(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        """What feeds the track instead of its source, once there is a picture."""
        rescue = self._rescues.get(track)
        if rescue is None or rescue.source is not source or rescue.state is _State.STARTING:
            return None
        return rescue

    def consider(self, now: float) -> bool:
        """Begin and end rescues; whether taps or substitutes changed."""
        people = self._bridge.people()
        changed = False
        for track, rescue in list(self._rescues.items()):
            changed |= self._review(track, rescue, people.get(track), now)
        for track, source in people.items():
            if track not in self._rescues and track.is_video and self._in_need(track, source, people, now):
                changed |= self._begin(track, source, now)
        blind = self._bridge.lineless()
        for track, source in people.items():
            leg = _leg_of(self._bridge, track) if self._is_blind(track, source) else None
            if leg is not None:
                blind.add(leg.leg_id)
        self._blind_since = {leg_id: self._blind_since.get(leg_id, now) for leg_id in blind}
        return changed

    def blind(self, now: float) -> frozenset[str]:
        """The legs that have had nothing to show for a while, for want of a codec."""
        return frozenset(leg_id for leg_id, since in self._blind_since.items() if now - since >= BLIND_SECONDS)

    def arrived(self, packet: TappedPacket, now: float) -> None:
        """A packet of one of our numbers; the first key frame brings the change."""
        rescue = next((rescue for rescue in self._rescues.values() if rescue.number == packet.tap), None)
        if rescue is None:
            return
        if rescue.state is _State.STARTING:
            if not packet.key:
                return
            rescue.state = _State.LIVE
            self._bridge.rejoin(now)
        rescue.packet(packet, now)

    def key_frame(self, tap: Tap, now: float) -> None:
        """The source's next key frame begins: legs that may return to it do (media.bridge.tap.KeyFrameWatch)."""
        returning = [
            track
            for track, rescue in self._rescues.items()
            if rescue.state is _State.RETURNING and rescue.source.forwarder.tap is tap
        ]
        tap.key_frames = None
        for track in returning:
            self._drop(track)
        if returning:
            self._bridge.rejoin(now)

    def ended(self, number: int | None, now: float) -> None:
        """What was encoded ended by itself; None: all of it."""
        over = [track for track, rescue in self._rescues.items() if number is None or rescue.number == number]
        for track in over:
            rescue = self._rescues.pop(track)
            hopeless = number is not None and rescue.state is _State.STARTING
            self._retry_at[track] = now + (HOPELESS_SECONDS if hopeless else RETRY_SECONDS)
            self._kitchen.end(rescue.number)
        if over:
            self._bridge.rejoin(now)

    def close(self) -> None:
        """The call has ended."""
        for track in list(self._rescues):
            self._drop(track)

    # --- decisions ---

    def _in_need(
        self, track: OutboundTrack, source: InboundTrack, people: dict[OutboundTrack, InboundTrack], now: float
    ) -> bool:
        types = track.slot.payload_types
        if (types.vp8 is None and types.h264 is None) or self._retry_at.get(track, 0.0) > now:
            return False
        if not _understands(track, source):
            return True
        share = self._share(track, source, people)
        if share is None or share >= WEAK:
            self._weak_since.pop(track, None)
            return False
        return now - self._weak_since.setdefault(track, now) >= WEAK_SECONDS

    def _share(
        self, track: OutboundTrack, source: InboundTrack, people: dict[OutboundTrack, InboundTrack]
    ) -> float | None:
        """What the track's leg carries, by what the weakest other watcher of the source does; None if that is not to
        be compared."""
        others = [other for other, its in people.items() if its is source and other is not track]
        rates = [self._carries(other) for other in others if other not in self._rescues]
        own = self._carries(track)
        if own is None or own < LEAST_BPS:
            return None
        compared = [rate for rate in rates if rate]
        return own / min(compared) if compared else None

    def _carries(self, track: OutboundTrack) -> float | None:
        leg = _leg_of(self._bridge, track)
        if leg is None or leg.rates.allocation.video_paused:
            return None
        return min(leg.rates.allocation.video_bps, float(leg.parameters.max_video_bps))

    def _review(self, track: OutboundTrack, rescue: Rescue, source: InboundTrack | None, now: float) -> bool:
        if source is not rescue.source or (rescue.state is _State.STARTING and now - rescue.since > STARTING_SECONDS):
            self._drop(track)
            self._retry_at[track] = now + RETRY_SECONDS
            return True
        if rescue.state is _State.RETURNING:
            if now - rescue.since > RETURN_SECONDS:
                self._drop(track)
                return True
            return False
        if not _understands(track, source):
            return False
        share = self._share(track, source, self._bridge.people())
        if share is not None and share < RECOVERED:
            self._well_since.pop(track, None)
            return False
        if share is not None and now - self._well_since.setdefault(track, now) < RECOVERED_SECONDS:
            return False
        self._return(track, rescue, now)
        return False

    def _is_blind(self, track: OutboundTrack, source: InboundTrack) -> bool:
        rescue = self._rescues.get(track)
        made = rescue is not None and rescue.state is not _State.STARTING
        return track.is_video and not made and not _understands(track, source)

    def _begin(self, track: OutboundTrack, source: InboundTrack, now: float) -> bool:
        bps = bounded(self._carries(track) or LEAST_BPS)
        number = self._kitchen.begin(source, bps, h264=track.slot.payload_types.vp8 is None)
        if number is None:
            self.refused += 1
            self._retry_at[track] = now + RETRY_SECONDS
            return False
        self._rescues[track] = Rescue(source, number, self._kitchen, bps, now)
        return True

    def _return(self, track: OutboundTrack, rescue: Rescue, now: float) -> None:
        """Back to the source with its next key frame."""
        self._well_since.pop(track, None)
        tap = rescue.source.forwarder.tap
        if tap is None or rescue.state is _State.STARTING:
            rescue.state, rescue.since = _State.RETURNING, now - RETURN_SECONDS
            return
        rescue.state, rescue.since = _State.RETURNING, now
        tap.key_frames = self
        rescue.source.want_key_frame(now)

    def _drop(self, track: OutboundTrack) -> None:
        rescue = self._rescues.pop(track)
        self._kitchen.end(rescue.number)


def might_need(bridge: Bridge) -> bool:
    """Whether a rescue is thinkable: somebody lacks a source's codec, or a source has several watchers. Cheap."""
    watched = [(track, source) for track, source in bridge.people().items() if track.is_video]
    alone = len({source for _, source in watched}) == len(watched)
    return not alone or bool(bridge.lineless()) or any(not _understands(track, source) for track, source in watched)


def bounded(bps: float) -> int:
    """A rate that is encoded."""
    return round(min(max(bps, LEAST_BPS), MAX_BPS))


def _understands(track: OutboundTrack, source: InboundTrack) -> bool:
    """Whether the track's page has the codec that the source sends: pages choose the first of ours they have, VP8."""
    theirs, ours = source.payload_types, track.slot.payload_types
    return ours.vp8 is not None if theirs.vp8 is not None else ours.h264 is not None


def _leg_of(bridge: Bridge, track: OutboundTrack) -> Leg | None:
    return next((leg for leg in bridge.legs.values() if leg.outbound.get(track.slot.slot) is track), None)
