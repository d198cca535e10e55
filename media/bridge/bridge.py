"""The joint of a call's legs: who hears and sees whom. No I/O, no clock."""

import random

from media.api import Kind, Slot
from media.bridge.counters import Counters
from media.bridge.inbound import InboundTrack
from media.bridge.leg import Leg
from media.bridge.outbound import OutboundTrack
from media.bridge.parameters import LegParameters
from media.bridge.ports import Outlet

SLOTS = {Kind.AUDIO: (Slot.AUDIO, Slot.AUDIO_SIDE), Kind.VIDEO: (Slot.MAIN, Slot.SIDE)}
"""Which slot of a receiver the first and the second other leg feed; further legs have none."""


class Bridge:
    """One call's legs. Nothing is forwarded or kept before `connect`."""

    def __init__(self, call_id: str, rng: random.Random, counters: Counters | None = None) -> None:
        """`counters` may be shared by all bridges of an engine, so that they stay monotonic."""
        self.call_id = call_id
        self.legs: dict[str, Leg] = {}
        self.connected: tuple[str, ...] = ()
        self.held = False
        self.counters = counters if counters is not None else Counters()
        self._rng = rng
        self._muted: set[tuple[str, Kind]] = set()

    def add_leg(self, leg_id: str, parameters: LegParameters, outlet: Outlet, now: float) -> Leg:
        """Make a leg; it is not connected yet. A leg of the same name is removed first."""
        self.remove_leg(leg_id, now)
        leg = Leg(self.call_id, leg_id, parameters, outlet, self.counters, self._rng, now)
        self.legs[leg_id] = leg
        return leg

    def remove_leg(self, leg_id: str, now: float) -> None:
        """Say BYE and forget the leg; the others keep their numbering for the next source. Unknown legs are ignored."""
        leg = self.legs.pop(leg_id, None)
        if leg is None:
            return
        self.connected = tuple(other for other in self.connected if other != leg_id)
        self._muted = {(other, kind) for other, kind in self._muted if other != leg_id}
        for track in leg.outbound.values():
            track.detach()
        self._join(now)
        for source in leg.streams.tracks:
            source.subscribe(())
        leg.close(now)

    def connect(self, leg_ids: tuple[str, ...], now: float) -> None:
        """Exactly these legs hear and see each other; the others neither send nor receive. Idempotent.

        The order decides the slots: for each receiver the first other leg feeds AUDIO and MAIN, the second AUDIO_SIDE
        and SIDE. Ids without a leg are ignored. New subscriptions ask their source for a key frame at once.
        """
        self.connected = tuple(dict.fromkeys(leg_id for leg_id in leg_ids if leg_id in self.legs))
        self._join(now)

    def hold(self, held: bool, now: float) -> None:
        """While held nothing is forwarded; afterwards numbering continues and key frames are asked for."""
        self.held = held
        self._join(now)

    def mute(self, leg_id: str, kind: Kind, muted: bool, now: float) -> None:
        """Whether media of this kind *from* the leg is forwarded. Unknown legs are ignored."""
        if leg_id not in self.legs:
            return
        if muted:
            self._muted.add((leg_id, kind))
        else:
            self._muted.discard((leg_id, kind))
        self._join(now)

    def _join(self, now: float) -> None:
        """Give every outbound track the source it should have; tell every source its subscribers."""
        wanted = self._wanted()
        subscribers: dict[InboundTrack, list[OutboundTrack]] = {
            source: [] for leg in self.legs.values() for source in leg.streams.tracks
        }
        fed = [track for leg in self.legs.values() for track in leg.outbound.values()]
        for track in fed:
            source = wanted.get(track)
            if source is None:
                track.detach()
            else:
                subscribers[source].append(track)
        for source, tracks in subscribers.items():  # before attaching: a demand needs its audience
            source.subscribe(tuple(tracks))
        for track, source in wanted.items():
            track.attach(source, now)

    def _wanted(self) -> dict[OutboundTrack, InboundTrack]:
        wanted: dict[OutboundTrack, InboundTrack] = {}
        if self.held:
            return wanted
        for receiver in self.connected:
            others = [leg_id for leg_id in self.connected if leg_id != receiver]
            for index, sender in enumerate(others[:2]):
                for kind, slots in SLOTS.items():
                    track = self.legs[receiver].outbound.get(slots[index])
                    source = self.legs[sender].source(kind)
                    if track is not None and source is not None and (sender, kind) not in self._muted:
                        wanted[track] = source
        return wanted
