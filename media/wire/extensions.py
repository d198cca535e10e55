"""RTP header extension elements, one-byte and two-byte form (RFC 8285 §4.2, §4.3)."""

import struct
from collections.abc import Iterable, Iterator

from media.errors import WireError

ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
"""The upper 12 bits of the two-byte form's profile; the lower four are application bits."""

_BLOCK_HEADER = struct.Struct("!HH")

Buffer = bytes | bytearray | memoryview


def element_places(data: Buffer, start: int, end: int, profile: int) -> Iterator[tuple[int, int, int]]:
    """Walk an extension block's body `data[start:end]`: yields (id, offset of the value, length of the value).

    Padding is skipped, unknown profiles have no elements; raises WireError where an element leaves the block.
    """
    if profile == ONE_BYTE_PROFILE:
        return _one_byte_places(data, start, end)
    if profile & 0xFFF0 == TWO_BYTE_PROFILE:
        return _two_byte_places(data, start, end)
    return iter(())


def _one_byte_places(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    at = start
    while at < end:
        first = data[at]
        at += 1
        if first == 0:
            continue
        identifier = first >> 4
        if identifier in (0, 15):  # RFC 8285 §4.2: stop there, keep what came before
            return
        length = (first & 0x0F) + 1
        if at + length > end:
            raise WireError("header extension element leaves its block")
        yield identifier, at, length
        at += length


def _two_byte_places(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    at = start
    while at < end:
        identifier = data[at]
        at += 1
        if identifier == 0:
            continue
        if at >= end or at + 1 + data[at] > end:
            raise WireError("header extension element leaves its block")
        length = data[at]
        yield identifier, at + 1, length
        at += 1 + length


def build_extensions(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """The extension block with its four-byte header: one-byte form where every element fits it, else two-byte form."""
    elements = tuple(elements)
    if all(1 <= identifier <= 14 and 1 <= len(value) <= 16 for identifier, value in elements):
        profile = ONE_BYTE_PROFILE
        body = b"".join(bytes((identifier << 4 | len(value) - 1,)) + value for identifier, value in elements)
    elif all(1 <= identifier <= 255 and len(value) <= 255 for identifier, value in elements):
        profile = TWO_BYTE_PROFILE
        body = b"".join(bytes((identifier, len(value))) + value for identifier, value in elements)
    else:
        raise WireError("header extension id or length out of range")
    body += bytes(-len(body) % 4)
    return _BLOCK_HEADER.pack(profile, len(body) // 4) + body
