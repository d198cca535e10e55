"""Feedback packets: NACK and PLI (RFC 4585 §6), FIR (RFC 5104 §4.3.1), REMB (draft-alvestrand-rmcat-remb-03)."""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from media.errors import WireError
from media.wire.rtcp import PAYLOAD_FEEDBACK, TRANSPORT_FEEDBACK, RawRtcp, build_rtcp

NACK_FORMAT = 1
TRANSPORT_CC_FORMAT = 15
PLI_FORMAT = 1
FIR_FORMAT = 4
APPLICATION_FORMAT = 15

MAX_NACK_ENTRIES = 64
"""Of 17 sequence numbers each; more in one packet is refused."""

_SOURCES = struct.Struct("!II")
_NACK = struct.Struct("!HH")
_FIR = struct.Struct("!IB3x")
_REMB_TAG = b"REMB"


class GenericNack(NamedTuple):
    sender_ssrc: int
    media_ssrc: int
    sequence_numbers: tuple[int, ...]


class PictureLoss(NamedTuple):
    sender_ssrc: int
    media_ssrc: int


class FullIntraRequest(NamedTuple):
    """Each request is (media SSRC, command sequence number)."""

    sender_ssrc: int
    requests: tuple[tuple[int, int], ...]


class ReceiverEstimate(NamedTuple):
    """REMB: the sum of what is sent in `ssrcs` should stay under `bitrate_bps`."""

    sender_ssrc: int
    bitrate_bps: int
    ssrcs: tuple[int, ...]


def feedback_sources(raw: RawRtcp) -> tuple[int, int]:
    """The packet sender's and the media source's SSRC that open every feedback body."""
    if len(raw.body) < _SOURCES.size:
        raise WireError("RTCP feedback is cut short")
    sender, media = _SOURCES.unpack_from(raw.body)
    return sender, media


def parse_nack(raw: RawRtcp) -> GenericNack:
    """RFC 4585 §6.2.1; raise WireError for a body that is no list of entries or too long a list."""
    sender, media = feedback_sources(raw)
    size = len(raw.body) - _SOURCES.size
    if size % _NACK.size or not 0 < size <= MAX_NACK_ENTRIES * _NACK.size:
        raise WireError("NACK of a strange size")
    numbers: list[int] = []
    for first, mask in _NACK.iter_unpack(raw.body[_SOURCES.size :]):
        numbers.append(first)
        while mask:
            lowest = mask & -mask
            numbers.append((first + lowest.bit_length()) & 0xFFFF)
            mask ^= lowest
    return GenericNack(sender, media, tuple(numbers))


def build_nack(sender_ssrc: int, media_ssrc: int, sequence_numbers: Iterable[int]) -> bytes:
    """One NACK of the numbers in the order given; neighbours share an entry. At most 64 entries."""
    entries: list[list[int]] = []
    for number in sequence_numbers:
        distance = (number - entries[-1][0]) & 0xFFFF if entries else 0
        if entries and 1 <= distance <= 16:
            entries[-1][1] |= 1 << (distance - 1)
        elif not entries or distance:
            entries.append([number, 0])
    if not 0 < len(entries) <= MAX_NACK_ENTRIES:
        raise WireError("NACK of a strange size")
    body = _SOURCES.pack(sender_ssrc, media_ssrc) + b"".join(_NACK.pack(*entry) for entry in entries)
    return build_rtcp(TRANSPORT_FEEDBACK, NACK_FORMAT, body)


def parse_pli(raw: RawRtcp) -> PictureLoss:
    """RFC 4585 §6.3.1."""
    return PictureLoss(*feedback_sources(raw))


def build_pli(sender_ssrc: int, media_ssrc: int) -> bytes:
    return build_rtcp(PAYLOAD_FEEDBACK, PLI_FORMAT, _SOURCES.pack(sender_ssrc, media_ssrc))


def parse_fir(raw: RawRtcp) -> FullIntraRequest:
    """RFC 5104 §4.3.1.1; raise WireError for a body that is no list of entries."""
    sender, _ = feedback_sources(raw)
    if (len(raw.body) - _SOURCES.size) % _FIR.size or len(raw.body) == _SOURCES.size:
        raise WireError("FIR of a strange size")
    return FullIntraRequest(sender, tuple(_FIR.iter_unpack(raw.body[_SOURCES.size :])))


def build_fir(sender_ssrc: int, requests: Iterable[tuple[int, int]]) -> bytes:
    body = _SOURCES.pack(sender_ssrc, 0) + b"".join(_FIR.pack(ssrc, number & 0xFF) for ssrc, number in requests)
    return build_rtcp(PAYLOAD_FEEDBACK, FIR_FORMAT, body)


def is_remb(raw: RawRtcp) -> bool:
    """Whether application layer feedback is REMB."""
    return raw.item_count == APPLICATION_FORMAT and raw.body[8:12] == _REMB_TAG


def parse_remb(raw: RawRtcp) -> ReceiverEstimate:
    """Draft §2.2: six bits of exponent, 18 of mantissa; raise WireError where the SSRC list leaves the packet."""
    sender, _ = feedback_sources(raw)
    if not is_remb(raw) or len(raw.body) < 16:
        raise WireError("not a REMB")
    count = raw.body[12]
    rate = int.from_bytes(raw.body[13:16])
    if len(raw.body) != 16 + 4 * count:
        raise WireError("REMB sources leave the packet")
    bitrate_bps = (rate & 0x3FFFF) << (rate >> 18)
    return ReceiverEstimate(sender, bitrate_bps, struct.unpack_from(f"!{count}I", raw.body, 16))


def build_remb(estimate: ReceiverEstimate) -> bytes:
    """The bitrate is rounded down to 18 significant bits."""
    exponent = max(0, estimate.bitrate_bps.bit_length() - 18)
    count = len(estimate.ssrcs)
    if exponent > 63 or estimate.bitrate_bps < 0 or count > 255:
        raise WireError("REMB out of range")
    rate = exponent << 18 | estimate.bitrate_bps >> exponent
    body = _SOURCES.pack(estimate.sender_ssrc, 0) + _REMB_TAG + bytes((count,)) + rate.to_bytes(3)
    return build_rtcp(PAYLOAD_FEEDBACK, APPLICATION_FORMAT, body + struct.pack(f"!{count}I", *estimate.ssrcs))
