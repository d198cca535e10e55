"""A page that behaves on a bad network as a browser does: feedback, estimate, RED, FlexFEC."""

from media.api import Kind, Slot
from media.bridge.parameters import LegParameters, OutboundSlot
from media.receive.arrivals import ArrivalRecorder
from media.wire import rtcp
from media.wire.red import build_red
from media.wire.rtcp_feedback import ReceiverEstimate, build_remb
from media.wire.rtp import RtpPacket, build_packet, parse_packet
from media.wire.serial import unwrap16
from media.wire.transport_cc import REFERENCE_TICKS, TICK_SECONDS, TransportFeedback
from tests.sim.clock import Clock
from tests.sim.encoder import BrowserEstimate, RatedCamera
from tests.sim.page import Page, original
from tests.sim.picture import Picture
from tests.sim.sink import Sink
from tests.sim.source import ABS_SEND_TIME, OPUS, RED_AUDIO, TRANSPORT_CC, Microphone, Stream
from tests.sim.voice import WORD_HEAD, Voice

RED_VIDEO, ULPFEC = 98, 100
_OVERHEAD = 44
_PROBE_PACKET = 250


class Speaker(Microphone):
    """Opus of 32 kbps and 20 ms in RED of one copy; every word's time is kept."""

    def __init__(self, stream: Stream, *, red: bool = True) -> None:
        super().__init__(stream)
        self.spoken: dict[int, float] = {}
        self.payload_bytes = 80
        self.red = red
        self._before: tuple[int, bytes] | None = None

    def narrow(self, narrow: bool) -> None:
        """20 kbps instead of 32."""
        self.payload_bytes = 50 if narrow else 80

    def tick(self) -> None:
        if not self.on:
            return
        self.number += 1
        now = self.stream.transport.clock.now
        self.spoken[self.number] = now
        word = WORD_HEAD + self.number.to_bytes(4) + bytes(self.payload_bytes - 8)
        timestamp = self.stream.timestamp()
        copies = [(OPUS, 960, self._before[1])] if self._before and self._before[0] == self.number - 1 else []
        self._before = (self.number, word)
        self.stream.payload_type = RED_AUDIO if self.red else OPUS
        self.stream.send(build_red(copies, OPUS, word) if self.red else word, level=0x80 | 20, timestamp=timestamp)


