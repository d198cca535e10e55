"""Lost packets of one stream rebuilt from others and parity (RFC 5109 §9): ULPFEC from a page's camera.

Packets are kept as recovery strings (media.wire.parity) in the order they came, parity until it is of no use any more.
"""

from media.errors import WireError
from media.units import MAX_RTP_BYTES
from media.wire.parity import Parity, recovery_bits, restore

MAX_PACKETS = 192
"""Kept for parity that is still to come: a mask reaches 48 numbers, pictures of 1.1 s at 2 Mbps are as many."""
MAX_PARITY = 24


class ParityRecovery:
    """Feed media packets as their sender protected them, and parity; both return what could be rebuilt."""

    def __init__(self) -> None:
        self._strings: dict[int, int] = {}
        self._parities: list[Parity] = []

    def media(self, packet: bytes | bytearray) -> list[bytes]:
        """Keep a packet; returns packets that it was the missing piece for."""
        if len(packet) > MAX_RTP_BYTES:
            return []
        self._keep(packet[2] << 8 | packet[3], packet)
        return self._rebuild() if self._parities else []

    def parity(self, parity: Parity) -> list[bytes]:
        """Take one parity packet; returns the packets it brings back, and those that these bring back in turn."""
        if len(self._parities) >= MAX_PARITY:
            del self._parities[0]
        self._parities.append(parity)
        return self._rebuild()

    def _keep(self, sequence: int, packet: bytes | bytearray) -> None:
        strings = self._strings
        if len(strings) >= MAX_PACKETS:
            del strings[next(iter(strings))]
        strings[sequence] = recovery_bits(packet)

    def _rebuild(self) -> list[bytes]:
        found: list[bytes] = []
        progress = True
        while progress:
            progress = False
            for parity in tuple(self._parities):
                missing = [sequence for sequence in parity.sequences if sequence not in self._strings]
                if len(missing) > 1:
                    continue
                self._parities.remove(parity)
                packet = self._restore(parity, missing[0]) if missing else None
                if packet is not None:
                    found.append(packet)
                    progress = True
        return found

    def _restore(self, parity: Parity, missing: int) -> bytes | None:
        present = [self._strings[sequence] for sequence in parity.sequences if sequence != missing]
        try:
            packet = restore(parity, missing, present)
        except WireError:
            return None  # parity over other bytes than ours, or lying
        self._keep(missing, packet)
        return packet
