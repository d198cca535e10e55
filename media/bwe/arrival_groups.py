"""Arrival groups: packets sent close together are one observation of the path's delay.

Source: draft-ietf-rmcat-gcc-02 §5.2 (pre-filtering) and libwebrtc's inter_arrival_delta.cc.
"""

from collections.abc import Iterable
from typing import NamedTuple

BURST_SECONDS = 0.01
"""5 ms in libwebrtc, whose pacer sends pictures in bursts; through us they come spread out."""
MAX_BURST_SECONDS = 0.1
MAX_OFFSET_JUMP_SECONDS = 3.0


class GroupDelta(NamedTuple):
    """Between two neighbouring groups, in seconds; `arrived` is when the later one was complete (peer's clock)."""

    sent: float
    received: float
    arrived: float


class ArrivalGroups:
    """Feed packets in feedback order; a delta comes out when a group is complete."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._first_sent = self._last_sent = 0.0
        self._first_arrived = self._complete = -1.0
        self._previous: tuple[float, float] | None = None
        self._open = False

    def add(self, packets: Iterable[tuple[float, float, int]]) -> list[GroupDelta]:
        """Take received packets as (arrival on the peer's clock, send time on ours, size); return the new deltas."""
        deltas = []
        for arrived, sent, _ in packets:
            if not self._open:
                self._begin(sent, arrived)
            elif sent < self._first_sent:
                continue  # out of order: older than the current group
            elif sent - self._first_sent <= BURST_SECONDS or self._released_together(sent, arrived):
                if sent > self._last_sent:
                    self._last_sent = sent
                if arrived > self._complete:
                    self._complete = arrived
            else:
                delta = self._close(sent, arrived)
                if delta is not None:
                    deltas.append(delta)
        return deltas

    def _close(self, sent: float, arrived: float) -> GroupDelta | None:
        """A packet of the next group came."""
        delta = None
        if self._previous is not None:
            sent_delta = self._last_sent - self._previous[0]
            received = self._complete - self._previous[1]
            if received < 0 or abs(received - sent_delta) > MAX_OFFSET_JUMP_SECONDS:
                self._reset()  # the peer's clock jumped: start anew
                self._begin(sent, arrived)
                return None
            delta = GroupDelta(sent_delta, received, self._complete)
        self._previous = (self._last_sent, self._complete)
        self._begin(sent, arrived)
        return delta

    def _begin(self, sent: float, arrived: float) -> None:
        self._first_sent = self._last_sent = sent
        self._first_arrived = self._complete = arrived
        self._open = True

    def _released_together(self, sent: float, arrived: float) -> bool:
        """Packets held back somewhere and released together arrive as one burst (§5.2)."""
        gap = arrived - self._complete
        faster = gap - (sent - self._last_sent) < 0
        return faster and gap <= BURST_SECONDS / 2 and arrived - self._first_arrived < MAX_BURST_SECONDS
