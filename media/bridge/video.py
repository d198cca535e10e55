"""A page's camera: gaps are asked for again, key frames are recognized and demanded."""

from collections.abc import Callable

from media.bridge.inbound import InboundStream, InboundTrack
from media.bridge.key_frames import KeyFrameDemand
from media.bridge.lossiness import CLEAN
from media.bridge.outbound import OutboundTrack
from media.bridge.parameters import InboundSlot
from media.bridge.protection import Protection
from media.bridge.rates import Rate
from media.bridge.uplink import Uplink
from media.errors import WireError
from media.receive.nack import NackGenerator
from media.units import VIDEO_CLOCK_HZ
from media.wire import h264, vp8, vp8_layers
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.rtcp_feedback import build_fir, build_nack, build_pli
from media.wire.rtx import read_original_sequence, restore_original
from media.wire.serial import unwrap16

Detector = Callable[[memoryview, int, int], bool]

BASE_SHARE = 0.4
"""Of the rate of three temporal layers, what the base layer needs (libvpx: 40, 60 and 100 %)."""
_RAISE_INTERVAL = 0.3
_OBEY_SECONDS = 1.0
"""How long a page may take to follow a wish before REMB makes it."""
_OBEDIENT, _PROTECTED = 1.4, 2.4
"""So many times the wish it may send, its own parity not included, and included."""
_NACKS_A_PACKET = 64
"""Sequence numbers asked for in one NACK; the rest follows in the next."""


