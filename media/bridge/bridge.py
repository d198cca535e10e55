"""The joint of a call's legs: who hears and sees whom. No I/O, no clock."""

import random
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakMethod

from media.api import Kind, Slot
from media.bridge.counters import Counters
from media.bridge.inbound import InboundTrack
from media.bridge.leg import Leg
from media.bridge.outbound import OutboundTrack, Source
from media.bridge.parameters import LegParameters
from media.bridge.player import Player
from media.bridge.ports import Outlet
from media.bridge.stage import Clip, Stage
from media.bridge.tap import Tap

SLOTS = {Kind.AUDIO: (Slot.AUDIO, Slot.AUDIO_SIDE), Kind.VIDEO: (Slot.MAIN, Slot.SIDE)}
"""Which slot of a receiver the first and the second other leg feed; further legs have none."""

MAX_JOINED = 16
MAX_MUTED = 64


class Studio(Protocol):
    """Who reads along, and who makes pictures for legs that cannot be served as they are."""

    def tap(self, leg_id: str, source: InboundTrack) -> Tap | None:
        """The tap of a source that is forwarded; the same one as long as it is to be read."""

    def substitute(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        """What feeds the track instead of the source."""


class Bridge:
    """One call's legs. Nothing is forwarded or kept before `connect`."""

    def __init__(self, call_id: str, rng: random.Random, counters: Counters | None = None) -> None:
        """`counters` may be shared by all bridges of an engine, so that they stay monotonic."""
        self.call_id = call_id
        self.legs: dict[str, Leg] = {}
        self._joined: tuple[str, ...] = ()
        self.held = False
        self.counters = counters if counters is not None else Counters()
        self._rng = rng
        self._muted: set[tuple[str, Kind]] = set()
        self._stages: dict[str, Stage] = {}
        self.studio: Studio | None = None
        """Set by the shell while something reads along; say `rejoin` when its answers change."""

    @property
    def connected(self) -> tuple[str, ...]:
        """The legs that hear and see each other now."""
        return tuple(leg_id for leg_id in self._joined if leg_id in self.legs)

    def add_leg(self, leg_id: str, parameters: LegParameters, outlet: Outlet, now: float) -> Leg:
        """Make a leg; it is connected if `connect` has named it already. A leg of the same name is removed first."""
        self.remove_leg(leg_id, now)
        leg = Leg(self.call_id, leg_id, parameters, outlet, self.counters, self._rng, now)
        leg.stage = self._stages.get(leg_id)
        self.legs[leg_id] = leg
        self._join(now)
        return leg

    def remove_leg(self, leg_id: str, now: float) -> None:
        """Say BYE and forget the leg; the others keep their numbering for the next source. Unknown legs are ignored."""
        leg = self.legs.pop(leg_id, None)
        if leg is None:
            return
        self._joined = tuple(other for other in self._joined if other != leg_id)
        self._muted = {(other, kind) for other, kind in self._muted if other != leg_id}
        for track in leg.outbound.values():
            track.detach()
        self._join(now)
        for source in leg.streams.tracks:
            source.subscribe(())
            source.forwarder.tap = None
        leg.close(now)

    def connect(self, leg_ids: tuple[str, ...], now: float) -> None:
        """Exactly these legs hear and see each other; the others neither send nor receive. Idempotent.

        The order decides the slots: for each receiver the first other leg feeds AUDIO and MAIN, the second AUDIO_SIDE
        and SIDE. A leg named before it is made joins when it is: somebody may answer before the transport is ready.
        New subscriptions ask their source for a key frame at once.
        """
        self._joined = tuple(dict.fromkeys(leg_ids[:MAX_JOINED]))
        self._join(now)

    def hold(self, held: bool, now: float) -> None:
        """While held nothing is forwarded; afterwards numbering continues and key frames are asked for."""
        self.held = held
        self._join(now)

    def mute(self, leg_id: str, kind: Kind, muted: bool, now: float) -> None:
        """Whether media of this kind *from* the leg is forwarded; may be said before the leg is made."""
        if muted and len(self._muted) < MAX_MUTED:
            self._muted.add((leg_id, kind))
        else:
            self._muted.discard((leg_id, kind))
        self._join(now)

    def play(self, leg_id: str, clip: Clip | None, now: float) -> None:
        """Play a clip to the leg, or nothing any more (media/bridge/stage.py); may be said before the leg is made."""
        stage = self._stages.get(leg_id)
        if clip is None:
            if stage is not None:
                stage.clear()
        elif stage is None and len(self._stages) >= MAX_JOINED:
            return
        else:
            stage = stage or self._new_stage(leg_id)
            stage.play(clip)
        self._join(now)

    def stage(self, leg_id: str) -> Stage | None:
        """What is played to a leg, if anything ever was."""
        return self._stages.get(leg_id)

    def _new_stage(self, leg_id: str) -> Stage:
        join = WeakMethod(self._join)  # a stage must not keep the bridge that has it

        def changed(now: float) -> None:
            rejoin = join()
            if rejoin is not None:
                rejoin(now)

        stage = self._stages[leg_id] = Stage(changed)
        if leg_id in self.legs:
            self.legs[leg_id].stage = stage
        return stage

    def people(self) -> dict[OutboundTrack, InboundTrack]:
        """Whose voice and picture each track is to carry."""
        return self._wanted()

    def lineless(self) -> set[str]:
        """Legs that took no line for pictures, as with no codec in common, and miss what another leg sends."""
        joined = () if self.held else self.connected
        seen = {
            leg_id
            for leg_id in joined
            if self.legs[leg_id].source(Kind.VIDEO) is not None and (leg_id, Kind.VIDEO) not in self._muted
        }
        return {leg_id for leg_id in joined if Slot.MAIN not in self.legs[leg_id].outbound and seen - {leg_id}}

    def rejoin(self, now: float) -> None:
        """Taps or substitutes have changed."""
        self._join(now)

    def _join(self, now: float) -> None:
        """Give every outbound track the source it should have; tell every source its subscribers."""
        wanted = self._wanted()
        heard = set(wanted.values())
        fed: dict[OutboundTrack, Source] = {**wanted, **self._substitutes(wanted), **self._announced(wanted)}
        subscribers: dict[Source, list[OutboundTrack]] = {source: [] for source in self._sources()}
        for leg in self.legs.values():
            for track in leg.outbound.values():
                source = fed.get(track)
                if source is None:
                    track.detach()
                elif source in subscribers:
                    subscribers[source].append(track)
        for inbound in self._sources():  # before attaching: a demand needs its audience
            inbound.subscribe(tuple(subscribers[inbound]))
        for track, source in fed.items():
            track.attach(source, now)
        self._tap(heard, now)

    def _sources(self) -> Iterable[InboundTrack]:
        return (source for leg in self.legs.values() for source in leg.streams.tracks)

    def _substitutes(self, wanted: dict[OutboundTrack, InboundTrack]) -> dict[OutboundTrack, Source]:
        if self.studio is None:
            return {}
        found = ((track, self.studio.substitute(track, source)) for track, source in wanted.items())
        return {track: player.on(track) for track, player in found if player is not None}

    def _announced(self, wanted: dict[OutboundTrack, InboundTrack]) -> dict[OutboundTrack, Source]:
        """What the legs' stages play: in slots that nobody feeds, notices also over a running call."""
        fed: dict[OutboundTrack, Source] = {}
        talking = self.connected if not self.held and len(self.connected) > 1 else ()
        for leg_id, leg in self.legs.items():
            if leg.stage is not None:
                free = {slot for slot, track in leg.outbound.items() if track not in wanted}
                for slot, player in leg.stage.cast(free, talking=leg_id in talking).items():
                    if slot in leg.outbound:
                        fed[leg.outbound[slot]] = player.on(leg.outbound[slot])
                leg.schedule.wake_at(leg.stage.next_timeout())
        return fed

    def _tap(self, heard: set[InboundTrack], now: float) -> None:
        """Nothing is read that nobody is sent: not before the answer, not on hold, not of who is muted."""
        studio = self.studio
        for leg_id, leg in self.legs.items():
            for source in leg.streams.tracks:
                tap = studio.tap(leg_id, source) if studio is not None and source in heard else None
                if tap is source.forwarder.tap:
                    continue
                source.forwarder.tap = tap
                report = source.clock.last_report()
                if tap is not None and report is not None:
                    tap.sender_report(*report)
                if tap is not None and source.slot.kind is Kind.VIDEO:
                    source.want_key_frame(now)

    def _wanted(self) -> dict[OutboundTrack, InboundTrack]:
        wanted: dict[OutboundTrack, InboundTrack] = {}
        if self.held:
            return wanted
        connected = self.connected
        for receiver in connected:
            others = [leg_id for leg_id in connected if leg_id != receiver]
            for index, sender in enumerate(others[:2]):
                for kind, slots in SLOTS.items():
                    track = self.legs[receiver].outbound.get(slots[index])
                    source = self.legs[sender].source(kind)
                    if track is not None and source is not None and (sender, kind) not in self._muted:
                        wanted[track] = source
        return wanted
