"""What a tap writes and the codec worker reads: frames of one stream, each with a length, a sort and a body.

A tapped packet has a fixed head, because it is written on the packet path; everything else is msgpack.
"""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from media.errors import WireError

LENGTH = Struct("!I")
HEAD = Struct("!IBBBBIIqId")
"""Length of what follows it, PACKET, codec, marker, key frame begins, tap, generation, extended sequence number, RTP
timestamp, arrival in monotonic seconds; then the payload."""

PACKET, MESSAGE = 0, 1
OPUS, VP8, H264 = 0, 1, 2
CODEC_NAMES = ("opus", "vp8", "h264")
MAX_FRAME_BYTES = 2 << 20


class TappedPacket(NamedTuple):
    """An RTP packet as it came from the page, RED and retransmission undone."""

    codec: int
    marker: bool
    key: bool
    """A key frame begins with it."""
    tap: int
    generation: int
    """Another one: the numbering has begun anew."""
    sequence: int
    """Extended: it does not wrap."""
    timestamp: int
    arrival: float
    payload: bytes


def message_frame(body: bytes) -> bytes:
    """A frame around a message."""
    return LENGTH.pack(len(body) + 1) + bytes((MESSAGE,)) + body


def packet_frame(packet: TappedPacket) -> bytes:
    """A frame around a packet (media.bridge.tap writes the same in place)."""
    size = HEAD.size - LENGTH.size + len(packet.payload)
    codec, marker, key, *numbers, payload = packet
    return HEAD.pack(size, PACKET, codec, marker, key, *numbers) + payload


class FrameReader:
    """Cuts a byte stream into packets and messages. Holds at most one frame and one read."""

    def __init__(self) -> None:
        self._left = b""

    def feed(self, data: bytes) -> Iterator[TappedPacket | bytes]:
        """Packets and the bodies of messages that are complete; raise WireError for what is none."""
        data = self._left + data if self._left else data
        at, end = 0, len(data)
        try:
            while end - at > LENGTH.size:
                (size,) = LENGTH.unpack_from(data, at)
                if not 0 < size <= MAX_FRAME_BYTES:
                    raise WireError(f"a frame of {size} bytes")
                if end - at < LENGTH.size + size:
                    break
                start, at = at, at + LENGTH.size + size
                yield _read(data, start, at)
        finally:
            self._left = data[at:]


def _read(data: bytes, start: int, end: int) -> TappedPacket | bytes:
    sort = data[start + LENGTH.size]
    if sort == MESSAGE:
        return data[start + LENGTH.size + 1 : end]
    if sort != PACKET or end - start < HEAD.size or data[start + 5] > H264:
        raise WireError("a frame that is neither packet nor message")
    _, _, codec, marker, key, tap, generation, sequence, timestamp, arrival = HEAD.unpack_from(data, start)
    payload = data[start + HEAD.size : end]
    return TappedPacket(codec, bool(marker), bool(key), tap, generation, sequence, timestamp, arrival, payload)
