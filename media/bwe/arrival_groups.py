"""Arrival groups: packets sent close together are one observation of the path's delay.

Source: draft-ietf-rmcat-gcc-02 §5.2 (pre-filtering) and libwebrtc's inter_arrival_delta.cc.
"""

from collections.abc import Iterable

BURST_SECONDS = 0.01
"""5 ms in libwebrtc, whose pacer sends pictures in bursts; through us they come spread out."""
MAX_BURST_SECONDS = 0.1
MAX_OFFSET_JUMP_SECONDS = 3.0

GroupDelta = tuple[float, float, float]
"""Between two neighbouring groups, in seconds: sent, received, and when the later one was complete (peer's clock)."""


class ArrivalGroups:
    """Feed packets in feedback order; a delta comes out when a group is complete."""

    __slots__ = ("_complete", "_first_arrived", "_first_sent", "_last_sent", "_open", "_previous")

    def __init__(self) -> None:
        self._first_sent = self._last_sent = float("-inf")
        self._first_arrived = self._complete = float("-inf")
        self._previous: tuple[float, float] | None = None
        self._open = False

    def add(self, packets: Iterable[tuple[float, float, int]]) -> list[GroupDelta]:
        """Take received packets as (arrival on the peer's clock, send time on ours, size); return the new deltas."""
        deltas = []
        first_sent, last_sent, complete = self._first_sent, self._last_sent, self._complete
        for arrived, sent, _ in packets:
            if sent < first_sent:
                continue  # out of order: older than the current group
            if sent - first_sent > BURST_SECONDS:
                gap = arrived - complete
                # Packets held back somewhere and released together arrive as one burst (§5.2).
                faster = gap - (sent - last_sent) < 0
                if not (faster and gap <= BURST_SECONDS / 2 and arrived - self._first_arrived < MAX_BURST_SECONDS):
                    if self._open:
                        delta = self._close(last_sent, complete)
                        if delta is not None:
                            deltas.append(delta)
                    self._open = True
                    self._first_sent = first_sent = last_sent = sent
                    self._first_arrived = complete = arrived
                    continue
            if sent > last_sent:
                last_sent = sent
            if arrived > complete:
                complete = arrived
        self._last_sent, self._complete = last_sent, complete
        return deltas

    def _close(self, last_sent: float, complete: float) -> GroupDelta | None:
        """A packet of the next group came: this one's last packet was sent and arrived at these times."""
        previous, self._previous = self._previous, (last_sent, complete)
        if previous is None:
            return None
        sent_delta, received = last_sent - previous[0], complete - previous[1]
        if received < 0 or abs(received - sent_delta) > MAX_OFFSET_JUMP_SECONDS:
            self._previous = None  # the peer's clock jumped: start anew
            return None
        return sent_delta, received, complete
