"""What one synthetic page sends and counts: 120 video packets of 1100 B and 50 audio packets of 100 B a second.

Packets are written over the slot they leave from: header and payload descriptor are right, the rest is what was
there (nothing decodes it). Each carries the time it was written; a sample of those that come back is decrypted.
"""

import random
import struct

from callserver.bench import BenchError
from callserver.bench.answer import Section
from callserver.bench.feedback import Reception
from callserver.bench.peer import Peer
from media.io.arena import HEADROOM
from media.wire import rtcp, rtcp_feedback
from media.wire.buffer import PacketBuffer

VIDEO_BYTES = 1100
AUDIO_BYTES = 100
VIDEO_PACKETS_A_FRAME = 4
VIDEO_FRAMES = 30
AUDIO_PACKETS = 50
SAMPLE = 16
"""One of so many received packets is decrypted for its latency."""

START_BPS = 300_000
"""What a browser begins with; then it follows the server's word until it has its full rate."""
FULL_BPS = 8 * (VIDEO_PACKETS_A_FRAME * VIDEO_FRAMES * (VIDEO_BYTES + 60) + AUDIO_PACKETS * (AUDIO_BYTES + 60))
"""All of our traffic with what the lower layers add."""

_KEPT = 120
"""Video packets that can be sent again: a second's."""

_ASKED = 16
"""Packets asked for at once."""

_WITH_MID = 50
"""So many packets of each stream carry their mid, as a browser's do until it has heard a report."""

_HEADER = "!BBHIIHH"
_VIDEO = struct.Struct(_HEADER + "BHBBHx" + "BBHBB10sQ")
_VIDEO_MID = struct.Struct(_HEADER + "BHBBHBcxxx" + "BBHBB10sQ")
_AUDIO = struct.Struct(_HEADER + "BHBBHBBxxx" + "BQ")
_AUDIO_MID = struct.Struct(_HEADER + "BHBBHBBBcx" + "BQ")
_RTX = struct.Struct(_HEADER + "BHBBHx" + "HBBHBB10sQ")
_STAMP = struct.Struct("!Q")
_VIDEO_STAMP_AT = 16
_AUDIO_STAMP_AT = 1

_KEY_FRAME = bytes.fromhex("10 02 00 9d 01 2a 80 02 e0 01")
"""Frame tag of a key frame, start code, 640x480 (RFC 6386 §9.1)."""
_INTER_FRAME = bytes.fromhex("11 02 00 00 00 00 00 00 00 00")
_OPUS_TOC = 0x78
"""Hybrid fullband, one frame of 20 ms (RFC 6716 §3.1)."""


