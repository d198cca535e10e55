"""Matroska, as much of it as a recording needs (RFC 8794 EBML, RFC 9559 Matroska), written and walked by ourselves.

Blocks of a chunk are one Cluster of known size; head, cues and duration are made when somebody reads (`views.py`).
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

CLUSTER_HEAD_BYTES = 22
"""ID (4), size in eight bytes, timestamp element in ten: the same length for any cluster."""
BLOCK_HEAD_BYTES = 6
"""Of a block shorter than 123 bytes."""
MOST_SPAN_MS = 30_000
"""A block's time is a signed 16-bit number of ms from its cluster's."""

_CLUSTER = b"\x1f\x43\xb6\x75\x01"
_TIMESTAMP = b"\xe7\x88"
_SIMPLE_BLOCK = 0xA3
_RELATIVE = struct.Struct(">hB")
_KEY = 0x80


class Block(NamedTuple):
    """One frame of one track."""

    time_ms: int
    track: int
    key: bool
    payload: bytes


def element(identifier: str, content: bytes) -> bytes:
    """An element by its hexadecimal ID, with the shortest size."""
    return bytes.fromhex(identifier) + size_bytes(len(content)) + content


def unsigned(identifier: str, value: int) -> bytes:
    """An unsigned integer element."""
    return element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8)))


def fixed(identifier: str, value: int) -> bytes:
    """An unsigned integer element that is eight bytes long whatever its value."""
    return element(identifier, value.to_bytes(8))


def number(identifier: str, value: float) -> bytes:
    """A float element."""
    return element(identifier, struct.pack(">d", value))


def text(identifier: str, value: str) -> bytes:
    """A string element."""
    return element(identifier, value.encode())


def size_bytes(size: int) -> bytes:
    """A size as a variable-length integer (RFC 8794 §4), as short as it can be."""
    length = 1
    while size >= (1 << (7 * length)) - 1:
        length += 1
    return (size | 1 << (7 * length)).to_bytes(length)


def void(size: int) -> bytes:
    """An element of exactly `size` bytes (at least 9) that readers pass over."""
    return b"\xec\x01" + (size - 9).to_bytes(7) + bytes(size - 9)


def cluster_head(time_ms: int, content_bytes: int) -> bytes:
    """ID, size and timestamp of a cluster with so many bytes of blocks."""
    return _CLUSTER + (content_bytes + 10).to_bytes(7) + _TIMESTAMP + time_ms.to_bytes(8)


def block_bytes(base_ms: int, block: Block) -> bytes:
    """A SimpleBlock (RFC 9559 §10.2); its time must be within `MOST_SPAN_MS` of the cluster's."""
    time_ms, track, key, payload = block
    length = len(payload) + 4
    if length < 0x7F:
        head = bytes((_SIMPLE_BLOCK, 0x80 | length, 0x80 | track))
    elif length < 0x3FFF:
        head = bytes((_SIMPLE_BLOCK, 0x40 | length >> 8, length & 0xFF, 0x80 | track))
    else:
        head = bytes((_SIMPLE_BLOCK, 0x10 | length >> 24, *(length & 0xFFFFFF).to_bytes(3), 0x80 | track))
    return head + _RELATIVE.pack(time_ms - base_ms, _KEY if key else 0) + payload


def cluster_bytes(base_ms: int, blocks: Iterable[Block]) -> bytes:
    """A whole cluster."""
    content = b"".join([block_bytes(base_ms, block) for block in blocks])
    return cluster_head(base_ms, len(content)) + content


def cluster_time_ms(cluster: bytes) -> int:
    """The timestamp of a cluster of ours."""
    return int.from_bytes(cluster[14:CLUSTER_HEAD_BYTES])


def block_places(cluster: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(start, payload's start, end, track) of each block of a cluster of ours."""
    at, end = CLUSTER_HEAD_BYTES, len(cluster)
    while at < end:
        length = 9 - cluster[at + 1].bit_length()
        size = int.from_bytes(cluster[at + 1 : at + 1 + length]) & ((1 << 7 * length) - 1)
        content = at + 1 + length
        yield at, content + 4, content + size, cluster[content] & 0x7F
        at = content + size


def blocks_of(cluster: bytes) -> Iterator[Block]:
    """The blocks of a cluster of ours, in its order."""
    base = cluster_time_ms(cluster)
    for _, payload, end, track in block_places(cluster):
        relative, flags = _RELATIVE.unpack_from(cluster, payload - 3)
        yield Block(base + relative, track, bool(flags & _KEY), cluster[payload:end])


def only_tracks(cluster: bytes, tracks: frozenset[int]) -> bytes:
    """The cluster without the blocks of other tracks; empty if none is left."""
    content = b"".join([cluster[start:end] for start, _, end, track in block_places(cluster) if track in tracks])
    return cluster_head(cluster_time_ms(cluster), len(content)) + content if content else b""
