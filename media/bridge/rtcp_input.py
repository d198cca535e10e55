"""What a page's RTCP means for the leg: reports, requests for packets and key frames, estimates, goodbyes."""

from collections.abc import Callable

from media.bridge.counters import Counters
from media.bridge.inbound import InboundTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.rate_control import RateControl
from media.bridge.streams import InboundStreams
from media.bridge.uplink import Uplink
from media.errors import WireError
from media.send.allowance import Allowance
from media.wire import rtcp, rtcp_feedback as feedback
from media.wire.transport_cc import parse_transport_feedback

PACKETS_PER_SECOND = 300.0
PACKET_BURST = 150.0


class Reception:
    """The latest report block about one of our streams."""

    __slots__ = ("cumulative_lost", "fraction_lost", "jitter")

    def __init__(self) -> None:
        self.fraction_lost = 0.0
        self.cumulative_lost = 0
        self.jitter = 0


class RtcpInput:
    """One leg's RTCP reader. Work is bounded by packet size, entries a packet and packets a second."""

    def __init__(
        self, uplink: Uplink, streams: InboundStreams, outbound: tuple[OutboundTrack, ...], rates: RateControl
    ) -> None:
        self._uplink = uplink
        self._counters: Counters = uplink.counters
        self._streams = streams
        self._rates = rates
        self._allowance = Allowance(PACKETS_PER_SECOND, PACKET_BURST)
        self._outbound = {track.slot.ssrc: track for track in outbound}
        self.receptions = {track.slot.ssrc: Reception() for track in outbound}
        self.nacks_received = 0
        """Sequence numbers asked for."""
        self.key_frames_wanted = 0
        """PLI and FIR taken."""
        self.estimate_bps: int | None = None
        """The peer's last REMB."""

    def receive(self, data: bytes, now: float) -> None:
        """Read one compound; what comes too often or is broken is counted and dropped."""
        if not self._allowance.take(now):
            self._counters.rtcp_dropped_rate += 1
            return
        try:
            for raw in rtcp.split_compound(data):
                read = _READERS.get(raw.packet_type)
                if read is not None:
                    read(self, raw, now)
        except WireError:
            self._counters.rtcp_malformed += 1

    def _read_sender_report(self, raw: rtcp.RawRtcp, now: float) -> None:
        report = rtcp.parse_sender_report(raw)
        stream = self._streams.find(report.ssrc)
        if stream is not None:
            stream.clock.reported(report.ntp_time, report.rtp_timestamp, now)
            if isinstance(stream, InboundTrack) and stream.forwarder.tap is not None:
                stream.forwarder.tap.sender_report(report.ntp_time, report.rtp_timestamp, now)
        self._read_blocks(report.blocks, now)

    def _read_receiver_report(self, raw: rtcp.RawRtcp, now: float) -> None:
        self._read_blocks(rtcp.parse_receiver_report(raw).blocks, now)

    def _read_blocks(self, blocks: tuple[rtcp.ReportBlock, ...], now: float) -> None:
        for block in blocks:
            reception = self.receptions.get(block.ssrc)
            if reception is None:
                continue
            reception.fraction_lost = block.fraction_lost / 256
            reception.cumulative_lost = block.cumulative_lost
            reception.jitter = block.jitter
            if block.last_sender_report:
                self._uplink.round_trips.echoed(block.last_sender_report, block.delay_since_last, now)

    def _read_goodbye(self, raw: rtcp.RawRtcp, now: float) -> None:
        for ssrc in rtcp.parse_goodbye(raw).ssrcs:
            self._streams.forget(ssrc)

    def _read_transport_feedback(self, raw: rtcp.RawRtcp, now: float) -> None:
        if raw.item_count == feedback.TRANSPORT_CC_FORMAT:
            self._rates.feedback(parse_transport_feedback(raw), now)
            return
        if raw.item_count != feedback.NACK_FORMAT:
            return
        nack = feedback.parse_nack(raw)
        track = self._outbound.get(nack.media_ssrc)
        if track is None:
            return
        self.nacks_received += len(nack.sequence_numbers)
        for sequence_number in nack.sequence_numbers:
            track.resend(sequence_number, now, self._uplink.round_trip)

    def _read_payload_feedback(self, raw: rtcp.RawRtcp, now: float) -> None:
        if raw.item_count == feedback.PLI_FORMAT:
            self._pass_key_frame_request(feedback.parse_pli(raw).media_ssrc, now)
        elif raw.item_count == feedback.FIR_FORMAT:
            for ssrc, _ in feedback.parse_fir(raw).requests:
                self._pass_key_frame_request(ssrc, now)
        elif feedback.is_remb(raw):
            self.estimate_bps = feedback.parse_remb(raw).bitrate_bps
            self._rates.remb(self.estimate_bps, now)

    def _pass_key_frame_request(self, ssrc: int, now: float) -> None:
        track = self._outbound.get(ssrc)
        self.key_frames_wanted += track is not None
        if track is not None and track.source is not None:
            track.source.want_key_frame(now)


_READERS: dict[int, Callable[[RtcpInput, rtcp.RawRtcp, float], None]] = {
    rtcp.SENDER_REPORT: RtcpInput._read_sender_report,
    rtcp.RECEIVER_REPORT: RtcpInput._read_receiver_report,
    rtcp.GOODBYE: RtcpInput._read_goodbye,
    rtcp.TRANSPORT_FEEDBACK: RtcpInput._read_transport_feedback,
    rtcp.PAYLOAD_FEEDBACK: RtcpInput._read_payload_feedback,
}