class Traffic:
    """One leg. The methods are called some ten thousand times a second: no objects, no loops."""

    def __init__(self, peer: Peer, loss: float = 0.0) -> None:
        """`loss`: the part of what arrives that is treated as lost."""
        self.peer = peer
        self._loss = loss
        self._chance = random.Random(peer.host)  # noqa: S311 - losses, the same in every run
        self._missing: list[int] = []
        self.protected = 0
        """Parity packets, and packets of voice with copies."""
        self.sent = 0
        self.received = 0
        self.retransmitted = 0
        """Retransmissions received."""
        self.nacks = 0
        self.resent = 0
        self.allowed_bps = START_BPS
        """What the server told us to stay under (REMB)."""
        """Video packets the server asked for again."""
        self.key_frames = 0
        self.latencies: list[int] = []
        """Nanoseconds from writing a packet to its arrival."""
        self.arrived = Reception(peer.sources.audio)
        audio, video = (self._line(peer, kind) for kind in ("audio", "video"))
        self._audio_pt, self._video_pt = audio.codecs["opus"], video.codecs["vp8"]
        self._rtx_pt = video.codecs["rtx"]
        self._red_pt, self._parity_pt = audio.codecs.get("red"), self._taken(peer, "flexfec-03")
        extensions = audio.extensions | video.extensions
        try:
            self._cc = extensions["draft-holmer-rmcat-transport-wide-cc-extensions-01"] << 4 | 1
            self._abs = extensions["abs-send-time"] << 4 | 2
            self._level = extensions["ssrc-audio-level"] << 4
            self._mid = extensions["mid"] << 4
        except KeyError as error:
            raise BenchError(f"the worker's offer lacks the header extension {error}") from error
        self._audio_mid, self._video_mid = audio.mid.encode(), video.mid.encode()
        self._credit = 0.0
        self._transport_sequence = 0
        self._rtx_sequence = 0
        self._audio_packets = 0
        self._video_packets = 0
        self._frame_is_key = True
        self._key_wanted = False

    @staticmethod
    def _line(peer: Peer, kind: str) -> Section:
        for section in peer.facts.sections:
            if section.kind == kind and section.receiving:
                return section
        raise BenchError(f"the worker's offer takes no {kind}")

    @staticmethod
    def _taken(peer: Peer, codec: str) -> int | None:
        return next((section.codecs[codec] for section in peer.facts.sections if codec in section.codecs), None)

    @property
    def at_full_rate(self) -> bool:
        """Whether nothing holds our video back."""
        return self.allowed_bps >= FULL_BPS

    def video_due(self) -> bool:
        """Whether the video packet whose turn it is may go: below the full rate only so many do."""
        if self.allowed_bps >= FULL_BPS:
            return True
        self._credit += max(0.05, self.allowed_bps / FULL_BPS)
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    def write_video(self, slot: PacketBuffer, now: int, abs_send_time: int) -> None:
        """Write and encrypt the next video packet; `now` in nanoseconds."""
        n = self._video_packets
        self._video_packets = n + 1
        frame, part = divmod(n, VIDEO_PACKETS_A_FRAME)
        if part == 0:
            self._frame_is_key, self._key_wanted = n == 0 or self._key_wanted, False
            self.key_frames += self._frame_is_key
        content = _INTER_FRAME if part or not self._frame_is_key else _KEY_FRAME
        second = self._video_pt | (0x80 if part == VIDEO_PACKETS_A_FRAME - 1 else 0)
        head = (second, n & 0xFFFF, frame * 3000 & 0xFFFFFFFF, self.peer.sources.video, 0xBEDE)
        descriptor = (0x80 if part else 0x90, 0xE0, 0x8000 | frame & 0x7FFF, frame & 0xFF, 0, content, now)
        common = (self._cc, self._next_transport(), self._abs, abs_send_time >> 16, abs_send_time & 0xFFFF)
        if n >= _WITH_MID:
            _VIDEO.pack_into(slot.view, HEADROOM, 0x90, *head, 2, *common, *descriptor)
        else:
            _VIDEO_MID.pack_into(slot.view, HEADROOM, 0x90, *head, 3, *common, self._mid, self._video_mid, *descriptor)
        self._seal(slot, VIDEO_BYTES)

    def write_audio(self, slot: PacketBuffer, now: int, abs_send_time: int) -> None:
        """Write and encrypt the next audio packet; `now` in nanoseconds."""
        n = self._audio_packets
        self._audio_packets = n + 1
        head = (self._audio_pt, n & 0xFFFF, n * 960 & 0xFFFFFFFF, self.peer.sources.audio, 0xBEDE, 3)
        common = (self._cc, self._next_transport(), self._abs, abs_send_time >> 16, abs_send_time & 0xFFFF)
        level = (self._level, 0x80 | 30)
        if n >= _WITH_MID:
            _AUDIO.pack_into(slot.view, HEADROOM, 0x90, *head, *common, *level, _OPUS_TOC, now)
        else:
            mid = (self._mid, self._audio_mid)
            _AUDIO_MID.pack_into(slot.view, HEADROOM, 0x90, *head, *common, *level, *mid, _OPUS_TOC, now)
        self._seal(slot, AUDIO_BYTES)

    def _next_transport(self) -> int:
        self._transport_sequence = sequence = (self._transport_sequence + 1) & 0xFFFF
        return sequence

    def _seal(self, slot: PacketBuffer, length: int) -> None:
        slot.start = HEADROOM
        slot.end = HEADROOM + length
        assert self.peer.cipher is not None
        if self.peer.cipher.protect_rtp(slot):
            raise BenchError("a packet could not be encrypted")
        self.sent += 1

    def receive(self, packet: PacketBuffer, arrived: int) -> None:
        """Take a datagram of this leg; `arrived` in nanoseconds of the wall clock."""
        view, start = packet.view, packet.start
        if view[start] < 128:
            self.peer.receive(packet)
            return
        second = view[start + 1]
        if 192 <= second <= 223:
            self._receive_control(packet, arrived)
            return
        payload_type = second & 0x7F
        # Probes and retransmissions are told in feedback too: what is not told counts as lost.
        if self._loss and self._chance.random() < self._loss:
            self._lose(packet, payload_type)
        else:
            self.arrived.record(view, start, payload_type, self._cc, arrived)
            if self._missing and payload_type == self._video_pt:
                self._ask()
        if payload_type == self._video_pt:
            stamp_at = _VIDEO_STAMP_AT
        elif payload_type == self._audio_pt:
            stamp_at = _AUDIO_STAMP_AT
        else:
            self._receive_other(payload_type)
            return
        self.received += 1
        if self.received % SAMPLE == 0:
            self._measure(packet, stamp_at, arrived)

    def _receive_other(self, payload_type: int) -> None:
        if payload_type == self._rtx_pt:
            self.retransmitted += 1
        elif payload_type == self._red_pt:
            self.received += 1
            self.protected += 1
        elif payload_type == self._parity_pt:
            self.protected += 1

    def _lose(self, packet: PacketBuffer, payload_type: int) -> None:
        """Treat the packet as lost; a picture's is missed when the next of them comes."""
        view, start = packet.view, packet.start
        self.arrived.lose(int.from_bytes(view[start + 8 : start + 12]), payload_type)
        if payload_type == self._video_pt:
            self._missing.append(view[start + 2] << 8 | view[start + 3])
        elif payload_type == self._rtx_pt and not view[start] & 0x20:  # padded ones are probes
            assert self.peer.cipher is not None
            if not self.peer.cipher.unprotect_rtp(packet):
                at = start + 12 + (4 + 4 * int.from_bytes(view[start + 14 : start + 16]) if view[start] & 0x10 else 0)
                self._missing.append(view[at] << 8 | view[at + 1])

    def _ask(self) -> None:
        """Ask for the pictures' packets that are missing (RFC 4585 §6.2.1)."""
        missing, self._missing = self._missing, []
        source = self.arrived.ssrc_of(self._video_pt)
        if source is not None:
            self._send_control(rtcp_feedback.build_nack(self.peer.sources.video, source, missing[:_ASKED]))

    def _measure(self, packet: PacketBuffer, stamp_at: int, arrived: int) -> None:
        assert self.peer.cipher is not None
        if self.peer.cipher.unprotect_rtp(packet):
            raise BenchError("a forwarded packet does not decrypt")
        view, at = packet.view, packet.start + 12
        if view[packet.start] & 0x10:
            at += 4 + 4 * int.from_bytes(view[at + 2 : at + 4])
        stamp = _STAMP.unpack_from(view, at + stamp_at)[0]
        if stamp:  # 0 in what was sent again: late by nature
            self.latencies.append(arrived - stamp)

    def _receive_control(self, packet: PacketBuffer, arrived: int) -> None:
        assert self.peer.cipher is not None
        if self.peer.cipher.unprotect_rtcp(packet):
            raise BenchError("an RTCP packet of the worker does not decrypt")
        for part in rtcp.split_compound(packet.tobytes()):
            kind = (part.packet_type, part.item_count)
            if part.packet_type == rtcp.SENDER_REPORT:
                self.arrived.sender_report(rtcp.parse_sender_report(part), arrived)
            elif kind in _KEY_FRAME_REQUESTS:
                self._key_wanted = True
            elif part.packet_type == rtcp.PAYLOAD_FEEDBACK and rtcp_feedback.is_remb(part):
                self.allowed_bps = rtcp_feedback.parse_remb(part).bitrate_bps
            elif kind == (rtcp.TRANSPORT_FEEDBACK, rtcp_feedback.NACK_FORMAT):
                self._answer(rtcp_feedback.parse_nack(part))

    def _answer(self, nack: rtcp_feedback.GenericNack) -> None:
        """Send again what the server misses of our video (RFC 4588), as a browser does: not what is a second old."""
        self.nacks += 1
        if nack.media_ssrc != self.peer.sources.video:
            return
        newest = self._video_packets - 1
        for sequence_number in nack.sequence_numbers:
            n = newest - ((newest - sequence_number) & 0xFFFF)
            if n >= 0 and newest - n < _KEPT:
                self._send_again(n)

    def _send_again(self, n: int) -> None:
        self.resent += 1
        self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
        frame, part = divmod(n, VIDEO_PACKETS_A_FRAME)
        second = self._rtx_pt | (0x80 if part == VIDEO_PACKETS_A_FRAME - 1 else 0)
        head = (second, self._rtx_sequence, frame * 3000 & 0xFFFFFFFF, self.peer.sources.rtx, 0xBEDE, 2)
        descriptor = (0x80 if part else 0x90, 0xE0, 0x8000 | frame & 0x7FFF, frame & 0xFF, 0, _INTER_FRAME, 0)
        slot = self.peer.port.slot()
        _RTX.pack_into(
            slot.view, HEADROOM, 0x90, *head, self._cc, self._next_transport(), self._abs, 0, 0, n & 0xFFFF, *descriptor
        )
        slot.start = HEADROOM
        slot.end = HEADROOM + VIDEO_BYTES + 2
        assert self.peer.cipher is not None
        self.peer.cipher.protect_rtp(slot)
        self.peer.port.queue(self.peer.host)

    def send_feedback(self) -> None:
        """Queue transport-wide feedback about what arrived, as a browser does every 100 ms or so."""
        data = self.arrived.transport_feedback()
        if data is not None:
            self._send_control(data)

    def send_reports(self, now: int) -> None:
        """Queue sender reports with report blocks, once a second."""
        ntp_time = rtcp_time(now)
        reports = (
            (self.peer.sources.audio, self._audio_packets * 960, self._audio_packets, AUDIO_BYTES),
            (self.peer.sources.video, self._video_packets // 4 * 3000, self._video_packets, VIDEO_BYTES),
        )
        data = b""
        for ssrc, timestamp, count, size in reports:
            blocks = self.arrived.report_blocks(now) if not data else ()
            report = rtcp.SenderReport(ssrc, ntp_time, timestamp & 0xFFFFFFFF, count, count * size & 0xFFFFFFFF, blocks)
            data += rtcp.build_sender_report(report)
        self._send_control(data)

    def _send_control(self, data: bytes) -> None:
        port = self.peer.port
        slot = port.slot()
        slot.start = HEADROOM
        slot.end = HEADROOM + len(data)
        slot.view[HEADROOM : slot.end] = data
        assert self.peer.cipher is not None
        self.peer.cipher.protect_rtcp(slot)
        port.queue(self.peer.host)


_KEY_FRAME_REQUESTS = {
    (rtcp.PAYLOAD_FEEDBACK, rtcp_feedback.PLI_FORMAT),
    (rtcp.PAYLOAD_FEEDBACK, rtcp_feedback.FIR_FORMAT),
}


def rtcp_time(now: int) -> int:
    """64-bit NTP timestamp of a wall clock in nanoseconds (RFC 5905 §6)."""
    seconds, nanoseconds = divmod(now, 1_000_000_000)
    return (seconds + 2_208_988_800) << 32 | (nanoseconds << 32) // 1_000_000_000
