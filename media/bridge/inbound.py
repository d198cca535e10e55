"""One stream a page sends us: recognized, measured, repaired, passed on."""

from abc import ABC, abstractmethod

from media.bridge.forwarder import Forwarder
from media.bridge.outbound import OutboundTrack
from media.bridge.parameters import InboundSlot
from media.bridge.uplink import Uplink
from media.errors import WireError
from media.receive.clock import StreamClock
from media.receive.statistics import NOT_VALID, ReceptionStatistics
from media.wire.buffer import PacketBuffer
from media.wire.layout import NO_LAYOUT, Layout, read_layout

_RETURN_AFTER = 0.5
"""A retired SSRC may come back when the current one has been silent for so long."""


class InboundStream(ABC):
    """One SSRC's header, counts and statistics: what media and retransmission streams have in common."""

    __slots__ = (
        "_layout",
        "clock",
        "clock_hz",
        "known",
        "last_received",
        "octets_received",
        "ssrc",
        "statistics",
        "uplink",
    )

    def __init__(self, uplink: Uplink, ssrc: int | None, clock_hz: int) -> None:
        self.uplink = uplink
        self.ssrc = ssrc
        self.clock_hz = clock_hz
        self.statistics = ReceptionStatistics(clock_hz)
        self.clock = StreamClock(uplink.clock, clock_hz)
        self.octets_received = 0
        self.last_received = float("-inf")
        self.known = False
        """A packet with this stream's SSRC came, good or bad."""
        self._layout: Layout = NO_LAYOUT

    @abstractmethod
    def receive(self, packet: PacketBuffer, second: int, sequence_number: int, timestamp: int, now: float) -> None:
        """Take one packet of this SSRC; raise WireError if its header or payload lies."""

    def arrived(self, packet: PacketBuffer, now: float) -> Layout:
        """Find the header's layout, note the arrival, cut the padding off. Returns the layout."""
        view = packet.view
        start = packet.start
        layout = self._layout
        found = int.from_bytes(view[start + 12 : start + layout.size]) & layout.mask  # Layout.fits, without the call
        if found != layout.pattern or view[start] & 0xDF != layout.first:
            layout = self._layout = read_layout(view, start, packet.end, self.uplink.ids)
        if start + layout.size > packet.end:
            raise WireError("RTP header leaves the packet")
        place = start + layout.transport_cc
        if place > start:
            self.uplink.arrivals.record(view[place] << 8 | view[place + 1], now)
        self.octets_received += packet.end - start
        self.last_received = now
        if view[start] & 0x20:
            _strip_padding(packet, layout)
        return layout

    def adopt(self, ssrc: int) -> None:
        """Follow another SSRC from now on."""
        self.ssrc = ssrc
        self.statistics.reset()
        self.clock.reset()
        self._layout = NO_LAYOUT

    def silent(self, now: float) -> bool:
        """Nothing came lately."""
        return now - self.last_received > _RETURN_AFTER


def _strip_padding(packet: PacketBuffer, layout: Layout) -> None:
    padding = packet.view[packet.end - 1]
    if not 0 < padding <= packet.end - packet.start - layout.size:
        raise WireError("RTP padding leaves the payload")
    packet.view[packet.start] &= 0xDF
    packet.end -= padding


class InboundTrack(InboundStream):
    """A page's source: measured and passed on. `AudioTrack` and `VideoTrack` know what is in it."""

    __slots__ = ("_restarts", "forwarder", "generation", "media_types", "payload_types", "slot")

    def __init__(self, uplink: Uplink, slot: InboundSlot, clock_hz: int) -> None:
        super().__init__(uplink, slot.ssrc, clock_hz)
        self.slot = slot
        self.payload_types = slot.payload_types
        self.media_types = self._media_types()
        self.forwarder = Forwarder()
        self.generation = 0
        """Changes whenever the numbering begins anew (another SSRC, or a restart under the same one)."""
        self._restarts = 0

    @abstractmethod
    def _media_types(self) -> frozenset[int]:
        """Payload types of what is forwarded."""

    def receive(self, packet: PacketBuffer, second: int, sequence_number: int, timestamp: int, now: float) -> None:
        """Measure the packet, then pass it on if it is what it claims to be."""
        layout = self.arrived(packet, now)
        statistics = self.statistics
        expected = statistics.highest + 1
        extended = statistics.received(sequence_number, timestamp, now)
        if extended != expected:
            if extended == NOT_VALID:
                self.uplink.counters.packets_dropped_late += 1
                return
            if expected:
                self._disordered(extended, expected, now)
        self.pass_on(packet, layout, extended, second, timestamp, now)

    @abstractmethod
    def pass_on(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, now: float
    ) -> None:
        """Forward the packet, or close the gap it leaves."""

    def _disordered(self, extended: int, expected: int, now: float) -> None:
        """Not the next number: a restart, a gap or a late packet."""
        if self.statistics.restarts != self._restarts:
            self._restarts = self.statistics.restarts
            self.uplink.counters.sequence_restarts += 1
            self.begin_anew(now)
        elif extended > expected:
            self.missed(expected, extended, now)
        else:
            self.came_late(extended)

    def missed(self, first: int, end: int, now: float) -> None:
        """`first` … `end - 1` are not here yet."""

    def came_late(self, extended: int) -> None:
        """A packet from before the highest."""

    def asked_since(self) -> set[float]:
        """When the packets were missed that are still asked for."""
        return set()

    def begin_anew(self, now: float) -> None:
        """The numbering has nothing to do with what was before."""
        self.generation += 1
        self.clock.reset()
        self.forwarder.restart(now)

    def adopt(self, ssrc: int) -> None:
        """Follow another SSRC: the page restarted its track."""
        super().adopt(ssrc)
        self.generation += 1

    def subscribe(self, subscribers: tuple[OutboundTrack, ...]) -> None:
        """Exactly these are fed from now on."""
        self.forwarder.subscribe(subscribers)

    def close(self) -> None:
        """The leg has ended: let go of what refers to this track, so that nothing has to wait for the collector."""

    def want_key_frame(self, now: float) -> None:
        """Audio has none."""

    def limit(self, track: OutboundTrack, bps: float, now: float) -> None:
        """Voice is never limited for want of rate."""

    def fetch_again(self, first: int, now: float) -> None:
        """Audio is not asked for twice."""

    def timestamp_at(self, now: float) -> int | None:
        """The source's RTP timestamp of this moment, if its sender reports tell."""
        return self.clock.timestamp_at(now)

    def feedback(self, now: float) -> list[bytes]:
        """RTCP this track wants to send now."""
        return []

    def next_timeout(self) -> float:
        """When `feedback` has something to say."""
        return float("inf")
