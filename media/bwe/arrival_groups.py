"""Arrival groups: packets sent close together are one observation of the path's delay.

Source: draft-ietf-rmcat-gcc-02 §5.2 (pre-filtering) and libwebrtc's inter_arrival_delta.cc.
"""

from typing import NamedTuple

BURST_SECONDS = 0.005
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

    def add(self, sent: float, arrived: float) -> GroupDelta | None:
        """Take one received packet's send time (our clock) and arrival time (peer's clock), seconds."""
        if not self._open:
            self._begin(sent, arrived)
            return None
        if sent < self._first_sent:
            return None  # out of order: older than the current group
        if self._belongs(sent, arrived):
            self._last_sent = max(self._last_sent, sent)
            self._complete = max(self._complete, arrived)
            return None
        delta = None
        if self._previous is not None:
            received = self._complete - self._previous[1]
            sent_delta = self._last_sent - self._previous[0]
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

    def _belongs(self, sent: float, arrived: float) -> bool:
        if sent - self._first_sent <= BURST_SECONDS:
            return True
        # Packets held back somewhere and released together arrive as one burst (§5.2).
        gap = arrived - self._complete
        faster = gap - (sent - self._last_sent) < 0
        return faster and gap <= BURST_SECONDS and arrived - self._first_arrived < MAX_BURST_SECONDS
