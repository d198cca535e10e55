"""Voice to one leg: copies of older frames where packets get lost, joined frames where headers are too dear."""

import random

from media.bridge.downlink import Downlink
from media.bridge.outbound import OutboundTrack
from media.bridge.parameters import OutboundSlot
from media.send.red import RedProtection
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.opus import join, joinable

_FRAME_SAMPLES = 960
_MAX_PAYLOAD_BYTES = 1100
_RATE_WINDOW = 1.0
_LATE_RANGE = 1 << 31


class AudioOut(OutboundTrack):
    """An audio slot. What it is fed is bare Opus: RED ends at the uplink and begins here."""

    __slots__ = (
        "_counted",
        "_distances",
        "_held",
        "_join",
        "_layouts",
        "_numbered",
        "_opus_type",
        "_payload_bps",
        "_payload_octets",
        "_red",
        "_red_type",
    )

    def __init__(self, slot: OutboundSlot, downlink: Downlink, rng: random.Random) -> None:
        super().__init__(slot, downlink, rng)
        types = slot.payload_types
        self._red_type = types.red_audio
        self._opus_type = types.opus
        self._red = RedProtection(types.opus or 0)
        self._distances: tuple[int, ...] = ()
        self._join = 1
        self._held: list[tuple[int, bytes]] = []
        self._payload_octets = 0
        self._counted = (0.0, 0)
        self._payload_bps = 0.0
        self._numbered = slot.counted
        self._layouts: tuple[Layout, Layout] | None = None

    def protect(self, distances: tuple[int, ...], join_frames: int) -> None:
        """Send copies of the packets this far back, and so many frames in one packet."""
        self._distances = distances if self._red_type is not None else ()
        self._join = join_frames

    @property
    def distances(self) -> tuple[int, ...]:
        """How far back the copies go that are sent now."""
        return self._distances

    @property
    def source_octets(self) -> int:
        """Payload taken from the source, without copies."""
        return self._payload_octets

    def payload_bps(self, now: float) -> float:
        """What the source's frames need, without headers and copies."""
        since, octets = self._counted
        if now - since >= _RATE_WINDOW:
            self._payload_bps = (self._payload_octets - octets) * 8 / (now - since) if since else 0.0
            self._counted = (now, self._payload_octets)
        return self._payload_bps

    def restart(self, now: float) -> None:
        """Another source, or a pause: older frames are not its own."""
        self._red.clear()
        self._held.clear()
        super().restart(now)

    def rewrite(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> bool:
        """Make the packet ours in place; False if it is not to be sent, or waits for the frames it is joined with."""
        if not self._numbered:
            layout = self._without_number(layout)
        payload = packet.start + layout.size
        self._payload_octets += packet.end - payload
        if not self._distances and self._join == 1 and not self._held:  # a clean link: nothing is done, nothing kept
            return OutboundTrack.rewrite(self, packet, layout, extended, second, timestamp, key, now)
        data = bytes(packet.view[payload : packet.end])
        if self._join > 1 or self._held:
            joined = self._collect(timestamp, data)
            if joined is None:
                self.skip(extended)
                return False
            timestamp, data = joined
            self._replace(packet, payload, data)
        if not self._distances:
            self._red.remember(timestamp, data)
        elif len(data) * (1 + len(self._distances)) <= _MAX_PAYLOAD_BYTES and self._red_type is not None:
            self._replace(packet, payload, self._red.wrap(timestamp, data, self._distances))
            second = second & 0x80 | self._red_type
        return super().rewrite(packet, layout, extended, second, timestamp, key, now)

    def _without_number(self, layout: Layout) -> Layout:
        """The page's feedback would leave such a packet out, and we should take it for lost. What
        stands in the header is no extension of this line then, which receivers ignore (RFC 8285 section 4.1)."""
        if self._layouts is None or self._layouts[0] is not layout:
            self._layouts = (layout, layout.without_number())
        return self._layouts[1]

    def wait(self, data: bytes, layout: Layout, now: float) -> None:
        """Voice never waits."""

    def departed(self, data: bytes, layout: Layout, now: float) -> None:
        """Voice carries its protection itself."""

    def _collect(self, timestamp: int, data: bytes) -> tuple[int, bytes] | None:
        """Hold frames until there are enough; a packet of them, with its first timestamp, or None.

        Frames that cannot be in one packet with the newest (the encoder changed its mode, something between was lost,
        the source paused) leave in its place, and it is held.
        """
        held = self._held
        if held and (held[-1][0] - timestamp) & 0xFFFFFFFF < _LATE_RANGE:
            return timestamp, data  # it had been lost on its way to us: those that wait are newer
        if held and not ((timestamp - held[-1][0]) & 0xFFFFFFFF == _FRAME_SAMPLES and joinable(held[-1][1], data)):
            self._held = [(timestamp, data)]
        elif len(held) + 1 < self._join:
            held.append((timestamp, data))
            return None
        else:
            held = [*held, (timestamp, data)]
            self._held = []
        return held[0][0], join([frame for _, frame in held])

    @staticmethod
    def _replace(packet: PacketBuffer, payload: int, data: bytes) -> None:
        packet.end = payload + len(data)
        packet.view[payload : packet.end] = data
