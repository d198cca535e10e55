"""Arrival times by transport-wide sequence number, and the feedback made of them.

The feedback drives the browser's congestion control, so it starts fast: every 50 ms in the first seconds, then every
100 ms (libwebrtc's own receiver stays between 50 and 250 ms).
"""

from bisect import bisect_left
from collections.abc import Sequence
from operator import sub

from media.wire.transport_cc import (
    REFERENCE_TICKS,
    TICK_SECONDS,
    TransportFeedback,
    build_transport_feedback,
    build_whole_feedback,
)

FAST_INTERVAL = 0.05
INTERVAL = 0.1
FAST_SECONDS = 3.0

MAX_STATUSES = 500
"""Packets one feedback speaks of: it fits a datagram even if every delta is large."""
MAX_KEPT = 2000
MAX_ROWS = 60
"""Feedback packets (of some 24 bytes) for one turn that says nothing of the gaps between them."""
NOTICED_AFTER = 0.07
"""Two pictures: a lost packet at the end of one is missed when the next begins."""
_MAX_LATE = 100
_MAX_DELTA = 32767
_TICKS_PER_SECOND = round(1 / TICK_SECONDS)


class ArrivalRecorder:
    """One leg's uplink. `due` is when the next feedback should leave; infinite before the first packet."""

    __slots__ = (
        "_arrivals",
        "_fast_until",
        "_feedback_count",
        "_highest",
        "_lowest",
        "_next",
        "_ordered",
        "_until",
        "due",
        "least_interval",
    )

    def __init__(self) -> None:
        self._arrivals: dict[int, float] = {}
        self._highest = -1
        self._lowest = 0
        """Of those recorded since the last feedback, if it came out of order."""
        self._next = -1
        self._ordered = True
        """Whether what was recorded since the last feedback came in order."""
        self._until: int | None = None
        """The last number the next feedback may speak of, if not all."""
        self._feedback_count = 0
        self._fast_until = 0.0
        self.least_interval = 0.0
        """Set where feedback itself would fill the link it takes."""
        self.due = float("inf")

    def record(self, sequence_number: int, now: float) -> None:
        """Note one packet."""
        highest = self._highest
        extended = highest + ((sequence_number - highest + 0x8000) & 0xFFFF) - 0x8000
        if extended > highest or highest < 0:
            if highest < 0 or extended - highest > MAX_KEPT:
                extended = self._begin(sequence_number, extended, now)
            self._highest = extended
        else:
            self._ordered = False
            if extended < self._lowest:
                self._lowest = extended
        arrivals = self._arrivals
        if extended not in arrivals and len(arrivals) < MAX_KEPT:
            arrivals[extended] = now

    def _begin(self, sequence_number: int, extended: int, now: float) -> int:
        """Start at this number: the first packet, or one so far ahead that nothing between is worth a word."""
        self._arrivals.clear()
        if self._highest < 0:
            extended = 0x10000 | sequence_number
            self._fast_until = now + FAST_SECONDS
            self.due = now + FAST_INTERVAL
        self._next = self._lowest = extended
        return extended

    def path_changed(self) -> None:
        """What was lost on the way with the path before says nothing about the one of now: it is left unsaid."""
        self._arrivals.clear()
        self._highest = -1
        self._until = None

    def gapless(self) -> tuple[float, float, int] | None:
        """If nothing is missing: when the first and the last came and how many they are; None otherwise."""
        arrivals = self._arrivals
        if not arrivals or self._highest + 1 - self._first() != len(arrivals):
            return None
        return next(iter(arrivals.values())), next(reversed(arrivals.values())), len(arrivals)

    def fates(self) -> list[float | None]:
        """Arrival times of everything the next feedback speaks of, None for what did not arrive."""
        if not self._arrivals:
            return []
        get = self._arrivals.get
        return [get(number) for number in range(self._first(), self._end() + 1)]

    def _first(self) -> int:
        return max(min(self._next, self._lowest), self._next - _MAX_LATE, self._highest + 1 - MAX_KEPT)

    def hold(self, since: float) -> None:
        """Leave out of the next feedback what came at `since` or later, and the gap before it.

        A browser forgets a packet when it is told that it arrived: what may still be asked for must not be concealed.
        """
        last = self._first() - 1
        for number in range(last + 1, self._highest + 1):
            time = self._arrivals.get(number)
            if time is not None:
                if time >= since:
                    self._until = last
                    return
                last = number

    def conceal(self, asked: Sequence[float]) -> int:
        """Tell of what is missing as if it had arrived between its neighbours; returns how many that were.

        For losses that are no sign of congestion: a sender that hears of them slows down for nothing. `asked`: when
        the packets that are still asked for were missed, ascending; of those nothing will be said.
        """
        arrivals, missing, concealed = self._arrivals, [], 0
        before = None
        for number in range(self._first(), self._end() + 1):
            time = arrivals.get(number)
            if time is None:
                missing.append(number)
                continue
            if missing:
                at = bisect_left(asked, time)
                if at == len(asked) or asked[at] > time + NOTICED_AFTER:
                    start = time if before is None else before
                    for index, lost in enumerate(missing, 1):
                        arrivals[lost] = start + (time - start) * index / (len(missing) + 1)
                    concealed += len(missing)
                missing.clear()
            before = time
        return concealed

    def _end(self) -> int:
        return self._highest if self._until is None else self._until

    def feedback(self, sender_ssrc: int, media_ssrc: int, now: float, silent: bool = False) -> list[bytes]:
        """The feedback packets about everything since the last call, and the next deadline.

        `silent`: not a word of what is missing, as if a feedback packet about just that had been lost.
        """
        self.due = now + max(FAST_INTERVAL if now < self._fast_until else INTERVAL, self.least_interval)
        if not self._arrivals:
            return []
        if self._ordered and self._until is None and self._highest + 1 - self._next == len(self._arrivals):
            whole = self._whole(sender_ssrc, media_ssrc)
            if whole:
                return [whole]
        packets: list[bytes] = []
        end = self._end()
        for begin, last in self._rows(end) if silent else [(self._first(), end)]:
            while begin <= last:
                begin, packet = self._one(begin, last, sender_ssrc, media_ssrc)
                if packet:
                    packets.append(packet)
        self._next = self._lowest = end + 1
        if self._until is None:
            self._arrivals.clear()
            self._ordered = True
        else:
            self._arrivals = {number: time for number, time in self._arrivals.items() if number > end}
            self._until = None
        return packets

    def _whole(self, sender_ssrc: int, media_ssrc: int) -> bytes:
        """The usual case, in a fifth of the time: everything came, one after the other. Empty if it does not fit."""
        ticks = [int(time * _TICKS_PER_SECOND) for time in self._arrivals.values()]
        reference = ticks[0] // REFERENCE_TICKS
        try:
            deltas = bytes(map(sub, ticks, (reference * REFERENCE_TICKS, *ticks)))
        except ValueError:
            return b""
        if len(deltas) > MAX_STATUSES:
            return b""
        first, count = self._next, self._feedback_count
        self._feedback_count = (count + 1) & 0xFF
        self._next = self._lowest = self._highest + 1
        self._arrivals.clear()
        return build_whole_feedback(sender_ssrc, media_ssrc, first & 0xFFFF, reference, count, deltas)

    def _rows(self, end: int) -> list[tuple[int, int]]:
        """First and last number of each row that arrived whole; what is beyond the bound is one row with its gaps."""
        rows: list[tuple[int, int]] = []
        begin = before = self._first()
        for number in range(begin, end + 1):
            if number in self._arrivals:
                if number - before > 1 and len(rows) < MAX_ROWS:
                    rows.append((begin, before))
                    begin = number
                before = number
        return [*rows, (begin, before)]

    def _one(self, begin: int, end: int, sender_ssrc: int, media_ssrc: int) -> tuple[int, bytes]:
        """One packet about `begin` and what follows; returns where it ended."""
        times = list(map(self._arrivals.get, range(begin, min(end + 1, begin + MAX_STATUSES))))
        reference, deltas = _deltas(times)
        after = begin + len(deltas)
        if reference < 0:
            return after, b""
        count, self._feedback_count = self._feedback_count, (self._feedback_count + 1) & 0xFF
        value = TransportFeedback(sender_ssrc, media_ssrc, begin & 0xFFFF, reference, count, deltas)
        return after, build_transport_feedback(value)


def _deltas(times: list[float | None]) -> tuple[int, tuple[int | None, ...]]:
    """Reference time and deltas in ticks, as far as they fit; the reference is negative if nothing arrived."""
    deltas: list[int | None] = []
    reference = -1
    last = 0
    for time in times:
        if time is None:
            deltas.append(None)
            continue
        tick = int(time * _TICKS_PER_SECOND)
        if reference < 0:
            reference = tick // REFERENCE_TICKS
            last = reference * REFERENCE_TICKS
        delta = tick - last
        if not -_MAX_DELTA <= delta <= _MAX_DELTA:
            break
        deltas.append(delta)
        last = tick
    return reference, tuple(deltas)