class Browser(Page):
    """`seen` and `heard` are the sinks of the first other person."""

    def __init__(
        self,
        clock: Clock,
        base: int,
        seed: int,
        leg_parameters: LegParameters,
        *,
        max_bps: float = 2_000_000.0,
        camera: bool = True,
        red: bool = True,
    ) -> None:
        super().__init__(clock, base, seed, leg_parameters)
        self.microphone: Speaker = Speaker(self.audio, red=red)
        self.camera: RatedCamera = RatedCamera(self.video, base + 3, max_bps)
        self.camera.on = camera
        self.estimate = BrowserEstimate(1.2 * max_bps)
        self.arrived = ArrivalRecorder()
        self.feeds_back = True
        self.transport_cc = leg_parameters.transport_cc
        self.voice_resent = 0
        self.fraction_lost: dict[int, float] = {}
        """What the last report said of our streams, by SSRC."""
        self.paused: list[tuple[float, bool]] = []
        """When this page's pictures were paused and when they came back."""
        self.flexfec_octets = self.ulpfec_octets = self.rtx_octets = self.padding_octets = 0
        self.rates: list[tuple[float, float, float]] = []
        """Time, what the camera sends at, what its own estimate is."""
        self.octets_by_kind: dict[Kind, int] = {Kind.AUDIO: 0, Kind.VIDEO: 0}
        self._flexfec = {
            slot.flexfec_ssrc: self.sinks[slot.slot] for slot in leg_parameters.outbound if slot.flexfec_ssrc
        }
        self._number = 0
        self._cluster = 0
        self._reference: int | None = None
        self.transport.send_rtp = self._send_rtp

    def _sink(self, slot: OutboundSlot) -> Sink:
        types = slot.payload_types
        if slot.kind is Kind.VIDEO:
            return Picture(slot.kind, slot.ssrc)
        return Voice(slot.kind, slot.ssrc, opus_type=types.opus or 0, red_type=types.red_audio or -1)

    @property
    def heard(self) -> Voice:
        sink = self.sinks[Slot.AUDIO]
        assert isinstance(sink, Voice)
        return sink

    @property
    def seen(self) -> Picture:
        sink = self.sinks[Slot.MAIN]
        assert isinstance(sink, Picture)
        return sink

    def start(self) -> None:
        super().start()
        self.clock.every(0.05, self._feed_back)
        self.clock.every(0.1, self._control)

    # --- what we send ---

    def _send_rtp(self, data: bytes) -> None:
        self._number += 1
        self.estimate.estimator.sent(self._number, self.clock.now, len(data) + _OVERHEAD, self._cluster)
        self.up.send(data)

    def _blocks(self, blocks: tuple[rtcp.ReportBlock, ...]) -> None:
        for block in blocks:
            self.fraction_lost[block.ssrc] = block.fraction_lost / 256

    def _told(self, value: TransportFeedback) -> None:
        """The transport-wide numbers on the wire and ours run side by side from 65001 and 1."""
        sequence = unwrap16((value.base_sequence - 65000) & 0xFFFF, self._number)
        if self._reference is None:
            self._reference = value.reference_time
        tick = (value.reference_time - self._reference) * REFERENCE_TICKS
        reports: list[tuple[int, float | None]] = []
        for index, delta in enumerate(value.deltas):
            if delta is not None:
                tick += delta
            reports.append((sequence + index, None if delta is None else tick * TICK_SECONDS))
        self.estimate.feedback(reports, self.clock.now)

    def _control(self) -> None:
        """Set the camera's rate, and probe for more."""
        now, estimate = self.clock.now, self.estimate
        if self.estimates:
            estimate.remb_bps = self.estimates[-1][1]
        self.camera.target_bps = max(estimate.target_bps - 60_000.0, 30_000.0)
        self.rates.append((now, self.camera.target_bps, estimate.estimator.target_bps))
        plan = None
        if self.camera.on:
            plan = estimate.estimator.plan_probe(min(self.camera.max_bps + 100_000, estimate.remb_bps), now)
        for index in range(max(plan.packets, -(-plan.size_bytes // _PROBE_PACKET)) if plan else 0):
            assert plan is not None
            after = index * _PROBE_PACKET * 8 / plan.bps
            self.clock.after(after, lambda c=plan.cluster: self._pad(c))  # type: ignore[misc]

    def _pad(self, cluster: int) -> None:
        self._cluster = cluster
        self.camera.pad(_PROBE_PACKET)
        self._cluster = 0

    def _resend(self, ssrc: int, number: int) -> None:
        if ssrc == self.video.ssrc:
            super()._resend(ssrc, number)
        elif number in self.audio.numbers:
            data = bytearray(self.audio.numbers[number])
            data[21:23] = self.transport.extensions()[1][1]
            self.voice_resent += 1
            self.transport.send_rtp(bytes(data))

    # --- what we receive ---

    def _receive(self, datagram: bytes) -> None:
        if rtcp.is_rtcp(datagram):
            super()._receive(datagram)
            return
        packet = parse_packet(datagram)
        number = packet.extension(TRANSPORT_CC)
        if number is not None:
            self.transport_numbers.append(int.from_bytes(number))
            self.arrived.record(int.from_bytes(number), self.clock.now)
        protected = self._flexfec.get(packet.ssrc)
        if protected is not None:
            assert isinstance(protected, Picture)
            self.flexfec_octets += len(datagram)
            protected.parity(packet.payload, self.clock.now)
            return
        sink = self._by_ssrc.get(packet.ssrc)
        if sink is None:
            self._received_again(packet.ssrc, datagram)
            return
        self.octets_by_kind[sink.kind] += len(datagram)
        if isinstance(sink, Picture):
            if packet.payload_type == RED_VIDEO and self._ends_red(sink, packet):
                return
            if packet.payload_type == RED_VIDEO:
                datagram = build_packet(packet := _without_red(packet))
            sink.protect(datagram, _mutable(datagram), self.clock.now)
        sink.receive(packet, self.clock.now)

    def _ends_red(self, sink: Picture, packet: RtpPacket) -> bool:
        """Whether what was in RED was parity; its number is no picture's."""
        if packet.payload[0] != ULPFEC:
            return False
        self.ulpfec_octets += len(packet.payload)
        sink.receive(packet._replace(payload=b""), self.clock.now)
        sink.parity(packet.payload[1:], self.clock.now, ulpfec=True)
        return True

    def _received_again(self, ssrc: int, datagram: bytes) -> None:
        packet = parse_packet(datagram)
        sink = self._rtx[ssrc]
        if len(packet.payload) < 2:
            self.padding_octets += len(datagram)
            return
        self.rtx_octets += len(datagram)
        packet = original(packet, sink.ssrc)
        known = unwrap16(packet.sequence_number, sink.highest) in sink.packets
        if not known:
            sink.receive(packet, self.clock.now)

    def _feed_back(self) -> None:
        if not self.feeds_back:
            return
        if self.transport_cc:
            for data in self.arrived.feedback(1, self.sinks[Slot.MAIN].ssrc, self.clock.now):
                self.up.send(data)

    def send_remb(self, bps: int) -> None:
        """The older estimate, as browsers without transport-cc write it."""
        self.up.send(build_remb(ReceiverEstimate(1, bps, (self.sinks[Slot.MAIN].ssrc,))))


def _without_red(packet: RtpPacket) -> RtpPacket:
    """The one block of a picture in RED (RFC 5109 §14.2)."""
    assert packet.payload[0] < 0x80
    return packet._replace(payload_type=packet.payload[0], payload=packet.payload[1:])


def _mutable(datagram: bytes) -> tuple[slice, ...]:
    """Where transport-cc number and sending time stand in a one-byte header extension (RFC 8285 §4.2)."""
    places = []
    at, end = 16, 16 + 4 * int.from_bytes(datagram[14:16]) if datagram[0] & 0x10 else 0
    while at < end:
        identifier, size = datagram[at] >> 4, (datagram[at] & 15) + 1
        if not identifier:
            at += 1
            continue
        if identifier in (ABS_SEND_TIME, TRANSPORT_CC):
            places.append(slice(at + 1, at + 1 + size))
        at += 1 + size
    return tuple(places)
