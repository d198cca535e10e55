"""The one mutable thing on the packet path: a slot of the receive arena, rewritten in place on its way out."""

from typing import Any


class PacketBuffer:
    """A packet in a reusable slot: `view[start:end]` is one RTP packet, decrypted.

    The bridge may move `start` and `end`, rewrite the bytes and hand the same buffer to one outlet; the outlet
    encrypts in place, so the content is gone afterwards. Whoever needs it longer takes `bytes(...)`.
    There are at least 32 free bytes behind `end` (SRTP trailer). `pointer` belongs to the shell.
    """

    __slots__ = ("end", "pointer", "start", "view")

    def __init__(self, view: memoryview, pointer: Any = None) -> None:
        self.view = view
        self.pointer = pointer
        self.start = 0
        self.end = 0

    def tobytes(self) -> bytes:
        """A copy of the packet."""
        return self.view[self.start : self.end].tobytes()
