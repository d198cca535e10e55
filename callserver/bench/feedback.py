"""What a synthetic page tells the server about arrivals: transport-wide feedback and report blocks."""

import struct

from media.wire import rtcp
from media.wire.ntp import middle_bits
from media.wire.transport_cc import TransportFeedback, build_transport_feedback

_RTP = struct.Struct("!BBHII")
_SEQUENCE = struct.Struct("!H")
_TICK = 250_000
_REFERENCE = 64_000_000
_MOST = 2000
"""Statuses in one feedback; a page that was stopped for long says less."""


class _Source:
    """One incoming stream."""

    __slots__ = ("cc_at", "cycles", "highest", "lost", "lost_told", "report_at", "report_time", "ssrc", "told")

    def __init__(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self.highest = sequence
        self.cycles = 0
        self.cc_at = -1
        """Where in a packet the transport-wide sequence number stood last; 0: nowhere."""
        self.report_time = 0
        self.report_at = 0
        self.lost = self.lost_told = 0
        self.told = sequence
        """The highest number of the last report."""

    @property
    def extended(self) -> int:
        return self.cycles | self.highest

    def fraction_lost(self) -> int:
        """In 1/256, since the last call (RFC 3550 §6.4.1)."""
        expected, lost = self.extended - self.told, self.lost - self.lost_told
        self.told, self.lost_told = self.extended, self.lost
        return min(255, lost * 256 // expected) if expected > 0 else 0


class Reception:
    """Arrivals at one page."""

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._sources: dict[int, _Source] = {}
        self._arrivals: list[tuple[int, int]] = []
        self._count = 0
        self._after: int | None = None
        """What feedback spoke of last."""

    def lose(self, ssrc: int, payload_type: int) -> None:
        """A packet did not arrive: its place in the feedback stays empty."""
        source = self._sources.get(payload_type)
        if source is not None and source.ssrc == ssrc:
            source.lost += 1

    def ssrc_of(self, payload_type: int) -> int | None:
        """Whose packets of this type arrive."""
        source = self._sources.get(payload_type)
        return None if source is None else source.ssrc

    def record(self, view: memoryview, start: int, payload_type: int, cc_tag: int, arrived: int) -> None:
        """Note a media packet that starts at `view[start]`; `cc_tag` is the first byte of the extension element."""
        _, _, sequence, _, ssrc = _RTP.unpack_from(view, start)
        source = self._sources.get(payload_type)
        if source is None or source.ssrc != ssrc:
            source = self._sources[payload_type] = _Source(ssrc, sequence)
        ahead = (sequence - source.highest) & 0xFFFF
        if 0 < ahead < 0x8000:
            if sequence < source.highest:
                source.cycles += 0x10000
            source.highest = sequence
        at = source.cc_at
        if at < 0 or (at and view[start + at - 1] != cc_tag):
            at = source.cc_at = _find(view, start, cc_tag)
        if at and len(self._arrivals) < _MOST:
            self._arrivals.append((_SEQUENCE.unpack_from(view, start + at)[0], arrived))

    def transport_feedback(self) -> bytes | None:
        """Feedback about everything since the last one; None if nothing arrived."""
        arrivals, self._arrivals = self._arrivals, []
        if not arrivals:
            return None
        base = arrivals[0][0]
        by_place = {((sequence - base + 0x8000) & 0xFFFF) - 0x8000: at // _TICK for sequence, at in arrivals}
        first, last = min(by_place), max(by_place)
        if last - first >= _MOST:
            return None
        reference = by_place[first] // (_REFERENCE // _TICK)
        if self._after is not None:  # what was lost right before is told now
            first -= min((base + first - self._after - 1) & 0xFFFF, _MOST - 1 - (last - first))
        self._after = base + last & 0xFFFF
        before = reference * (_REFERENCE // _TICK)
        deltas: list[int | None] = []
        for place in range(first, last + 1):
            at = by_place.get(place)
            deltas.append(None if at is None else at - before)
            before = before if at is None else at
        self._count += 1
        return build_transport_feedback(
            TransportFeedback(
                sender_ssrc=self._ssrc,
                media_ssrc=0,
                base_sequence=(base + first) & 0xFFFF,
                reference_time=reference & 0x7FFFFF,
                feedback_count=self._count & 0xFF,
                deltas=tuple(deltas),
            )
        )

    def sender_report(self, report: rtcp.SenderReport, arrived: int) -> None:
        """Note the server's report, so that it can measure its round trip (RFC 3550 §6.4.1)."""
        for source in self._sources.values():
            if source.ssrc == report.ssrc:
                source.report_time = middle_bits(report.ntp_time)
                source.report_at = arrived

    def report_blocks(self, now: int) -> tuple[rtcp.ReportBlock, ...]:
        """Report blocks of all streams; the loopback loses nothing but what `lose` was told."""
        return tuple(
            rtcp.ReportBlock(
                ssrc=source.ssrc,
                fraction_lost=source.fraction_lost(),
                cumulative_lost=source.lost,
                highest_sequence=source.extended,
                jitter=0,
                last_sender_report=source.report_time,
                delay_since_last=(now - source.report_at) * 65536 // 1_000_000_000 if source.report_time else 0,
            )
            for source in self._sources.values()
        )


def _find(view: memoryview, start: int, cc_tag: int) -> int:
    """Where the transport-wide sequence number stands, counted from the packet's start; 0 if there is none."""
    if not view[start] & 0x10 or int.from_bytes(view[start + 12 : start + 14]) != 0xBEDE:
        return 0
    at = start + 16
    end = at + 4 * int.from_bytes(view[start + 14 : start + 16])
    while at < end:
        tag = view[at]
        if tag == cc_tag:
            return at + 1 - start
        at += 1 if tag == 0 else 2 + (tag & 0x0F)
    return 0
