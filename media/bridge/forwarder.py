"""From one source to its subscribers, in place where there is one."""

from media.bridge.outbound import OutboundTrack
from media.bridge.tap import Tap
from media.units import MAX_DATAGRAM_BYTES
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout


class Forwarder:
    """One source's list of subscribers. Packets go out before `forward` returns."""

    __slots__ = ("_copy", "alone", "subscribers", "tap")

    def __init__(self) -> None:
        self.subscribers: tuple[OutboundTrack, ...] = ()
        self.tap: Tap | None = None
        """Reads along what is forwarded. Set by the bridge, and only while there are subscribers."""
        self.alone: OutboundTrack | None = None
        """The subscriber, if there is one only. Sources feed it themselves where nobody reads along: a call less."""
        self._copy: PacketBuffer | None = None

    def subscribe(self, subscribers: tuple[OutboundTrack, ...]) -> None:
        """Exactly these receive from now on."""
        self.subscribers = subscribers
        self.alone = subscribers[0] if len(subscribers) == 1 else None
        if len(subscribers) > 1 and self._copy is None:
            self._copy = PacketBuffer(memoryview(bytearray(MAX_DATAGRAM_BYTES)))

    def forward(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> None:
        """Send the packet to every subscriber that can use it; its content is consumed."""
        if self.tap is not None:
            self.tap.packet(packet, layout, extended, second, timestamp, key, now)
        track = self.alone
        if track is not None:
            if track.rewrite(packet, layout, extended, second, timestamp, key, now):
                track.send(packet)
        elif self.subscribers:
            self._forward_copies(packet, layout, extended, second, timestamp, key, now)

    def forward_copy(
        self,
        packet: PacketBuffer,
        layout: Layout,
        extended: int,
        second: int,
        timestamp: int,
        now: float,
        key: bool = False,
    ) -> None:
        """Send a packet that does not stand in the arena (a recovered one); its content stays as it is."""
        if self.tap is not None:
            self.tap.packet(packet, layout, extended, second, timestamp, False, now)
        copy = self._copy
        if copy is None:
            copy = self._copy = PacketBuffer(memoryview(bytearray(MAX_DATAGRAM_BYTES)))
        size = packet.end - packet.start
        for track in self.subscribers:
            copy.start, copy.end = 0, size
            copy.view[:size] = packet.view[packet.start : packet.end]
            if track.rewrite(copy, layout, extended, second, timestamp, key, now):
                track.downlink.outlet.send_rtp_bytes(copy.tobytes())

    def _forward_copies(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> None:
        copy = self._copy
        size = packet.end - packet.start
        for track in self.subscribers[:-1]:
            if copy is None:
                continue
            copy.start, copy.end = 0, size
            copy.view[:size] = packet.view[packet.start : packet.end]
            if track.rewrite(copy, layout, extended, second, timestamp, key, now):
                track.downlink.outlet.send_rtp_bytes(copy.tobytes())
        last = self.subscribers[-1]
        if last.rewrite(packet, layout, extended, second, timestamp, key, now):
            last.send(packet)

    def skip(self, extended: int) -> None:
        """The packet is for nobody; subscribers close the gap."""
        if self.tap is not None:
            self.tap.skip(extended)
        for track in self.subscribers:
            track.skip(extended)

    def restart(self, now: float) -> None:
        """The source's numbering begins anew."""
        if self.tap is not None:
            self.tap.restart()
        for track in self.subscribers:
            track.restart(now)
