"""Pages joined by a bridge over simulated links."""

import random

from media.api import LegStats
from media.bridge.bridge import Bridge
from media.bridge.leg import Leg
from media.units import MAX_DATAGRAM_BYTES
from media.wire.buffer import PacketBuffer
from media.wire.ntp import ntp_shifted
from media.wire.rtcp import is_rtcp
from tests.sim.clock import Clock
from tests.sim.page import Page

_SERVER_NTP = 0xD000_0000 << 32


class LinkOutlet:
    """An outlet that puts packets on a link."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.retransmissions = 0

    def send_rtp(self, packet: PacketBuffer) -> None:
        self._page.down.send(packet.tobytes())
        packet.view[packet.start : packet.end] = bytes(packet.end - packet.start)  # the shell consumes the content

    def send_rtp_bytes(self, data: bytes) -> None:
        self.retransmissions += 1
        self._page.down.send(data)

    def send_rtcp(self, data: bytes) -> None:
        self._page.down.send(data)


class Call:
    """Everything of one call in virtual time; nobody is connected at first."""

    def __init__(self, seed: int = 7) -> None:
        self.clock = Clock()
        self.bridge = Bridge("call", random.Random(seed))
        self.pages: dict[str, Page] = {}
        self.legs: dict[str, Leg] = {}
        self.outlets: dict[str, LinkOutlet] = {}
        self.holds: dict[str, float] = {}
        """How long each page should hold what it plays, in seconds."""
        self._seed = seed
        self._slot = PacketBuffer(memoryview(bytearray(MAX_DATAGRAM_BYTES)))
        self.clock.every(0.005, self._poll)

    def join(self, name: str, page: Page | None = None, *, sending: bool = True) -> Page:
        """A page with its leg."""
        base = 1000 * (1 + len(self.pages))
        page = page or Page(self.clock, base, self._seed + base)
        outlet = LinkOutlet(page)
        leg = self.bridge.add_leg(name, page.parameters, outlet, self.clock.now)
        leg.wish_playout = lambda seconds: self.holds.__setitem__(name, seconds)
        self.pages[name], self.legs[name], self.outlets[name] = page, leg, outlet
        page.up.deliver = lambda datagram: self._deliver(leg, datagram)
        if sending:
            page.start()
        return page

    def leave(self, name: str) -> None:
        self.bridge.remove_leg(name, self.clock.now)

    def connect(self, *names: str) -> None:
        self.bridge.connect(names, self.clock.now)

    def stats(self, name: str) -> LegStats:
        return self.legs[name].stats(self.clock.now)

    def run(self, seconds: float) -> None:
        self.clock.run(seconds)

    def _deliver(self, leg: Leg, datagram: bytes) -> None:
        if is_rtcp(datagram):
            leg.receive_rtcp(datagram, self.clock.now)
            return
        slot = self._slot
        slot.start, slot.end = 4, 4 + len(datagram)
        slot.view[4 : slot.end] = datagram
        leg.receive_rtp(slot, self.clock.now)

    def _poll(self) -> None:
        now = self.clock.now
        for leg in list(self.bridge.legs.values()):
            if leg.next_timeout() <= now:
                leg.poll(now, ntp_shifted(_SERVER_NTP, now))


def two_people(seed: int = 7) -> tuple[Call, Page, Page]:
    """A customer and an agent, both sending, not yet connected."""
    call = Call(seed)
    return call, call.join("customer"), call.join("agent")
