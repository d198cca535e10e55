"""A page's microphone: RED ends here. What was lost comes back from later packets or is asked for, what goes on is bare
Opus."""

from media.bridge.inbound import InboundTrack
from media.bridge.parameters import InboundSlot
from media.bridge.uplink import Uplink
from media.receive.nack import NackGenerator
from media.receive.red_recovery import RedRecovery
from media.units import AUDIO_CLOCK_HZ, MAX_DATAGRAM_BYTES
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.red import RedBlock, parse_red
from media.wire.rtcp_feedback import build_nack

_LATER_COPY_SECONDS = 0.03
"""A packet or two with copies in RED come in this time: what they bring back need not be asked for."""
_TOO_LATE_SECONDS = 0.3
_LONGEST_ROUND_TRIP = 0.25
"""With more the answer comes when the listener has concealed the gap."""
_MAX_ASKED = 16
"""A gap of 320 ms and more is an outage; voice of then is of no use now."""


class AudioTrack(InboundTrack):
    """Opus, bare or in RED."""

    __slots__ = ("_opus", "_red", "_scratch", "audio_level", "brought_back", "loudest", "nack", "recovery")

    def __init__(self, uplink: Uplink, slot: InboundSlot) -> None:
        super().__init__(uplink, slot, AUDIO_CLOCK_HZ)
        self.audio_level: int | None = None
        self.loudest: int | None = None
        """Since somebody set it to None."""
        self.brought_back = 0
        self.recovery = RedRecovery()
        self._opus = slot.payload_types.opus
        self._red = slot.payload_types.red_audio
        self._scratch: PacketBuffer | None = None
        self.nack = NackGenerator(_LATER_COPY_SECONDS, _TOO_LATE_SECONDS)

    def _media_types(self) -> frozenset[int]:
        types = self.payload_types
        return frozenset(number for number in (types.opus, types.red_audio) if number is not None)

    def pass_on(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, now: float
    ) -> None:
        """Forward the packet and before it what it brings back; close the gap of one that carries nothing."""
        place = layout.audio_level
        if place:
            self.audio_level = level = packet.view[packet.start + place] & 0x7F
            if self.loudest is None or level < self.loudest:
                self.loudest = level
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
            forwarder = self.forwarder
            track = forwarder.alone
            if track is None or forwarder.tap is not None:
                forwarder.forward(packet, layout, extended, second, timestamp, False, now)
            elif track.rewrite(packet, layout, extended, second, timestamp, False, now):
                track.send(packet)
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
            self.brought_back += 1
            self.nack.recovered(found.sequence)
            self.forwarder.forward_copy(scratch, layout, found.sequence, self._opus, found.timestamp, now)

    def missed(self, first: int, end: int, now: float) -> None:
        """Wait for copies, then ask, if anybody listens and the answer can come in time."""
        uplink = self.uplink
        heard = bool(self.forwarder.subscribers) and uplink.round_trip < _LONGEST_ROUND_TRIP
        if heard and uplink.parameters.audio_nack and 0 < end - first <= _MAX_ASKED:
            self.nack.add(first, end, now)
            uplink.schedule.wake_at(self.nack.due)

    def came_late(self, extended: int) -> None:
        """No need to ask (again)."""
        self.nack.recovered(extended)

    def feedback(self, now: float) -> list[bytes]:
        """NACK that is due (RFC 4585 §6.2.1); the page answers with the packet as it was."""
        if self.nack.due > now or self.ssrc is None:
            return []
        numbers = [number & 0xFFFF for number in self.nack.to_ask(now, self.uplink.round_trip, self.uplink.copies)]
        return [build_nack(self.uplink.sender_ssrc, self.ssrc, numbers)] if numbers else []

    def next_timeout(self) -> float:
        """When `feedback` has something to say."""
        return self.nack.due if self.ssrc is not None else float("inf")

    def begin_anew(self, now: float) -> None:
        """The numbering has nothing to do with what was before."""
        self.recovery = RedRecovery()
        self.nack.clear()
        super().begin_anew(now)

    def adopt(self, ssrc: int) -> None:
        """Follow another SSRC."""
        self.recovery = RedRecovery()
        self.nack.clear()
        super().adopt(ssrc)
