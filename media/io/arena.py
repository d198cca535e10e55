"""Memory for packets, made once: slots in one block, each with room to grow on both sides."""

from cffi import FFI

from media.units import MAX_DATAGRAM_BYTES
from media.wire.buffer import PacketBuffer

HEADROOM = 64
"""Free bytes before a received packet: the header may grow when extensions are added."""
TAILROOM = 32
"""Free bytes behind: SRTP's tag and SRTCP's index (at most 20)."""
CAPACITY = MAX_DATAGRAM_BYTES - HEADROOM - TAILROOM
"""The longest datagram that is taken."""

_ffi = FFI()


class Arena:
    """`count` slots of MAX_DATAGRAM_BYTES. Every PacketBuffer's `pointer` is a `char *` to its slot's first byte."""

    def __init__(self, count: int) -> None:
        self._memory = bytearray(count * MAX_DATAGRAM_BYTES)
        self._base = _ffi.from_buffer("char[]", self._memory)
        view = memoryview(self._memory)
        self.slots = [
            PacketBuffer(view[at : at + MAX_DATAGRAM_BYTES], self._base + at)
            for at in range(0, len(view), MAX_DATAGRAM_BYTES)
        ]
        for slot in self.slots:
            slot.start = slot.end = HEADROOM


def fill(slot: PacketBuffer, data: bytes | memoryview) -> None:
    """Put a packet into the slot; it must not be longer than CAPACITY."""
    slot.start = HEADROOM
    slot.end = HEADROOM + len(data)
    slot.view[HEADROOM : slot.end] = data
