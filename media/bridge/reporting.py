"""What a leg reports to its page: RR and REMB about what it sends us, SR and SDES about what we send it."""

from collections.abc import Iterable, Iterator

from media.bridge.audio import AudioTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.streams import InboundStreams
from media.bridge.uplink import Uplink
from media.bridge.video import VideoTrack
from media.wire import rtcp
from media.wire.ntp import middle_bits
from media.wire.rtcp_feedback import ReceiverEstimate, build_remb

REPORT_INTERVAL = 1.0
_SENDING = 2 * REPORT_INTERVAL
"""RFC 3550 §6.4: who sent since the report before the last one is a sender."""

MAX_PACKET_BYTES = 1200

MODERATE = 0.15
TOLD = 0.5

_VOICE_BPS = 80_000
"""REMB caps voice and pictures together; voice takes its share first."""
_REMB_HEADROOM = 1.05
"""A source that may send a little more than fits shows the pacer what is wanted."""


class Reporter:
    """Builds one leg's compound reports."""

    def __init__(self, uplink: Uplink, streams: InboundStreams, outbound: tuple[OutboundTrack, ...]) -> None:
        self._uplink = uplink
        self._streams = streams
        self._outbound = outbound

    def report(self, now: float, ntp_time: int) -> bytes:
        """One compound: a report a sending stream (or one RR), SDES, and REMB once there is video."""
        blocks = tuple(self._blocks(now))
        senders = tuple(track for track in self._outbound if now - track.last_sent < _SENDING)
        parts: list[bytes] = []
        for track in senders:
            parts.append(_sender_report(track, now, ntp_time, blocks))
            blocks = ()
        if senders:
            self._uplink.round_trips.report_sent(ntp_time, now)
        else:
            parts.append(rtcp.build_receiver_report(rtcp.ReceiverReport(self._uplink.sender_ssrc, blocks)))
        ssrcs = tuple(track.slot.ssrc for track in senders) or (self._uplink.sender_ssrc,)
        parts.append(self._uplink.description(ssrcs))
        return b"".join(parts) + self._remb(now)

    def _blocks(self, now: float) -> Iterator[rtcp.ReportBlock]:
        for ssrc, stream in self._streams.by_ssrc.items():
            if stream.statistics.expected:
                clock = stream.clock
                told = self._told()
                block = stream.statistics.report(ssrc, middle_bits(clock.last_ntp_time), clock.report_delay(now), told)
                yield _of_whole_path(block, stream) if isinstance(stream, AudioTrack) else block

    def _told(self) -> float:
        """How much of its loss a page hears of. By it libwebrtc chooses how much parity it sends with its pictures
        (fec_controller_default.cc), more than is needed beside retransmission while the loss is moderate."""
        loss = self._uplink.loss
        return TOLD if loss.limit_bps is None and loss.loss < MODERATE else 1.0

    def _remb(self, now: float) -> bytes:
        parameters = self._uplink.parameters
        ssrcs: list[int] = []
        limit = float("inf")
        for track in self._streams.tracks:
            if isinstance(track, VideoTrack) and track.ssrc is not None and track.statistics.packets:
                ssrcs += [ssrc for ssrc in (track.ssrc, track.rtx.ssrc) if ssrc is not None]
                limit = min(limit, track.estimate_for_page(now))
        if not parameters.remb or not ssrcs:
            return b""
        total = round(min(_REMB_HEADROOM * limit + _VOICE_BPS, parameters.max_video_bps))
        return build_remb(ReceiverEstimate(self._uplink.sender_ssrc, total, tuple(ssrcs)))

    def goodbye(self) -> bytes:
        """The last compound: BYE for everything we ever sent, or for ourselves."""
        ssrcs = tuple(track.slot.ssrc for track in self._outbound if track.packets_sent)[: rtcp.MAX_REPORT_BLOCKS]
        ssrcs = ssrcs or (self._uplink.sender_ssrc,)
        empty = rtcp.build_receiver_report(rtcp.ReceiverReport(ssrcs[0]))
        return empty + self._uplink.description(ssrcs[:1]) + rtcp.build_goodbye(rtcp.Goodbye(ssrcs))


def _sender_report(track: OutboundTrack, now: float, ntp_time: int, blocks: tuple[rtcp.ReportBlock, ...]) -> bytes:
    packets, octets = track.packets_sent & 0xFFFFFFFF, track.octets_sent & 0xFFFFFFFF
    return rtcp.build_sender_report(
        rtcp.SenderReport(track.slot.ssrc, ntp_time, track.timestamp_at(now), packets, octets, blocks)
    )


def _of_whole_path(block: rtcp.ReportBlock, track: AudioTrack) -> rtcp.ReportBlock:
    """Voice is told what is lost on all its way, before repair: that switches on its encoder's own error correction
    (libwebrtc sets Opus in-band FEC by the loss in receiver reports), which the last listener can use."""
    far = max((subscriber.downlink.loss for subscriber in track.forwarder.subscribers), default=0.0)
    arriving = (1.0 - track.statistics.fraction_lost) * (1.0 - far)
    return block._replace(fraction_lost=min(255, round(256 * (1.0 - arriving))))


def packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Join reduced-size packets into as few datagrams as fit."""
    joined = b""
    for part in parts:
        if joined and len(joined) + len(part) > MAX_PACKET_BYTES:
            yield joined
            joined = b""
        joined += part
    if joined:
        yield joined
