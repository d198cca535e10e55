"""A synthetic browser page: a microphone, a camera, and sinks for what the server sends."""

from media.api import Kind, Slot
from media.bridge.parameters import ExtensionIds, InboundSlot, LegParameters, OutboundSlot, PayloadTypes
from media.units import AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ
from media.wire import rtcp, rtcp_feedback, transport_cc
from media.wire.rtp import RtpPacket, parse_packet
from tests.sim.clock import Clock
from tests.sim.link import Link
from tests.sim.sink import Sink
from tests.sim.source import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    H264,
    MID,
    OPUS,
    RED_AUDIO,
    TRANSPORT_CC,
    VP8,
    VP8_RTX,
    Camera,
    Microphone,
    Stream,
    Transport,
)

TYPES = PayloadTypes(opus=OPUS, red_audio=RED_AUDIO, vp8=VP8, vp8_rtx=VP8_RTX, h264=H264)
IDS = ExtensionIds(mid=MID, audio_level=AUDIO_LEVEL, abs_send_time=ABS_SEND_TIME, transport_cc=TRANSPORT_CC)


def parameters(base: int, types: PayloadTypes = TYPES, **changes: object) -> LegParameters:
    """The fixed offer's slots with SSRCs from `base` on: +1 … +3 the page's, +10 … ours."""
    value = LegParameters(
        cname="server",
        extensions=IDS,
        inbound=(
            InboundSlot("0", Slot.AUDIO, Kind.AUDIO, types, base + 1),
            InboundSlot("1", Slot.CAMERA, Kind.VIDEO, types, base + 2, base + 3),
        ),
        outbound=(
            OutboundSlot("0", Slot.AUDIO, Kind.AUDIO, types, base + 10),
            OutboundSlot("2", Slot.MAIN, Kind.VIDEO, types, base + 11, base + 12),
            OutboundSlot("3", Slot.SIDE, Kind.VIDEO, types, base + 13, base + 14),
            OutboundSlot("4", Slot.AUDIO_SIDE, Kind.AUDIO, types, base + 15),
        ),
    )
    return LegParameters(**{name: changes.get(name, getattr(value, name)) for name in value.__struct_fields__})


