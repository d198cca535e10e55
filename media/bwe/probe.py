"""Probes: short clusters of packets sent faster than the target, to learn whether more fits.

Source: libwebrtc's probe_controller.cc (when) and probe_bitrate_estimator.cc (what a cluster shows). Ours keeps
probing while the source wants more than the target, so that a link that opens up is used again within seconds, and
divides by the share of packets that arrived, so that random loss does not shrink the result.
"""

from math import ceil
from typing import NamedTuple

from media.bwe.sent import Fate

MIN_SECONDS = 0.015
MIN_PACKETS = 5
MIN_RECEIVED = 4
SMALL_BYTES, LARGE_BYTES = 60, 200
"""A probe packet's least size: small where even few packets would be a queue of their own."""
SPARE_PACKETS = 4
"""More of them where many get lost: with 50 % loss 4 of 14 arrive in 97 of 100 cases, of 10 in 83."""
FIRST_PACKETS = 10
"""The first probe may meet any loss: of ten packets four arrive at 50 % with 83 % probability, of five with 19 %."""
TIMEOUT_SECONDS = 1.0
FIRST_INTERVAL, MAX_INTERVAL = 1.0, 5.0
SETTLE_SECONDS = 1.0
"""After a decrease the queue drains first."""
UTILISED = 0.7
"""A result above this share of the probed rate invites a further probe at once."""


class ProbePlan(NamedTuple):
    """Send `packets` packets or more, at least `size_bytes` in all, at `bps`, marked with `cluster`."""

    cluster: int
    bps: float
    packets: int
    size_bytes: int


class _Cluster:
    __slots__ = (
        "first_arrived",
        "first_sent",
        "first_size",
        "last_arrived",
        "last_sent",
        "last_size",
        "lost",
        "lost_size",
        "plan",
        "received",
        "size",
        "started",
    )

    def __init__(self, plan: ProbePlan, now: float) -> None:
        self.plan = plan
        self.started = now
        self.first_sent = self.first_arrived = float("inf")
        self.last_sent = self.last_arrived = float("-inf")
        self.first_size = self.last_size = self.size = self.lost_size = self.received = self.lost = 0

    def add(self, fate: Fate) -> None:
        if fate.arrived is None:
            self.lost += 1
            self.lost_size += fate.size_bytes
            return
        self.received += 1
        self.size += fate.size_bytes
        self.first_sent = min(self.first_sent, fate.sent)
        if fate.sent > self.last_sent:
            self.last_sent, self.last_size = fate.sent, fate.size_bytes
        if fate.arrived < self.first_arrived:
            self.first_arrived, self.first_size = fate.arrived, fate.size_bytes
        self.last_arrived = max(self.last_arrived, fate.arrived)

    def result_bps(self) -> float | None:
        """What the cluster shows, None if it is too thin."""
        sending = self.last_sent - self.first_sent
        receiving = self.last_arrived - self.first_arrived
        if self.received < MIN_RECEIVED or sending <= 0 or receiving <= 0:
            return None
        sent_bps = (self.size - self.last_size) * 8 / sending
        received_bps = (self.size - self.first_size) * 8 / receiving
        if received_bps > 2 * sent_bps:
            return None  # arrived as one burst: shows nothing
        result = min(sent_bps, received_bps)
        if received_bps < 0.9 * sent_bps:
            result = 0.95 * received_bps  # the link is full at this rate: stay a little below
        return result * (self.received + self.lost) / self.received


class Prober:
    """Says when to probe and reads the results."""

    def __init__(self) -> None:
        self._cluster: _Cluster | None = None
        self._next_id = 1
        self._next_at: float | None = None
        self._interval = FIRST_INTERVAL
        self._follow_bps: float | None = None
        self._known = False

    def plan(
        self, target_bps: float, wanted_bps: float, loss: float, settled_since: float | None, now: float
    ) -> ProbePlan | None:
        """Return a cluster to send now, if one is due.

        `loss`: fraction that will not arrive; `settled_since`: the last decrease, None if there was none.
        """
        if self._cluster is not None:
            if now - self._cluster.started < TIMEOUT_SECONDS:
                return None
            self._finish(now, success=False)
        if wanted_bps <= 1.05 * target_bps:
            return None
        if settled_since is not None and now - settled_since < SETTLE_SECONDS:
            return None
        if self._follow_bps is None and self._next_at is not None and now < self._next_at:
            return None
        factor = 3.0 if self._next_at is None else 2.0
        bps = min(factor * target_bps, 1.1 * wanted_bps)
        self._follow_bps = None
        survivors = max(1.0 - loss, 0.3)
        packets = ceil((MIN_PACKETS + SPARE_PACKETS * loss) / survivors) if self._known else FIRST_PACKETS
        size = int(bps * MIN_SECONDS / survivors / 8)
        size = max(size, packets * min(LARGE_BYTES, max(SMALL_BYTES, size // packets)))
        plan = ProbePlan(self._next_id, bps, packets, size)
        self._next_id += 1
        self._next_at = now + self._interval
        self._cluster = _Cluster(plan, now)
        return plan

    def add(self, fate: Fate, now: float) -> float | None:
        """Take a probe packet's fate; return a bit rate when the cluster is complete."""
        cluster = self._cluster
        if cluster is None or fate.cluster != cluster.plan.cluster:
            return None
        cluster.add(fate)
        if cluster.received + cluster.lost < cluster.plan.packets or (
            cluster.size + cluster.lost_size < 0.8 * cluster.plan.size_bytes
        ):
            return None
        result = cluster.result_bps()
        good = result is not None and result > UTILISED * cluster.plan.bps
        self._finish(now, success=good or result is None)
        self._known = self._known or result is not None
        if good and result is not None:
            self._follow_bps = result
        return result

    def _finish(self, now: float, success: bool) -> None:
        self._cluster = None
        self._interval = FIRST_INTERVAL if success or not self._known else min(2 * self._interval, MAX_INTERVAL)
        self._next_at = now + self._interval
