"""A page's microphone: RED ends here. What was lost comes back from later packets, what goes on is bare Opus."""

from media.bridge.inbound import InboundTrack
from media.bridge.parameters import InboundSlot
from media.bridge.uplink import Uplink
from media.receive.red_recovery import RedRecovery
from media.units import AUDIO_CLOCK_HZ, MAX_DATAGRAM_BYTES
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.red import RedBlock, parse_red


class AudioTrack(InboundTrack):
    """Opus, bare or in RED."""

    def __init__(self, uplink: Uplink, slot: InboundSlot) -> None:
        super().__init__(uplink, slot, AUDIO_CLOCK_HZ)
        self.audio_level: int | None = None
        self.recovery = RedRecovery()
        self._opus = slot.payload_types.opus
        self._red = slot.payload_types.red_audio
        self._scratch: PacketBuffer | None = None

    def _media_types(self) -> frozenset[int]:
        types = self.payload_types
        return frozenset(number for number in (types.opus, types.red_audio) if number is not None)

    def pass_on(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, now: float
    ) -> None:
        """Forward the packet and before it what it brings back; close the gap of one that carries nothing."""
        place = layout.audio_level
        if place:
            self.audio_level = packet.view[packet.start + place] & 0x7F
        payload = packet.start + layout.size
        payload_type = second & 0x7F
        if not self.recovery.note(extended):
            self.uplink.counters.packets_duplicate += 1
            return
        if payload_type == self._red and self._opus is not None and payload < packet.end:
            blocks = parse_red(packet.view, payload, packet.end)
            if len(blocks) > 1:
                self._bring_back(packet, layout, extended, timestamp, blocks, now)
            primary = blocks[-1]
            packet.view[payload : payload + primary.end - primary.start] = packet.view[primary.start : primary.end]
            packet.end = payload + primary.end - primary.start
            second, payload_type = second & 0x80 | self._opus, self._opus
        if payload_type == self._opus and payload < packet.end:
            self.forwarder.forward(packet, layout, extended, second, timestamp, False, now)
        else:
            self.forwarder.skip(extended)

    def _bring_back(
        self, packet: PacketBuffer, layout: Layout, extended: int, timestamp: int, blocks: list[RedBlock], now: float
    ) -> None:
        """Forward the lost packets that the redundant blocks hold, under this packet's header."""
        assert self._opus is not None
        for found in self.recovery.recover(extended, timestamp, blocks):
            scratch = self._scratch
            if scratch is None:
                scratch = self._scratch = PacketBuffer(memoryview(bytearray(MAX_DATAGRAM_BYTES)))
            view, start = scratch.view, packet.start
            view[: layout.size] = packet.view[start : start + layout.size]
            scratch.start, scratch.end = 0, layout.size + found.end - found.start
            view[layout.size : scratch.end] = packet.view[found.start : found.end]
            self.uplink.counters.audio_recovered += 1
            self.forwarder.forward_copy(scratch, layout, found.sequence, self._opus, found.timestamp, now)

    def begin_anew(self, now: float) -> None:
        """The numbering has nothing to do with what was before."""
        self.recovery = RedRecovery()
        super().begin_anew(now)

    def adopt(self, ssrc: int) -> None:
        """Follow another SSRC."""
        self.recovery = RedRecovery()
        super().adopt(ssrc)
