"""Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1), as a value and as bytes."""

import struct
from typing import NamedTuple

from media.errors import WireError
from media.wire.rtcp import TRANSPORT_FEEDBACK, RawRtcp
from media.wire.rtcp_feedback import TRANSPORT_CC_FORMAT

TICK_SECONDS = 0.000_25
REFERENCE_TICKS = 256
"""The reference time counts 64 ms."""
MAX_STATUSES = 4096
"""Packets one feedback may speak of; browsers report some hundreds at most."""

_HEAD = struct.Struct("!IIHHI")
_WHOLE = struct.Struct("!BBHIIHHIH")
_PADDINGS = (b"", b"\x01", b"\x00\x02", b"\x00\x00\x03")
_LOST, _SMALL, _LARGE, _RESERVED = range(4)
_LONGEST_RUN = 8191
_MIN_RUN = 14  # shorter runs cost no less than the vector that holds 14 symbols


class TransportFeedback(NamedTuple):
    """Arrivals of the packets `base_sequence`, `base_sequence + 1`, … of one transport.

    `deltas[i]` is the time since the arrival before it (the first: since the reference time) in ticks of 250 µs,
    None for a packet that did not arrive. `reference_time` counts 64 ms, signed 24 bits.
    """

    sender_ssrc: int
    media_ssrc: int
    base_sequence: int
    reference_time: int
    feedback_count: int
    deltas: tuple[int | None, ...]


def build_transport_feedback(feedback: TransportFeedback) -> bytes:
    """The bytes of one feedback packet; raise WireError where a delta or the number of packets does not fit."""
    deltas = feedback.deltas
    if not 0 < len(deltas) <= MAX_STATUSES:
        raise WireError("transport feedback about too few or too many packets")
    arrived = [delta for delta in deltas if delta is not None]
    if len(arrived) == len(deltas) and min(arrived) >= 0 and max(arrived) <= 255:
        return build_whole_feedback(*feedback[:5], bytes(arrived))
    chunks, times = _build_chunks([_symbol(delta) for delta in deltas]), b"".join(map(_build_delta, arrived))
    reference = feedback.reference_time & 0xFFFFFF
    head = _HEAD.pack(
        feedback.sender_ssrc,
        feedback.media_ssrc,
        feedback.base_sequence,
        len(deltas),
        reference << 8 | feedback.feedback_count & 0xFF,
    )
    body = head + chunks + times
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes((padding,))
    first = 0xA0 if padding else 0x80
    return struct.pack("!BBH", first | TRANSPORT_CC_FORMAT, TRANSPORT_FEEDBACK, len(body) // 4) + body


def build_whole_feedback(
    sender_ssrc: int, media_ssrc: int, base_sequence: int, reference_time: int, feedback_count: int, deltas: bytes
) -> bytes:
    """The same about packets that all arrived, at most 255 ticks one after the other; at most MAX_STATUSES."""
    count = len(deltas)
    padding = (-2 - count) % 4
    return (
        _WHOLE.pack(
            (0xA0 if padding else 0x80) | TRANSPORT_CC_FORMAT,
            TRANSPORT_FEEDBACK,
            (22 + count + padding) // 4 - 1,
            sender_ssrc,
            media_ssrc,
            base_sequence,
            count,
            (reference_time & 0xFFFFFF) << 8 | feedback_count & 0xFF,
            _SMALL << 13 | count,
        )
        + deltas
        + _PADDINGS[padding]
    )


def _symbol(delta: int | None) -> int:
    if delta is None:
        return _LOST
    if 0 <= delta <= 255:
        return _SMALL
    if -32768 <= delta <= 32767:
        return _LARGE
    raise WireError("transport feedback delta does not fit")


def _build_delta(delta: int) -> bytes:
    return bytes((delta,)) if 0 <= delta <= 255 else delta.to_bytes(2, signed=True)


def _build_chunks(symbols: list[int]) -> bytes:
    """Greedy: a run where it is long, else 14 one-bit symbols where none is large, else seven two-bit symbols."""
    chunks = bytearray()
    at = 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < _LONGEST_RUN:
            run += 1
        if run >= _MIN_RUN or at + run == len(symbols):
            chunks += (symbols[at] << 13 | run).to_bytes(2)
            at += run
        elif _LARGE not in symbols[at : at + 14]:
            chunks += _vector(symbols[at : at + 14], 1, 14, 0x8000)
            at += 14
        else:
            chunks += _vector(symbols[at : at + 7], 2, 7, 0xC000)
            at += 7
    return bytes(chunks)


def _vector(symbols: list[int], bits: int, capacity: int, flags: int) -> bytes:
    word = 0
    for symbol in symbols:
        word = word << bits | symbol
    return (flags | word << bits * (capacity - len(symbols))).to_bytes(2)


def parse_transport_feedback(raw: RawRtcp) -> TransportFeedback:
    """Parse feedback format 15; raise WireError for counts and chunks that do not agree with the bytes."""
    if len(raw.body) < _HEAD.size:
        raise WireError("transport feedback is cut short")
    sender, media, base, count, reference = _HEAD.unpack_from(raw.body)
    if not 0 < count <= MAX_STATUSES:
        raise WireError("transport feedback about too few or too many packets")
    symbols, at = _parse_chunks(raw.body, _HEAD.size, count)
    deltas = _parse_deltas(raw.body, at, symbols)
    signed = (reference >> 8) - ((reference >> 31) << 24)
    return TransportFeedback(sender, media, base, signed, reference & 0xFF, deltas)


def _parse_chunks(body: bytes, at: int, count: int) -> tuple[list[int], int]:
    symbols: list[int] = []
    while len(symbols) < count:
        if at + 2 > len(body):
            raise WireError("transport feedback chunks are cut short")
        chunk = body[at] << 8 | body[at + 1]
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13] * min(chunk & 0x1FFF, count - len(symbols))
            if not chunk & 0x1FFF:
                raise WireError("transport feedback run of nothing")
        elif chunk & 0x4000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    return symbols[:count], at


def _parse_deltas(body: bytes, at: int, symbols: list[int]) -> tuple[int | None, ...]:
    if _RESERVED in symbols:
        raise WireError("transport feedback symbol is reserved")
    if at + sum(symbols) > len(body):  # a symbol is the width of its delta in bytes
        raise WireError("transport feedback deltas are cut short")
    if symbols.count(_SMALL) == len(symbols):  # a clean link
        return tuple(body[at : at + len(symbols)])
    deltas: list[int | None] = []
    for symbol in symbols:
        if symbol == _SMALL:
            deltas.append(body[at])
            at += 1
        elif symbol == _LOST:
            deltas.append(None)
        else:
            deltas.append(int.from_bytes(body[at : at + 2], signed=True))
            at += 2
    return tuple(deltas)
