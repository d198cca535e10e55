"""RED: several encodings of audio, or one wrapped frame of video, in one payload (RFC 2198 §3)."""

import struct
from typing import NamedTuple

from media.errors import WireError

MAX_BLOCKS = 16
"""More than any sender makes; bounds the work on a hostile payload."""

_MAX_OFFSET = (1 << 14) - 1
_MAX_LENGTH = (1 << 10) - 1


class RedBlock(NamedTuple):
    """Where one block stands: `data[start:end]`. The last block is the primary, its `timestamp_offset` is 0."""

    payload_type: int
    timestamp_offset: int
    """How far the block's RTP timestamp lies before the packet's, in clock units."""
    start: int
    end: int


def parse_red(data: bytes | bytearray | memoryview, start: int, end: int) -> list[RedBlock]:
    """The blocks of the payload `data[start:end]`, oldest first, primary last; raise WireError where lengths lie."""
    headers: list[tuple[int, int, int]] = []
    at = start
    while at < end and data[at] & 0x80:
        if at + 4 > end or len(headers) >= MAX_BLOCKS:
            raise WireError("RED block headers leave the payload")
        offset_and_length = int.from_bytes(data[at + 1 : at + 4])
        headers.append((data[at] & 0x7F, offset_and_length >> 10, offset_and_length & _MAX_LENGTH))
        at += 4
    if at >= end:
        raise WireError("RED payload has no primary block")
    primary_type = data[at]
    at += 1
    blocks: list[RedBlock] = []
    for payload_type, offset, length in headers:
        blocks.append(RedBlock(payload_type, offset, at, at + length))
        at += length
    if at > end:
        raise WireError("RED blocks leave the payload")
    blocks.append(RedBlock(primary_type, 0, at, end))
    return blocks


def build_red(redundant: list[tuple[int, int, bytes]], payload_type: int, primary: bytes) -> bytes:
    """A RED payload of (payload type, timestamp offset, data) blocks, oldest first, and the primary."""
    headers = bytearray()
    for block_type, offset, data in redundant:
        if not (0 <= offset <= _MAX_OFFSET and len(data) <= _MAX_LENGTH and 0 <= block_type <= 127):
            raise WireError("RED block out of range")
        headers += struct.pack("!I", 0x80000000 | block_type << 24 | offset << 10 | len(data))
    if not 0 <= payload_type <= 127 or len(redundant) > MAX_BLOCKS:
        raise WireError("RED block out of range")
    headers.append(payload_type)
    return bytes(headers) + b"".join(data for _, _, data in redundant) + primary