class VideoTrack(InboundTrack):
    """Video as VP8 or H.264, bare or wrapped in RED."""

    __slots__ = (
        "_detectors",
        "_fir_number",
        "_last_key",
        "_limits",
        "_rate",
        "_told",
        "_wished",
        "brought_back",
        "key_frames",
        "layered",
        "nack",
        "protection",
        "rtx",
        "rtx_types",
    )

    def __init__(self, uplink: Uplink, slot: InboundSlot) -> None:
        super().__init__(uplink, slot, VIDEO_CLOCK_HZ)
        self.nack = NackGenerator()
        self.key_frames = KeyFrameDemand()
        self.brought_back = 0
        """Lost packets that came again."""
        self.layered = False
        """The last key frame was of a source with temporal layers."""
        self._last_key = -1
        self._fir_number = 0
        self._limits: dict[OutboundTrack, float] = {}
        self._told = (float("inf"), 0.0)
        """What the receivers carry, and when it was last told."""
        self._wished = (float("inf"), True)
        self._rate = Rate(0.0)
        types = slot.payload_types
        self._detectors: dict[int, Detector] = {}
        if types.vp8 is not None:
            self._detectors[types.vp8] = vp8.starts_key_frame
        if types.h264 is not None:
            self._detectors[types.h264] = h264.starts_key_frame
        pairs = ((types.vp8_rtx, types.vp8), (types.h264_rtx, types.h264), (types.red_video_rtx, types.red_video))
        self.rtx_types = {rtx: media for rtx, media in pairs if rtx is not None and media is not None}
        self.rtx = RtxStream(uplink, slot.rtx_ssrc, self)
        self.protection = Protection(self) if types.ulpfec is not None else None

    def _media_types(self) -> frozenset[int]:
        types = self.payload_types
        return frozenset(number for number in (types.vp8, types.h264, types.red_video) if number is not None)

    def pass_on(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, now: float
    ) -> None:
        """Forward the packet, telling whether a key frame begins with it."""
        payload = packet.start + layout.size
        detect = self._detectors.get(second & 0x7F)
        if detect is None:
            second = self._unwrap_red(packet, payload, second)
            detect = self._detectors.get(second & 0x7F)
        if detect is None or payload >= packet.end:  # protection or padding: not for the far side
            self.forwarder.skip(extended)
            if self.protection is not None and second & 0x7F == self.payload_types.ulpfec:
                self.protection.parity(packet.view[payload : packet.end], now)
            return
        if self.protection is not None and self.protection.awake:
            self._close_gaps(self.protection.nothing(packet, layout, second, extended))
            self.protection.media(packet, layout, second, now)
        key = detect(packet.view, payload, packet.end)
        if key:
            self.key_frames.satisfy()
            self.layered = vp8_layers.read_layer(packet.view, payload, packet.end) is not None
            if extended > self._last_key:
                self._last_key = extended
        forwarder = self.forwarder
        track = forwarder.alone
        if track is None or forwarder.tap is not None:
            forwarder.forward(packet, layout, extended, second, timestamp, key, now)
        elif track.rewrite(packet, layout, extended, second, timestamp, key, now):
            track.send(packet)

    def _close_gaps(self, numbers: list[int]) -> None:
        """Lost parity: nobody asks for it, nobody waits for it."""
        for number in numbers:
            if self.nack.recovered(number):
                self.forwarder.skip(number)

    def _unwrap_red(self, packet: PacketBuffer, payload: int, second: int) -> int:
        """Video RED holds one block behind one byte (RFC 5109 §14.2); anything else keeps its payload type."""
        if second & 0x7F != self.payload_types.red_video or payload >= packet.end:
            return second
        inner = packet.view[payload]
        if inner & 0x80:
            raise WireError("video RED with redundant blocks")
        packet.view[payload : packet.end - 1] = packet.view[payload + 1 : packet.end]
        packet.end -= 1
        return second & 0x80 | inner

    def receive_again(
        self, packet: PacketBuffer, layout: Layout, second: int, sequence_number: int, timestamp: int, now: float
    ) -> None:
        """A retransmitted packet, restored. What nobody waits for is a probe's filling."""
        extended = unwrap16(sequence_number, self.statistics.highest)
        if self.statistics.highest < 0 or not self.nack.recovered(extended):
            self.uplink.counters.packets_duplicate += 1
            return
        self.brought_back += 1
        self.pass_on(packet, layout, extended, second, timestamp, now)

    def rebuilt(self, packet: PacketBuffer, layout: Layout, second: int, sequence_number: int, now: float) -> None:
        """A lost packet, made of the others and parity. One that came after all is nobody's."""
        extended = unwrap16(sequence_number, self.statistics.highest)
        if not self.nack.recovered(extended):
            return
        self.uplink.counters.video_rebuilt += 1
        self.brought_back += 1
        payload = packet.start + layout.size
        detect = self._detectors.get(second & 0x7F)
        if detect is None or payload >= packet.end:
            self.forwarder.skip(extended)
            return
        if self.protection is not None:
            self._close_gaps(self.protection.nothing(packet, layout, second, extended))
        key = detect(packet.view, payload, packet.end)
        timestamp = int.from_bytes(packet.view[packet.start + 4 : packet.start + 8])
        self.forwarder.forward_copy(packet, layout, extended, second, timestamp, now, key)

    def missed(self, first: int, end: int, now: float) -> None:
        """Ask again, if anybody watches."""
        if first < end and self.uplink.parameters.nack and self.forwarder.subscribers:
            self.nack.add(first, end, now)
            self.uplink.schedule.wake_at(self.nack.due)

    def came_late(self, extended: int) -> None:
        """No need to ask (again)."""
        self.nack.recovered(extended)

    def asked_since(self) -> set[float]:
        """When the packets were missed that are still asked for."""
        return self.nack.since()

    def begin_anew(self, now: float) -> None:
        """Old gaps mean nothing any more."""
        self._forget()
        super().begin_anew(now)

    def adopt(self, ssrc: int) -> None:
        """Follow another SSRC: old gaps mean nothing any more."""
        super().adopt(ssrc)
        self._forget()

    def _forget(self) -> None:
        if self.protection is not None:
            self.protection.clear()
        self.nack.clear()
        self.nack.given_up = -1
        self._last_key = -1

    def subscribe(self, subscribers: tuple[OutboundTrack, ...]) -> None:
        """Exactly these are fed from now on; without any nothing is demanded any more."""
        super().subscribe(subscribers)
        self._limits = {track: bps for track, bps in self._limits.items() if track in subscribers}
        if not subscribers:
            self.nack.clear()
            self.key_frames.satisfy()

    def close(self) -> None:
        """The leg has ended."""
        self.rtx.media = self.protection = None

    def want_key_frame(self, now: float) -> None:
        """Ask now if that is not too often, else as soon as it may be."""
        self.key_frames.raise_(now)
        request = self._key_frame_request(now)
        if request:
            self.uplink.outlet.send_rtcp(self.uplink.compound(request))
        self.uplink.schedule.wake_at(self.key_frames.due)

    def limit(self, track: OutboundTrack, bps: float, now: float) -> None:
        """The page's encoder gets what the weakest of its receivers can carry."""
        self._limits[track] = bps
        self._tell_limit(now)

    def _tell_limit(self, now: float) -> None:
        uplink = self.uplink
        watching = [bps for bps in self._limits.values() if bps]  # who has no room for pictures limits nobody else
        uplink.video_limit_bps = limit = min(watching, default=0.0 if self._limits else float("inf"))
        if len(watching) > 1 and self.layered:  # the weak do without upper layers
            uplink.video_limit_bps = limit = min(max(watching), limit / BASE_SHARE)
        told, since = self._told
        lower, higher = limit < 0.9 * told, limit > 1.15 * told
        if lower or (higher and now - since > _RAISE_INTERVAL):
            self._told = (limit, now)
            if lower and uplink.wish is None:
                uplink.schedule.report_soon(now)
        self.wish_fluent()

    def wish_fluent(self) -> None:
        """Tell the page what its receivers carry and what comes through on its own way, if that has changed."""
        own = self.uplink.lossiness
        lossy = own.step > CLEAN or any(track.downlink.lossiness.step > CLEAN for track in self.forwarder.subscribers)
        wished = (min(self._told[0], own.fluent_bps), not lossy)
        if wished != self._wished and self.uplink.wish is not None:
            self._wished = wished
            self.uplink.wish(*wished)

    def estimate_for_page(self, now: float) -> float:
        """What REMB should say: nothing less than free while the page obeys what signaling told it."""
        limit, since = self._told
        self._rate.read(self.octets_received, now)
        if limit == float("inf"):
            return limit
        protected = self.protection is not None and self.protection.awake
        obeys = self._rate.bps <= (_PROTECTED if protected else _OBEDIENT) * limit + 50_000
        if self.uplink.wish is not None and (obeys or now - since < _OBEY_SECONDS):
            return float("inf")
        return self.uplink.video_limit_bps

    def fetch_again(self, first: int, now: float) -> None:
        """A key frame's first packet came late: what followed it was not forwarded, so have it sent again."""
        self.missed(first, self.statistics.highest + 1, now)

    def feedback(self, now: float) -> list[bytes]:
        """NACK and key frame requests that are due."""
        packets: list[bytes] = []
        if self.nack.due <= now and self.ssrc is not None:
            asked = self.nack.to_ask(now, self.uplink.round_trip, self.uplink.copies)
            for at in range(0, len(asked), _NACKS_A_PACKET):
                numbers = [number & 0xFFFF for number in asked[at : at + _NACKS_A_PACKET]]
                packets.append(build_nack(self.uplink.sender_ssrc, self.ssrc, numbers))
            if self.nack.given_up > self._last_key:
                self.key_frames.raise_(now)
            self.nack.given_up = -1
        request = self._key_frame_request(now)
        if request:
            packets.append(request)
        return packets

    def _key_frame_request(self, now: float) -> bytes:
        if self.ssrc is None or not self.key_frames.take(now, self.uplink.round_trip):
            return b""
        if self.uplink.parameters.pli:
            return build_pli(self.uplink.sender_ssrc, self.ssrc)
        self._fir_number = (self._fir_number + 1) & 0xFF
        return build_fir(self.uplink.sender_ssrc, [(self.ssrc, self._fir_number)])

    def next_timeout(self) -> float:
        """When `feedback` has something to say; an unknown SSRC has to come first."""
        return min(self.nack.due, self.key_frames.due) if self.ssrc is not None else float("inf")


class RtxStream(InboundStream):
    """The retransmission stream of a camera (RFC 4588): its packets become the originals again, in place."""

    __slots__ = ("media",)

    def __init__(self, uplink: Uplink, ssrc: int | None, media: VideoTrack) -> None:
        super().__init__(uplink, ssrc, VIDEO_CLOCK_HZ)
        self.media: VideoTrack | None = media
        """None once the leg has ended."""

    def receive(self, packet: PacketBuffer, second: int, sequence_number: int, timestamp: int, now: float) -> None:
        """Restore the original and hand it to the camera's track; raise WireError for a payload that is none."""
        layout = self.arrived(packet, now)
        self.statistics.received(sequence_number, timestamp, now)
        payload = packet.start + layout.size
        media = self.media
        if media is None:
            return
        media_type = media.rtx_types.get(second & 0x7F)
        if payload == packet.end or media_type is None or media.ssrc is None:  # probing, or not negotiated
            return
        original = read_original_sequence(packet.view, payload, packet.end)
        second = second & 0x80 | media_type
        packet.end = restore_original(packet.view, packet.start, payload, packet.end, second, original, media.ssrc)
        media.receive_again(packet, layout, second, original, timestamp, now)
