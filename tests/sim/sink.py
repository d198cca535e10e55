"""What a synthetic page hears and sees: streams put in order again, gaps asked for, reports written."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from media.api import Kind
from media.units import AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ
from media.wire.ntp import middle_bits
from media.wire.rtcp import ReceiverReport, ReportBlock, SenderReport, build_receiver_report
from media.wire.rtcp_feedback import build_nack, build_pli
from media.wire.rtp import RtpPacket
from media.wire.serial import unwrap16, unwrap32
from media.wire.vp8 import parse_descriptor


class Frame(NamedTuple):
    number: int
    key: bool
    timestamp: int
    completed: float


@dataclass
class Sink:
    """One SSRC we receive. Numbers and timestamps are unwrapped."""

    kind: Kind
    ssrc: int
    packets: dict[int, tuple[float, RtpPacket]] = field(default_factory=dict)
    """By extended sequence number: when it first came, and the packet."""
    highest: int = -1
    gaps: set[int] = field(default_factory=set)
    """Extended numbers between the first and the highest that did not come yet."""
    duplicates: int = 0
    conflicts: int = 0
    """Two different packets under one number: nothing worse can happen."""
    reports: list[tuple[float, SenderReport]] = field(default_factory=list)
    asked: dict[int, tuple[float, int]] = field(default_factory=dict)
    jitter: float = 0.0
    """Units of the timestamp (RFC 3550 §6.4.1)."""
    _transit: float | None = None
    _lowest: int = 0

    def receive(self, packet: RtpPacket, now: float) -> None:
        extended = unwrap16(packet.sequence_number, self.highest) if self.packets else 0x10000 + packet.sequence_number
        if extended in self.packets:
            self.duplicates += 1
            self.conflicts += self.packets[extended][1].payload != packet.payload
            return
        self._note(extended)
        self.packets[extended] = (now, packet)
        if extended > self.highest:
            self._measure(packet, now)
        self.highest = max(self.highest, extended)

    def _note(self, extended: int) -> None:
        if not self.packets:
            self._lowest = extended
        elif extended > self.highest:
            self.gaps.update(range(self.highest + 1, extended))
        else:
            self.gaps.update(range(extended + 1, self._lowest))
            self.gaps.discard(extended)
            self._lowest = min(self._lowest, extended)

    def _measure(self, packet: RtpPacket, now: float) -> None:
        clock_hz = AUDIO_CLOCK_HZ if self.kind is Kind.AUDIO else VIDEO_CLOCK_HZ
        transit = now * clock_hz - packet.timestamp
        if self._transit is not None and abs(transit - self._transit) < clock_hz:
            self.jitter += (abs(transit - self._transit) - self.jitter) / 16
        self._transit = transit

    def missing(self) -> list[int]:
        """Extended numbers between the first and the highest that never came."""
        return sorted(self.gaps)

    def in_order(self) -> list[RtpPacket]:
        return [self.packets[number][1] for number in sorted(self.packets)]

    def timestamps(self) -> list[int]:
        """Unwrapped, in order of sequence numbers."""
        values: list[int] = []
        for packet in self.in_order():
            values.append(unwrap32(packet.timestamp, values[-1]) if values else packet.timestamp)
        return values

    def words(self) -> list[int]:
        """The numbers of the audio payloads heard, in order."""
        return [int.from_bytes(packet.payload[4:8]) for packet in self.in_order()]

    def frames(self) -> list[Frame]:
        """Complete video frames in order."""
        found: list[Frame] = []
        parts: dict[tuple[int, int], list[tuple[float, RtpPacket]]] = {}
        for number in sorted(self.packets):
            time, packet = self.packets[number]
            at = parse_descriptor(packet.payload, 0, len(packet.payload)).size
            frame = int.from_bytes(packet.payload[at + 3 : at + 7])
            group = parts.setdefault((frame, packet.timestamp), [])
            group.append((time, packet))
            if len(group) == packet.payload[at + 2]:
                completed = max(when for when, _ in group)
                found.append(Frame(frame, not packet.payload[at] & 1, packet.timestamp, completed))
        return found

    def decodable(self) -> list[Frame]:
        """Complete frames whose predecessors back to a key frame are complete."""
        shown: list[Frame] = []
        for frame in self.frames():
            if frame.key or (shown and shown[-1].number == frame.number - 1):
                shown.append(frame)
        return shown

    def ask(self, send: Callable[[bytes], None], now: float, round_trip: float) -> None:
        """NACK what is missing, again after a round trip, ten times at most."""
        due = []
        for number in self.missing()[-500:]:
            last, tries = self.asked.get(number, (float("-inf"), 0))
            if now - last > round_trip and tries < 10:
                self.asked[number] = (now, tries + 1)
                due.append(number & 0xFFFF)
        for at in range(0, len(due), 64):
            send(build_nack(1, self.ssrc, due[at : at + 64]))

    def ask_key_frame(self, send: Callable[[bytes], None]) -> None:
        send(build_pli(1, self.ssrc))

    def report(self, send: Callable[[bytes], None], now: float) -> None:
        """A receiver report that echoes the last sender report."""
        last, delay = 0, 0
        if self.reports:
            arrived, report = self.reports[-1]
            last, delay = middle_bits(report.ntp_time), round((now - arrived) * 65536)
        block = ReportBlock(
            self.ssrc, 0, len(self.missing()), self.highest & 0xFFFFFFFF, round(self.jitter), last, delay
        )
        send(build_receiver_report(ReceiverReport(1, (block,))))
