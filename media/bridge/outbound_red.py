"""Pictures to a leg whose page takes ULPFEC and not FlexFEC (Firefox, Safari): parity in RED (RFC 5109 §14, RFC 2198).

Only while something gets lost: then pictures are wrapped in RED, one byte each, and parity takes numbers of the same
stream, so that what follows moves up. What is kept for retransmission stays unwrapped: RTX needs no RED.
"""

import random
import struct

from media.bridge.downlink import Downlink
from media.bridge.outbound_video import PlainSender, VideoOut
from media.bridge.parameters import ExtensionIds, OutboundSlot
from media.send.fec import FecGroup, ParityOut
from media.send.pacer import Priority, Queued
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.ulpfec import MAX_SPAN, build_ulpfec

_HEADER = struct.Struct("!BBHII")


def takes_ulpfec(slot: OutboundSlot) -> bool:
    """Whether the page wants its parity this way. Without RTX a lost packet must be sent again as it was, in RED."""
    types = slot.payload_types
    flexfec = types.flexfec is not None and slot.flexfec_ssrc is not None
    return not flexfec and None not in (types.red_video, types.ulpfec, types.vp8_rtx or types.h264_rtx, slot.rtx_ssrc)


def video_out(slot: OutboundSlot, downlink: Downlink, rng: random.Random, extensions: ExtensionIds) -> VideoOut:
    """The video slot with the protection its page takes."""
    kind = RedVideoOut if takes_ulpfec(slot) else VideoOut
    return kind(slot, downlink, rng, extensions)


class RedVideoOut(VideoOut):
    """A video slot with ULPFEC."""

    __slots__ = ("_red", "_ulpfec")

    def __init__(self, slot: OutboundSlot, downlink: Downlink, rng: random.Random, extensions: ExtensionIds) -> None:
        super().__init__(slot, downlink, rng, extensions)
        self._group = FecGroup(MAX_SPAN)
        self._red = slot.payload_types.red_video or 0
        self._ulpfec = slot.payload_types.ulpfec or 0

    def rewrite(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> bool:
        """Make the packet ours in place; False if it is not to be sent, or not yet."""
        leaves = super().rewrite(packet, layout, extended, second, timestamp, key, now)
        if leaves and self.parity:
            view, start = packet.view, packet.start
            data = bytes(view[start : packet.end])
            packet.end += 1
            view[start : packet.end] = self._wrapped(data, layout)
            self._protect(data, layout, now)
        return leaves

    def wait(self, data: bytes, layout: Layout, now: float) -> None:
        """The packet may not leave yet."""
        if not self.parity:
            super().wait(data, layout, now)
            return
        super().wait(self._wrapped(data, layout), layout, now)
        self._protect(data, layout, now)

    def departed(self, data: bytes, layout: Layout, now: float) -> None:
        """Parity has its number, and so is made, when the packet has its own."""

    def _wrapped(self, data: bytes, layout: Layout) -> bytes:
        """The packet in RED: one block, its payload type before the payload (RFC 2198 §3)."""
        second = data[1]
        head = bytes((data[0], second & 0x80 | self._red)) + data[2 : layout.size]
        return head + bytes((second & 0x7F,)) + data[layout.size :]

    def _protect(self, data: bytes, layout: Layout, now: float) -> None:
        """Parity is over packets without RED; receivers take sending time and transport-wide number as zero."""
        group = self._group
        protected = bytearray(data)
        layout.zero_mutable(protected)
        group.add(data[2] << 8 | data[3], bytes(protected), now)
        if group.due(self.parity, frame_ended=data[1] >= 0x80, now=now):
            for parity in group.close(self.parity):
                self._send_in_stream(parity, data, now)

    def _send_in_stream(self, parity: ParityOut, last: bytes, now: float) -> None:
        """Queue a parity packet behind what has its number already; a retransmission of it would be an empty picture
        packet, which closes the gap."""
        number = self.rewriter.insert()
        head = _HEADER.pack(0x90, last[1] & 0x7F, number & 0xFFFF, int.from_bytes(last[4:8]), self.slot.ssrc)
        self.sent.store(number, now, head + self._extension, self._own_layout)
        payload = build_ulpfec(parity.base, parity.offsets, parity.bits, parity.size)
        data = head[:1] + bytes((self._red,)) + head[2:] + self._extension + bytes((self._ulpfec,)) + payload
        self.packets_sent += 1
        self.octets_sent += len(payload) + 1
        self.protection_octets += len(data)
        self.downlink.pacer.push(Priority.VIDEO, Queued(data, self._own_layout, PlainSender(self.downlink)))
        self.downlink.schedule.wake_at(now)
