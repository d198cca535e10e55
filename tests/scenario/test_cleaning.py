"""A voice with less noise instead of the one that came: begun when wanted, seamless both ways, gone with its maker."""

from itertools import pairwise

import pytest

from media.api import Kind, Slot
from media.bridge.allocation import Allocation
from media.bridge.cleaning import MISSED_SECONDS, RETRY_SECONDS, Cleaner
from media.bridge.inbound import InboundTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.player import Player
from media.bridge.tap import Feed, Tap
from media.errors import UnknownLegError
from media.wire.tapped import OPUS, TappedPacket
from tests.sim.call import Call
from tests.sim.page import Page

BEHIND = 3000
"""By how many samples what is made is late."""


class Maker:
    """Makes 20 ms of every voice that it was told to make, from what is tapped (Studio and Cleaning)."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.cleaner = Cleaner(call.bridge, self)
        self.feed = Feed()
        self.feed.begin()
        self.taps: dict[InboundTrack, Tap] = {}
        self.running: dict[int, InboundTrack] = {}
        self.begun = 0
        self.full = self.stuck = False
        self.every = 1
        """Of so many pieces of 20 ms one is sent."""
        self.count = 0
        call.bridge.studio = self
        call.clock.every(0.25, self._consider)
        call.clock.every(0.02, self._make)

    def tap(self, leg_id: str, source: InboundTrack) -> Tap | None:
        if source not in self.cleaner.sources:
            return None
        return self.taps.setdefault(source, Tap(self.feed, len(self.taps), source.payload_types, self))

    def substitute(self, track: OutboundTrack, source: InboundTrack) -> Player | None:
        return self.cleaner.player(track, source)

    def sender_report(self, tap: int, ntp_time: int, rtp_timestamp: int, arrival: float) -> None:
        """Not looked at."""

    def begin_cleaning(self, leg_id: str, source: InboundTrack) -> int | None:
        if self.full:
            return None
        self.begun += 1
        self.running[self.begun] = source
        return self.begun

    def end(self, number: int) -> None:
        self.running.pop(number, None)

    def _consider(self) -> None:
        if self.cleaner.consider(self.call.clock.now):
            self.call.bridge.rejoin(self.call.clock.now)

    def _make(self) -> None:
        self.feed.sent(len(self.feed.waiting()))
        now = self.call.clock.now
        self.count += 1
        for number, source in list(self.running.items()):
            stamp = source.timestamp_at(now)
            silent = self.stuck or self.count % self.every != 0
            if source.forwarder.tap is not None and stamp is not None and not silent:
                at = (stamp - BEHIND) & 0xFFFFFFFF
                packet = TappedPacket(OPUS, False, False, number, 0, self.count, at, now, b"\xf8made")
                self.cleaner.arrived(packet, now)


def heard(page: Page, slot: Slot = Slot.AUDIO) -> list[tuple[float, bool]]:
    """When each packet of voice came, in order of its number, and whether it was made."""
    sink = page.sinks[slot]
    found = [sink.packets[number] for number in sorted(sink.packets)]
    return [(when, packet.payload.endswith(b"made")) for when, packet in found]


def share(call: Call, name: str, seconds: float) -> float:
    """Of the voice in the last so many seconds, how much was made."""
    found = [made for when, made in heard(call.pages[name]) if when >= call.clock.now - seconds]
    return sum(found) / len(found)


def talking() -> tuple[Call, Page, Maker]:
    call = Call()
    call.join("customer")
    agent = call.join("agent")
    call.connect("customer", "agent")
    maker = Maker(call)
    call.run(1.0)
    return call, agent, maker


def test_the_change_is_seamless_both_ways() -> None:
    call, agent, maker = talking()
    maker.cleaner.want("customer", True)
    call.run(2.0)
    assert maker.cleaner.cleaned == {"customer"}
    assert share(call, "agent", 1.4) == 1.0
    maker.cleaner.want("customer", False)
    call.run(2.0)
    assert share(call, "agent", 1.4) == 0.0
    assert (maker.cleaner.active, maker.running) == (False, {})
    sink = agent.sinks[Slot.AUDIO]
    assert sink.missing() == []
    times = [when for when, _ in heard(agent)]
    assert max(later - earlier for earlier, later in pairwise(times)) < 0.05
    stamps = [packet.timestamp for packet in sink.in_order()]
    assert all(0 < (later - earlier) & 0xFFFFFFFF < 4800 for earlier, later in pairwise(stamps))
    assert share(call, "customer", 9.0) == 0.0, "the other way nothing was made"


def test_what_comes_between_two_looks_counts() -> None:
    """The source is ahead of what is made of it whenever somebody looks, as it is where that takes 10 ms and more."""
    call, _, maker = talking()
    maker.cleaner.want("customer", True)
    call.run(1.0)
    maker.every = 20
    call.run(1.7)
    assert maker.cleaner.cleaned == {"customer"}
    assert (maker.begun, share(call, "agent", 1.5)) == (1, 1.0)


def test_pictures_stay_with_the_voice() -> None:
    call, _, maker = talking()
    maker.cleaner.want("customer", True)
    call.run(2.0)
    source = maker.running[1]
    track = call.legs["agent"].outbound[Slot.AUDIO]
    player = maker.cleaner.player(track, source)
    assert player is not None
    own = player.timestamp_at(call.clock.now)
    assert own is not None
    newest = maker.count * 960
    assert abs((own - newest) - BEHIND) <= 960, "what is said now has not been made yet"


@pytest.mark.parametrize("how", ["stuck", "died", "refused"])
def test_without_its_maker_the_voice_goes_on_as_it_came(how: str) -> None:
    call, _, maker = talking()
    maker.full = how == "refused"
    maker.cleaner.want("customer", True)
    call.run(2.0)
    assert share(call, "agent", 1.4) == (0.0 if how == "refused" else 1.0)
    maker.stuck = how == "stuck"
    if how == "died":
        maker.running.clear()
        maker.cleaner.ended(None, call.clock.now)
    call.run(MISSED_SECONDS + 0.6)
    assert maker.cleaner.cleaned == set()
    maker.stuck = maker.full = False
    call.run(1.0)
    assert share(call, "agent", 1.0) == 0.0
    call.run(RETRY_SECONDS + 0.5)
    assert maker.cleaner.cleaned == {"customer"}, "it is tried again"
    assert share(call, "agent", 0.4) == 1.0


def test_nothing_is_made_of_who_is_not_heard() -> None:
    call, agent, maker = talking()
    maker.cleaner.want("customer", True)
    call.run(1.0)
    call.bridge.mute("customer", Kind.AUDIO, True, call.clock.now)
    call.run(0.2)
    assert maker.running[1].forwarder.tap is None
    quiet = len(heard(agent))
    call.run(1.0)
    assert len(heard(agent)) == quiet
    call.bridge.mute("customer", Kind.AUDIO, False, call.clock.now)
    call.run(1.0)
    assert share(call, "agent", 0.8) == 1.0, "and it goes on where it was"
    assert maker.begun == 1
    call.bridge.hold(True, call.clock.now)
    call.run(0.5)
    held = len(heard(agent))
    call.run(0.5)
    assert len(heard(agent)) == held


@pytest.mark.interpreted
def test_a_narrow_connection_gets_the_small_voice_that_its_sender_was_told_to_send() -> None:
    call, _, maker = talking()
    call.join("second")
    call.connect("customer", "agent", "second")
    leg = call.legs["agent"]
    leg.rates._apply = lambda now: None  # type: ignore[method-assign]
    leg.rates.allocation = Allocation((), 3, 0.0, 0.0, True)
    maker.cleaner.want("customer", True)
    call.run(2.0)
    assert share(call, "agent", 1.4) == 0.0
    assert share(call, "second", 1.4) == 1.0
    leg.rates.allocation = Allocation((), 1, 500_000.0, 0.0, False)
    call.run(0.6)
    assert share(call, "agent", 0.2) == 1.0


def test_a_leg_that_is_gone_is_forgotten_and_one_that_is_not_there_refused() -> None:
    call, _, maker = talking()
    with pytest.raises(UnknownLegError):
        maker.cleaner.want("nobody", True)
    maker.cleaner.want("customer", True)
    call.run(1.0)
    call.leave("customer")
    call.run(0.5)
    assert (maker.running, maker.cleaner.active) == ({}, False)
