"""The joint of a call's legs: who hears and sees whom. No I/O, no clock."""

import random

from media.api import Kind
from media.bridge.counters import Counters
from media.bridge.leg import Leg
from media.bridge.parameters import LegParameters
from media.bridge.ports import Outlet


class Bridge:
    """One call's legs. Nothing is forwarded or kept before `connect`."""

    legs: dict[str, Leg]
    connected: tuple[str, ...]
    held: bool

    def __init__(self, call_id: str, rng: random.Random, counters: Counters | None = None) -> None:
        """`counters` may be shared by all bridges of an engine, so that they stay monotonic."""
        raise NotImplementedError

    def add_leg(self, leg_id: str, parameters: LegParameters, outlet: Outlet, now: float) -> Leg:
        """Make a leg; it is not connected yet. A leg of the same name is removed first."""
        raise NotImplementedError

    def remove_leg(self, leg_id: str, now: float) -> None:
        """Say BYE and forget the leg; the others keep their numbering for the next source. Unknown legs are ignored."""
        raise NotImplementedError

    def connect(self, leg_ids: tuple[str, ...], now: float) -> None:
        """Exactly these legs hear and see each other; the others neither send nor receive. Idempotent.

        Ids without a leg yet are remembered: the leg joins as soon as it is added. The order decides the slots: for each receiver the first other leg feeds AUDIO and MAIN,
        the second AUDIO_SIDE and SIDE. New subscriptions ask their source for a key frame at once.
        """
        raise NotImplementedError

    def hold(self, held: bool, now: float) -> None:
        """While held nothing is forwarded; afterwards numbering continues and key frames are asked for."""
        raise NotImplementedError

    def mute(self, leg_id: str, kind: Kind, muted: bool, now: float) -> None:
        """Whether media of this kind *from* the leg is forwarded. Unknown legs are ignored."""
        raise NotImplementedError
