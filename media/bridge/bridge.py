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

MAX_JOINED = 16
MAX_MUTED = 64


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

    @property
    def connected(self) -> tuple[str, ...]:
        """The legs that hear and see each other now."""
        return tuple(leg_id for leg_id in self._joined if leg_id in self.legs)

    def add_leg(self, leg_id: str, parameters: LegParameters, outlet: Outlet, now: float) -> Leg:
        """Make a leg; it is connected if `connect` has named it already. A leg of the same name is removed first."""
        self.remove_leg(leg_id, now)
        leg = Leg(self.call_id, leg_id, parameters, outlet, self.counters, self._rng, now)
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
