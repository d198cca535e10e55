"""Parity that a page sends about its camera: ULPFEC in RED (RFC 5109 §14), recovered before forwarding."""

from typing import TYPE_CHECKING

from media.errors import WireError
from media.receive.parity_recovery import ParityRecovery
from media.receive.picture_bounds import PictureBounds
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout, read_layout
from media.wire.ulpfec import parse_ulpfec
from media.wire.vp8 import parse_descriptor

if TYPE_CHECKING:
    from media.bridge.video import VideoTrack

ASLEEP_AFTER = 10.0
"""Seconds without parity after which packets are not kept any more: a page sends it only while it is told of loss."""


class Protection:
    """One camera's recovery. It costs nothing before the first parity packet."""

    def __init__(self, track: "VideoTrack") -> None:
        self._track = track
        self._recovery = ParityRecovery()
        self._bounds = PictureBounds()
        self._last_parity = float("-inf")
        self.awake = False

    def nothing(self, packet: PacketBuffer, layout: Layout, second: int, extended: int) -> list[int]:
        """The missing numbers of which this packet of a picture tells that they hold nothing, ascending."""
        if second & 0x7F != self._track.payload_types.vp8:
            return []
        start = packet.start + layout.size
        try:
            found = parse_descriptor(packet.view, start, packet.end)
        except WireError:
            return []
        picture_id, bits = found.picture_id, found.picture_id_bits
        if picture_id is None:
            return []
        numbers: list[int] = []
        if found.start_of_partition and found.partition == 0:
            numbers += self._bounds.start(picture_id, bits, extended)
        if second & 0x80:
            numbers += self._bounds.end(picture_id, bits, extended)
        return numbers

    def media(self, packet: PacketBuffer, layout: Layout, second: int, now: float) -> None:
        """A media packet arrived (header as received, `second` without RED): keep it as its sender protected it."""
        if now - self._last_parity > ASLEEP_AFTER:
            self.clear()
            return
        data = bytearray(packet.view[packet.start : packet.end])
        data[1] = second
        layout.zero_mutable(data)
        self._pass_on(self._recovery.media(data), now)

    def parity(self, payload: memoryview, now: float) -> None:
        """A parity packet arrived; raise WireError if it lies."""
        ssrc = self._track.ssrc
        if ssrc is None:
            return
        self.awake = True
        self._last_parity = now
        self._pass_on(self._recovery.parity(parse_ulpfec(payload, ssrc)), now)

    def clear(self) -> None:
        """The numbering began anew, or no parity comes any more."""
        self._recovery = ParityRecovery()
        self._bounds = PictureBounds()
        self.awake = False

    def _pass_on(self, packets: list[bytes], now: float) -> None:
        track = self._track
        for data in packets:
            packet = PacketBuffer(memoryview(bytearray(data)))
            packet.start, packet.end = 0, len(data)
            try:
                layout = read_layout(packet.view, 0, packet.end, track.uplink.ids)
            except WireError:
                track.uplink.counters.rtp_malformed += 1
                continue
            track.rebuilt(packet, layout, data[1], data[2] << 8 | data[3], now)