class Page:
    """`up` and `down` are its two directions; it hears nothing until the call sets what `up` delivers to."""

    def __init__(self, clock: Clock, base: int, seed: int, leg_parameters: LegParameters | None = None) -> None:
        self.clock = clock
        self.parameters = leg_parameters or parameters(base)
        self.up = Link(clock, lambda _: None, seed)
        self.down = Link(clock, self._receive, seed + 1)
        self.transport = Transport(clock, self.up.send, self.up.send, sequence=65000)
        self.audio = Stream(self.transport, Kind.AUDIO, "0", base + 1, AUDIO_CLOCK_HZ, OPUS)
        self.video = Stream(self.transport, Kind.VIDEO, "1", base + 2, VIDEO_CLOCK_HZ, VP8, timestamp_at_zero=12345)
        self.microphone = Microphone(self.audio)
        self.camera = Camera(self.video, base + 3)
        self.sinks = {slot.slot: self._sink(slot) for slot in self.parameters.outbound}
        self._by_ssrc = {sink.ssrc: sink for sink in self.sinks.values()}
        self._rtx = {slot.rtx_ssrc: self._by_ssrc[slot.ssrc] for slot in self.parameters.outbound if slot.rtx_ssrc}
        self.asks = True
        self.answers_nack = True
        self.rtcp: list[rtcp.RawRtcp] = []
        self.estimates: list[tuple[float, int]] = []
        self.arrivals: dict[int, bool] = {}
        """What transport-wide feedback said about our packets."""
        self.transport_numbers: list[int] = []
        self.goodbyes: list[int] = []

    def _sink(self, slot: OutboundSlot) -> Sink:
        return Sink(slot.kind, slot.ssrc)

    def start(self) -> None:
        """Begin to send, to ask and to report."""
        self.clock.every(0.02, self.microphone.tick)
        self.clock.every(1 / 30, self.camera.tick)
        self.clock.after(0.3, lambda: self.clock.every(1.0, self._report))
        self.clock.every(0.02, self._ask)

    def _report(self) -> None:
        for stream, tool in ((self.audio, self.microphone), (self.video, self.camera)):
            if tool.on and stream.packets:
                stream.report()
        for sink in self.sinks.values():
            if sink.packets:
                sink.report(self.up.send, self.clock.now)

    def _ask(self) -> None:
        if self.asks:
            for sink in self.sinks.values():
                if sink.kind is Kind.VIDEO:
                    sink.ask(self.up.send, self.clock.now, 0.12)

    def _receive(self, datagram: bytes) -> None:
        if rtcp.is_rtcp(datagram):
            for raw in rtcp.split_compound(datagram):
                self.rtcp.append(raw)
                self._read(raw)
            return
        packet = parse_packet(datagram)
        self.transport_numbers.append(int.from_bytes(packet.extension(TRANSPORT_CC) or b""))
        sink = self._by_ssrc.get(packet.ssrc)
        if sink is None:
            sink = self._rtx[packet.ssrc]
            if not packet.payload:
                return  # a probe's padding
            packet = original(packet, sink.ssrc)
        sink.receive(packet, self.clock.now)

    def _read(self, raw: rtcp.RawRtcp) -> None:
        kind = (raw.packet_type, raw.item_count)
        if raw.packet_type == rtcp.SENDER_REPORT:
            report = rtcp.parse_sender_report(raw)
            self._blocks(report.blocks)
            self._by_ssrc[report.ssrc].reports.append((self.clock.now, report))
        elif raw.packet_type == rtcp.RECEIVER_REPORT:
            self._blocks(rtcp.parse_receiver_report(raw).blocks)
        elif raw.packet_type == rtcp.GOODBYE:
            self.goodbyes += rtcp.parse_goodbye(raw).ssrcs
        elif kind == (rtcp.TRANSPORT_FEEDBACK, rtcp_feedback.NACK_FORMAT):
            nack = rtcp_feedback.parse_nack(raw)
            for number in nack.sequence_numbers:
                if self.answers_nack:
                    self._resend(nack.media_ssrc, number)
        elif kind == (rtcp.TRANSPORT_FEEDBACK, rtcp_feedback.TRANSPORT_CC_FORMAT):
            value = transport_cc.parse_transport_feedback(raw)
            self._told(value)
            for index, delta in enumerate(value.deltas):
                number = (value.base_sequence + index) & 0xFFFF
                self.arrivals[number] = self.arrivals.get(number, False) or delta is not None
        elif kind in (
            (rtcp.PAYLOAD_FEEDBACK, rtcp_feedback.PLI_FORMAT),
            (rtcp.PAYLOAD_FEEDBACK, rtcp_feedback.FIR_FORMAT),
        ):
            self.camera.wish()
        elif rtcp_feedback.is_remb(raw):
            self.estimates.append((self.clock.now, rtcp_feedback.parse_remb(raw).bitrate_bps))

    def _blocks(self, blocks: tuple[rtcp.ReportBlock, ...]) -> None:
        """What is reported of our streams."""

    def _told(self, value: transport_cc.TransportFeedback) -> None:
        """Transport-wide feedback about what we sent."""

    def _resend(self, ssrc: int, number: int) -> None:
        if ssrc == self.video.ssrc:
            self.camera.resend(number)
        elif number in self.audio.numbers:
            self.transport.send_rtp(self.audio.numbers[number])


def original(packet: RtpPacket, ssrc: int) -> RtpPacket:
    """What a retransmitted packet was."""
    number = int.from_bytes(packet.payload[:2])
    return packet._replace(ssrc=ssrc, sequence_number=number, payload=packet.payload[2:])
