"""RTCP compound packets: splitting, and the report packets of RFC 3550 §6. Feedback is in `rtcp_feedback`."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from media.errors import WireError

MAX_RTCP_BYTES = 1500
MAX_PACKETS = 64
MAX_REPORT_BLOCKS = 31

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206

_HEADER = struct.Struct("!BBH")
_SENDER_INFO = struct.Struct("!IQIII")
_BLOCK = struct.Struct("!IIIIII")
_CNAME = 1


class RawRtcp(NamedTuple):
    """One packet of a compound: `item_count` is the five-bit count or format field, `body` all behind the header."""

    packet_type: int
    item_count: int
    body: bytes


class ReportBlock(NamedTuple):
    """RFC 3550 §6.4.1. `fraction_lost` in 1/256, `jitter` in clock units, delays in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    cumulative_lost: int
    """Signed, 24 bits."""
    highest_sequence: int
    jitter: int
    last_sender_report: int = 0
    delay_since_last: int = 0


class SenderReport(NamedTuple):
    ssrc: int
    ntp_time: int
    """64-bit NTP timestamp."""
    rtp_timestamp: int
    packet_count: int
    octet_count: int
    blocks: tuple[ReportBlock, ...] = ()


class ReceiverReport(NamedTuple):
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()


class SourceDescription(NamedTuple):
    """Canonical names by SSRC; other items are not kept."""

    names: tuple[tuple[int, bytes], ...]


class Goodbye(NamedTuple):
    ssrcs: tuple[int, ...]


def is_rtcp(data: bytes | bytearray | memoryview) -> bool:
    """Whether a datagram that looks like RTP is RTCP (RFC 5761 §4)."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def split_compound(data: bytes) -> Iterator[RawRtcp]:
    """The packets of a compound or reduced-size packet (RFC 5506); raise WireError at the first that is broken."""
    if len(data) > MAX_RTCP_BYTES:
        raise WireError("RTCP is too long")
    if len(data) < _HEADER.size:
        raise WireError("RTCP is too short")
    at = 0
    for _ in range(MAX_PACKETS):
        if len(data) - at < _HEADER.size:
            raise WireError("RTCP header is cut short")
        first, packet_type, words = _HEADER.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or not 192 <= packet_type <= 223 or end > len(data):
            raise WireError("RTCP header is wrong")
        body_end = end
        if first & 0x20:
            padding = data[end - 1]
            if not 0 < padding <= end - at - 4:
                raise WireError("RTCP padding leaves the packet")
            body_end -= padding
        yield RawRtcp(packet_type, first & 0x1F, data[at + 4 : body_end])
        at = end
        if at == len(data):
            return
    raise WireError("RTCP compound has too many packets")


def build_rtcp(packet_type: int, count: int, body: bytes) -> bytes:
    """One RTCP packet; `body` must be a multiple of four bytes."""
    if len(body) % 4 or not 0 <= count <= 31:
        raise WireError("RTCP body or count does not fit")
    return _HEADER.pack(0x80 | count, packet_type, len(body) // 4) + body


def parse_sender_report(raw: RawRtcp) -> SenderReport:
    """RFC 3550 §6.4.1; raise WireError if cut short."""
    if len(raw.body) < _SENDER_INFO.size:
        raise WireError("sender report is cut short")
    ssrc, ntp_time, rtp_timestamp, packets, octets = _SENDER_INFO.unpack_from(raw.body)
    return SenderReport(ssrc, ntp_time, rtp_timestamp, packets, octets, _parse_blocks(raw, _SENDER_INFO.size))


def parse_receiver_report(raw: RawRtcp) -> ReceiverReport:
    """RFC 3550 §6.4.2; raise WireError if cut short."""
    if len(raw.body) < 4:
        raise WireError("receiver report is cut short")
    return ReceiverReport(int.from_bytes(raw.body[:4]), _parse_blocks(raw, 4))


def _parse_blocks(raw: RawRtcp, at: int) -> tuple[ReportBlock, ...]:
    if len(raw.body) < at + raw.item_count * _BLOCK.size:
        raise WireError("report blocks leave the packet")
    blocks = []
    for index in range(raw.item_count):
        ssrc, loss, highest, jitter, last, delay = _BLOCK.unpack_from(raw.body, at + index * _BLOCK.size)
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last, delay))
    return tuple(blocks)


def build_sender_report(report: SenderReport) -> bytes:
    """The bytes of a sender report; at most 31 blocks."""
    info = _SENDER_INFO.pack(*report[:5])
    return build_rtcp(SENDER_REPORT, len(report.blocks), info + b"".join(map(_build_block, report.blocks)))


def build_receiver_report(report: ReceiverReport) -> bytes:
    """The bytes of a receiver report; at most 31 blocks."""
    blocks = b"".join(map(_build_block, report.blocks))
    return build_rtcp(RECEIVER_REPORT, len(report.blocks), report.ssrc.to_bytes(4) + blocks)


def _build_block(block: ReportBlock) -> bytes:
    loss = block.fraction_lost << 24 | block.cumulative_lost & 0xFFFFFF
    return _BLOCK.pack(
        block.ssrc, loss, block.highest_sequence, block.jitter, block.last_sender_report, block.delay_since_last
    )


def parse_source_description(raw: RawRtcp) -> SourceDescription:
    """RFC 3550 §6.5; raise WireError where chunks or items leave the packet."""
    names: list[tuple[int, bytes]] = []
    at = 0
    for _ in range(raw.item_count):
        if at + 4 > len(raw.body):
            raise WireError("SDES chunk is cut short")
        ssrc = int.from_bytes(raw.body[at : at + 4])
        at += 4
        while at < len(raw.body) and raw.body[at]:
            if at + 2 > len(raw.body) or at + 2 + raw.body[at + 1] > len(raw.body):
                raise WireError("SDES item leaves the packet")
            if raw.body[at] == _CNAME:
                names.append((ssrc, raw.body[at + 2 : at + 2 + raw.body[at + 1]]))
            at += 2 + raw.body[at + 1]
        at += 4 - at % 4  # at least one null byte ends a chunk, which is padded to a word
    return SourceDescription(tuple(names))


def build_source_description(description: SourceDescription) -> bytes:
    """One chunk with a CNAME for each SSRC."""
    body = bytearray()
    for ssrc, name in description.names:
        if len(name) > 255:
            raise WireError("CNAME is too long")
        body += ssrc.to_bytes(4) + bytes((_CNAME, len(name))) + name
        body += bytes(4 - len(body) % 4)
    return build_rtcp(SOURCE_DESCRIPTION, len(description.names), bytes(body))


def parse_goodbye(raw: RawRtcp) -> Goodbye:
    """RFC 3550 §6.6; the reason is not kept."""
    if len(raw.body) < 4 * raw.item_count:
        raise WireError("BYE is cut short")
    return Goodbye(struct.unpack_from(f"!{raw.item_count}I", raw.body))


def build_goodbye(goodbye: Goodbye) -> bytes:
    """BYE for at most 31 sources."""
    return build_rtcp(GOODBYE, len(goodbye.ssrcs), struct.pack(f"!{len(goodbye.ssrcs)}I", *goodbye.ssrcs))
