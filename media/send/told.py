"""Which pictures' packets a page lacks, by transport-wide feedback: known before anybody asks for them.

A page asks for what is missing (RFC 4585). Where requests get lost as well, a request and its answer are one try of a
round trip, and fail more often than the link loses. Transport-wide feedback is a second voice on the same way: it says
of every packet whether it came, of retransmissions and parity too. What parity brings back is worked out here as the
page does it, so that only what is really missing is sent again.
"""

from itertools import islice

HISTORY = 2_048
"""Transport-wide numbers remembered; some two seconds."""
MAX_PARITY = 128
"""Parity packets that may still bring something back."""
OPEN_NUMBERS = 80
"""So many numbers later no parity for a packet will come any more."""
MAX_AT_ONCE = 64
"""Packets that one feedback makes us send again: a page may lie."""


class _Packet:
    """One of the stream's packets that is not known to have come."""

    __slots__ = ("copies", "lost", "ready_at", "sequence")

    def __init__(self, number: int, sequence: int) -> None:
        self.sequence = sequence
        self.lost = False
        self.copies = 0
        """On their way, as far as is known."""
        self.ready_at = number + OPEN_NUMBERS
        """The transport-wide number that has to be told of before it is sent again: its last parity's."""


class ToldLost:
    """One video stream's packets by the transport-wide numbers under which they left. Bounded."""

    __slots__ = ("_arrived", "_copies", "_firsts", "_parity", "_waiting")

    def __init__(self) -> None:
        self._firsts: dict[int, _Packet] = {}
        self._copies: dict[int, _Packet] = {}
        self._parity: dict[int, list[int]] = {}
        """What left under a number: a packet, one once more, parity over these."""
        self._waiting: dict[int, _Packet] = {}
        """By 16-bit sequence number."""
        self._arrived: list[list[int]] = []
        """Parity that came and still covers two packets or more that did not."""

    def sent(self, number: int, sequence: int) -> None:
        """A packet left for the first time."""
        self._waiting[sequence] = self._firsts[number] = _Packet(number, sequence)
        if len(self._firsts) > HISTORY:
            oldest = next(iter(self._firsts))
            self._came(self._firsts.pop(oldest))

    def sent_again(self, number: int, sequence: int) -> None:
        """One of them left once more."""
        packet = self._waiting.get(sequence)
        if packet is not None and len(self._copies) < HISTORY:
            packet.lost = True  # somebody says so
            packet.copies += 1
            self._copies[number] = packet

    def sent_parity(self, number: int, sequences: list[int]) -> None:
        """Parity over these left."""
        for sequence in sequences:
            packet = self._waiting.get(sequence)
            if packet is not None:
                packet.ready_at = number
        self._parity[number] = sequences
        if len(self._parity) > HISTORY:
            del self._parity[next(iter(self._parity))]

    def told(self, reports: list[tuple[int, float | None]]) -> list[int]:
        """Take a feedback's numbers with their arrival times (None: lost). Returns the sequence numbers to send again
        now, oldest first: lost, not brought back by parity, and no copy on its way."""
        if not reports:
            return []
        for number in [number for number in self._copies if number < reports[0][0]]:
            self._copies.pop(number).copies -= 1  # its feedback was lost: perhaps so was it
        came = False
        for number, arrival in reports:
            first, copy, parity = self._firsts.pop(number, None), None, None
            if first is None:
                copy = self._copies.pop(number, None)
                if copy is None:
                    parity = self._parity.pop(number, None)
            if arrival is None:
                if first is not None:
                    first.lost = True
                elif copy is not None:
                    copy.copies -= 1
            elif parity is not None:
                self._arrived.append(parity)
                came = True
            elif first is not None or copy is not None:
                self._came(first or copy)
                came = True
        if came:
            self._recover()
        newest, waiting = reports[-1][0], self._waiting.values()
        lacking = (one.sequence for one in waiting if one.lost and one.copies <= 0 and one.ready_at <= newest)
        return list(islice(lacking, MAX_AT_ONCE))

    def give_up(self, sequence: int) -> None:
        """Too late for this one, and so for parity to bring others back by it."""
        self._waiting.pop(sequence, None)
        self._arrived = [parity for parity in self._arrived if sequence not in parity]

    def _came(self, packet: _Packet | None) -> None:
        if packet is not None and self._waiting.get(packet.sequence) is packet:
            del self._waiting[packet.sequence]

    def _recover(self) -> None:
        """What parity brings back came, too."""
        waiting, found = self._waiting, True
        while found:
            found, kept = False, []
            for parity in self._arrived:
                missing = [sequence for sequence in parity if sequence in waiting]
                if len(missing) == 1:
                    del waiting[missing[0]]
                    found = True
                elif missing:
                    kept.append(parity)
            self._arrived = kept
        del self._arrived[:-MAX_PARITY]
