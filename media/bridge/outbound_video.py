"""Pictures to one leg: paced, protected by parity, paused when the leg cannot carry them, and sent again as probes."""

import random
import struct

from media.bridge.downlink import Downlink
from media.bridge.layers import Thinning
from media.bridge.outbound import OutboundTrack
from media.bridge.parameters import ExtensionIds, OutboundSlot
from media.bridge.rates import Rate
from media.bridge.video import VideoTrack
from media.quality.frames import FrameClock
from media.send.fec import FecGroup, ParityOut
from media.send.pacer import Priority, Queued
from media.send.told import ToldLost
from media.wire.buffer import PacketBuffer
from media.wire.flexfec import build_flexfec
from media.wire.layout import Layout
from media.wire.rtx import make_rtx
from media.wire.vp8_layers import read_layer, write_picture_id

_HEADER = struct.Struct("!BBHII")
_MAX_PADDING = 255
_PACE_STEP = 0.005
SHORT = 1.25
"""A leg that is sent so many times what it can carry does without upper layers until its source has slowed down."""
LOST_SECONDS = 0.6
"""A packet that is still asked for so long after it was sent for the first time is not worth more tries."""
PRESSED_SECONDS = 0.15
"""So long a queue of pictures is no frame that drains."""


class VideoOut(OutboundTrack):
    """A video slot."""

    __slots__ = (
        "_extension",
        "_fec_sequence",
        "_fec_type",
        "_group",
        "_key_at",
        "_limit_bps",
        "_own_layout",
        "_picture",
        "_sent_rate",
        "_thinning",
        "_unlayered",
        "bursts",
        "frames",
        "paused",
        "protection_octets",
        "starved",
        "told",
    )

    def __init__(self, slot: OutboundSlot, downlink: Downlink, rng: random.Random, extensions: ExtensionIds) -> None:
        super().__init__(slot, downlink, rng)
        self.paused = False
        self.protection_octets = 0
        self.starved = False
        """Pictures were left out for want of rate; a key frame is asked for when what waits has left."""
        self.frames = FrameClock()
        self.told: ToldLost | None = None
        """What the page's feedback says is missing, where its requests get lost as well."""
        self._picture = -1
        self._key_at = 0.0
        """When a key frame began to leave, or one was asked for because something is gone."""
        self.bursts = False
        """Packets get lost in rows."""
        self._group = FecGroup()
        self._fec_type = slot.payload_types.flexfec if slot.flexfec_ssrc is not None else None
        self._fec_sequence = rng.randrange(0x8000)
        self._extension, self._own_layout = _own_header(extensions)
        self._limit_bps: float | None = None
        self._sent_rate = Rate(0.0)
        self._thinning: Thinning | None = None
        self._unlayered: tuple[object, int] | None = None
        """The source that was found to have no layers, and its generation."""

    def limit(self, room_bps: float, wished_bps: float, paused: bool, now: float) -> None:
        """What the leg can carry of pictures, and what it should get; `paused`: none until further notice."""
        if paused and not self.paused:
            self.give_up()
            self.frames.pause()
        resumed = self.paused and not paused
        self.paused = paused
        self._limit_bps = wished_bps
        self._sent_rate.read(self.octets_sent, now)
        if self.source is not None:
            if self._thinning is not None:
                self._thinning.choose(room_bps, False, now)
            elif self._sent_rate.bps > SHORT * room_bps:
                self._begin_thinning(now)
            self.source.limit(self, wished_bps, now)
            if resumed:
                self.restart(now)

    def detach(self) -> None:
        """Nobody's pictures: that is no freeze."""
        super().detach()
        self.frames.pause()

    def restart(self, now: float) -> None:
        """Another source, or packets were left out: parity begins anew."""
        self._group.clear()
        self.told = None
        self.starved = False
        if self.source is not None and self._limit_bps is not None:
            self.source.limit(self, self._limit_bps, now)
        super().restart(now)

    def rewrite(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> bool:
        """Make the packet ours in place; False if it is not to be sent, or not yet."""
        if self.paused:
            self._ready = False
            return False
        if timestamp != self._picture:
            self._picture = timestamp
            self.frames.picture(timestamp, now)
            if self.downlink.pacer.waiting:
                self._relieve(now)
            if self.downlink.pacer.overloaded and (self.starved or (self._ready and not key)):
                self._starve()
                return False
            if key:
                self.starved = False
                self._key_at = now
        if self._thinning is not None and not self._thin(packet, layout, extended, second, key):
            return False
        return OutboundTrack.rewrite(self, packet, layout, extended, second, timestamp, key, now)

    def resend(self, sequence_number: int, now: float, round_trip: float) -> bool:
        """As for any track. A page that still asks for what is gone waits for it, without layers for ever: by itself
        libwebrtc asks for a key frame only after three seconds (video_receive_stream2.cc)."""
        if OutboundTrack.resend(self, sequence_number, now, round_trip):
            return True
        sent_at = self.sent.sent_at(sequence_number)
        source = self.source
        gone = now - sent_at > LOST_SECONDS and sent_at >= self._key_at
        if gone and isinstance(source, VideoTrack) and not source.layered:
            self._key_at = now
            source.want_key_frame(now)
        return False

    def listen(self, requests_get_lost: bool) -> None:
        """Whether feedback tells what to send again, besides requests."""
        if requests_get_lost and self.parity and self._fec_type is not None:
            self.told = self.told or ToldLost()
        else:
            self.told = None

    def answer(self, reports: list[tuple[int, float | None]], now: float, round_trip: float) -> None:
        """Send again what this feedback shows to be missing."""
        if self.told is not None:
            for sequence in self.told.told(reports):
                if now - self.sent.sent_at(sequence) > LOST_SECONDS:
                    self.told.give_up(sequence)
                else:
                    OutboundTrack.resend(self, sequence, now, round_trip)

    def sent_again(self, sequence: int) -> None:
        if self.told is not None:
            self.told.sent_again(self.downlink.transport_sequence, sequence)

    def _relieve(self, now: float) -> None:
        """Pictures wait already: only the base layer follows until that has changed."""
        pressed = self.downlink.pacer.queued_seconds > PRESSED_SECONDS
        if pressed and self._thinning is None:
            self._begin_thinning(now)
        if pressed and self._thinning is not None:
            self._thinning.choose(0.0, True, now)

    def _begin_thinning(self, now: float) -> None:
        if self.source is not None and self._unlayered != (self.source, self.source.generation):
            self._thinning = Thinning(now)

    def _thin(self, packet: PacketBuffer, layout: Layout, extended: int, second: int, key: bool) -> bool:
        """Whether the packet's layer is sent; its picture id closes up to what was left out."""
        thinning, source = self._thinning, self.source
        payload = packet.start + layout.size
        if thinning is None or source is None or not (self._ready or key):
            return True
        if key and not thinning.begin():
            self._thinning = None
            return True
        layer = read_layer(packet.view, payload, packet.end) if second & 0x7F == source.payload_types.vp8 else None
        if layer is None:
            self._unlayered, self._thinning = (source, source.generation), None
            return True
        picture_id = thinning.take(layer, packet.end - packet.start)
        if picture_id is not None:
            write_picture_id(packet.view, layer.picture_id_at, picture_id)
            return True
        if extended > self.rewriter.newest:
            self.rewriter.skip(extended)
            return False
        packet.end = payload  # its number was kept free: an empty packet takes it
        return True

    def _starve(self) -> None:
        """A picture is left out: from here only a key frame helps."""
        self._ready, self.starved = False, True
        self._group.clear()

    def give_up(self) -> None:
        """What waits is too old to be worth its rate, and what was sent is not worth repair: a key frame will do."""
        self.downlink.pacer.clear()
        self.sent.clear()
        if self.source is not None:
            self._starve()

    def wait(self, data: bytes, layout: Layout, now: float) -> None:
        """The packet may not leave yet: the pacer keeps it."""
        self.downlink.pacer.push(Priority.VIDEO, Queued(data, layout, self))
        self.downlink.schedule.wake_at(now + _PACE_STEP)

    def leave(self, packet: Queued, now: float) -> None:
        """A packet's turn came."""
        data = self.downlink.send(bytearray(packet.data), packet.layout, now)
        self.departed(data, packet.layout, now)

    def departed(self, data: bytes, layout: Layout, now: float) -> None:
        """A picture packet left as `data`: parity is made of these bytes, but for what changes with every sending."""
        if not self.parity or self._fec_type is None:
            return
        group = self._group
        zeroed = bytearray(data)
        layout.zero_mutable(zeroed)
        sequence = data[2] << 8 | data[3]
        group.add(sequence, zeroed, now)
        if self.told is not None:
            self.told.sent(self.downlink.transport_sequence, sequence)
        if group.due(self.parity, frame_ended=data[1] >= 0x80, now=now):
            for parity in group.close(self.parity, self.bursts):
                self._send_parity(parity, data[4:8], now)

    def _send_parity(self, parity: ParityOut, timestamp: bytes, now: float) -> None:
        assert self._fec_type is not None
        assert self.slot.flexfec_ssrc is not None
        payload = build_flexfec(self.slot.ssrc, parity.base, parity.offsets, parity.bits, parity.size)
        self._fec_sequence = (self._fec_sequence + 1) & 0xFFFF
        stamp = int.from_bytes(timestamp)
        head = _HEADER.pack(0x90, self._fec_type, self._fec_sequence, stamp, self.slot.flexfec_ssrc)
        data = head + self._extension + payload
        self.protection_octets += len(data)
        pacer = self.downlink.pacer
        downlink, told = self.downlink, self.told
        sender = PlainSender(downlink) if told is None else ParitySender(downlink, told, parity)
        packet = Queued(data, self._own_layout, sender)
        if pacer.admit(len(data), now):
            sender.leave(packet, now)
        else:
            pacer.push(Priority.PROTECTION, packet)

    def send_probe(self, cluster: int, size: int, now: float) -> int:
        """Send one packet of a probe, `size` bytes or so; returns what it was."""
        rtx_type = next(iter(self._rtx_types.values()), None)
        if rtx_type is None or self.slot.rtx_ssrc is None:
            return size  # nothing a page would ignore: the probe is skipped
        kept = self.sent.newest(self.rewriter.highest)
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        kept_type = self._rtx_types.get(kept[0][1] & 0x7F) if kept is not None else None
        if kept is not None and kept_type is not None and size // 2 <= len(kept[0]) <= 2 * size:
            data, layout = kept
            out = make_rtx(data, layout.size, kept_type, self._rtx_sequence, self.slot.rtx_ssrc)
        else:
            layout, padding = self._own_layout, min(size, _MAX_PADDING)
            stamp = self.rewriter.timestamp
            head = _HEADER.pack(0xB0, rtx_type, self._rtx_sequence, stamp, self.slot.rtx_ssrc)
            out = bytearray(head + self._extension + bytes(padding - 1) + bytes((padding,)))
        self.downlink.pacer.charge(len(out))
        self.downlink.send(out, layout, now, cluster)
        return len(out)


class PlainSender:
    """Sends a waiting packet as it is."""

    def __init__(self, downlink: Downlink) -> None:
        self._downlink = downlink

    def leave(self, packet: Queued, now: float) -> None:
        self._downlink.send(bytearray(packet.data), packet.layout, now)


class ParitySender:
    """Sends a parity packet as it is, and says what it covers."""

    def __init__(self, downlink: Downlink, told: ToldLost, parity: ParityOut) -> None:
        self._downlink = downlink
        self._told = told
        self._covered = [(parity.base + offset) & 0xFFFF for offset in parity.offsets]

    def leave(self, packet: Queued, now: float) -> None:
        self._downlink.send(bytearray(packet.data), packet.layout, now)
        self._told.sent_parity(self._downlink.transport_sequence, self._covered)


def _own_header(extensions: ExtensionIds) -> tuple[bytes, Layout]:
    """A header extension (RFC 8285 one-byte form) for packets of our own making, and where its elements stand."""
    elements = bytearray()
    layout = Layout(0x90, 0, 0, 0)
    if extensions.transport_cc is not None:
        layout.transport_cc = 16 + len(elements) + 1
        elements += bytes((extensions.transport_cc << 4 | 1, 0, 0))
    if extensions.abs_send_time is not None:
        layout.abs_send_time = 16 + len(elements) + 1
        elements += bytes((extensions.abs_send_time << 4 | 2, 0, 0, 0))
    elements += bytes(-len(elements) % 4)
    layout.size = 16 + len(elements)
    return struct.pack("!HH", 0xBEDE, len(elements) // 4) + bytes(elements), layout
