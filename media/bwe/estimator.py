"""The estimator of one downlink: feedback in, `target_bps` out. Joins the parts of this folder.

Delay based (arrival groups, trendline, overuse, AIMD) for the queue, loss model for links without one, probes for
what could be more, REMB where the peer has no transport-wide feedback.
"""

from collections import deque
from collections.abc import Iterable

from media.bwe.acknowledged import AcknowledgedBitrate
from media.bwe.aimd import Aimd
from media.bwe.arrival_groups import ArrivalGroups
from media.bwe.loss import LossModel
from media.bwe.overuse import OveruseDetector, Usage
from media.bwe.probe import ProbePlan, Prober
from media.bwe.sent import Fate, SentHistory
from media.bwe.trendline import Trendline

MIN_BPS = 10_000.0
EMPTY_QUEUE_SECONDS = 0.03
"""With more of a queue the link is as good as full: a probe would show just that, and voice would wait behind it."""
QUEUE_TOLERATED_SECONDS = 0.06
QUEUE_FULL_BRAKE_SECONDS = 0.4
MIN_BRAKE = 0.25
QUEUE_OVERUSE_SECONDS = 0.2
"""A queue this long is overuse, whatever its trend: at few packets a second the trend is known too late."""
QUEUE_FILLED_SECONDS = 0.1
BASE_DELAY_WINDOW_SECONDS = 15.0
SILENCE_SECONDS = 0.6
SILENT_PACKETS = 20
MAX_CREDITED_LOSS = 0.7


class Estimator:
    """One per leg. `sent` is on the packet path; `feedback` comes 10 to 20 times a second."""

    def __init__(self, start_bps: float = 300_000.0, max_bps: float = 5_000_000.0, transport_cc: bool = True) -> None:
        self.history = SentHistory()
        self.sent = self.history.add
        self.loss = LossModel()
        self.rtt = 0.1
        """Seconds, from RTCP."""
        self.queue_seconds = 0.0
        """How much longer than the shortest of the last seconds the path takes now."""
        self.usage = Usage.NORMAL
        self._groups = ArrivalGroups()
        self._trendline = Trendline()
        self._detector = OveruseDetector()
        self._received = AcknowledgedBitrate()
        self._aimd = Aimd(start_bps, MIN_BPS, max_bps)
        self._prober = Prober()
        self._remb_bps: float | None = None
        self._remb_only = not transport_cc
        self._base_delays: deque[tuple[float, float]] = deque()  # ascending, a sliding minimum
        self._highest_lost = -1
        self._begun = False
        self._last_feedback: float | None = None
        self._answered_at: float | None = None
        self._expected_at: float | None = None
        self._answered_up_to = -1
        self._brake = 1.0
        self.confirmed = False
        """Whether the target is more than an assumption: a probe, a queue or a loss has shown something."""

    @property
    def received_bps(self) -> float | None:
        """What arrives at the peer, None before it is known."""
        return self._received.bps

    @property
    def target_bps(self) -> float:
        """What may be sent now, all included (media, protection, repair)."""
        return max(self.sustained_bps * self._brake, MIN_BPS)

    @property
    def sustained_bps(self) -> float:
        """What the link carries in the long run: the target, but for a queue that has to drain first."""
        target = self._aimd.target_bps
        if self._remb_bps is not None and self._remb_only:
            target = self._remb_bps
        if self.loss.limit_bps is not None:
            target = min(target, self.loss.limit_bps)
        return max(target, MIN_BPS)

    def feedback(self, reports: Iterable[tuple[int, float | None]], now: float) -> None:
        """Take one transport-cc feedback: unwrapped sequence number and arrival time (None: not received), in order."""
        self._remb_only = False
        self._last_feedback = self._answered_at = now
        arrived, octets, probes = self._sort_out(reports)
        if arrived:
            self._received.add(arrived[0][0], arrived[-1][0], octets)
            groups = self._groups.add(arrived)
            for trend, group in zip(self._trendline.extend(groups), groups, strict=True):
                self.usage = self._detector.update(trend, group[0], now)
        probe_bps = None
        for fate in probes:
            probe_bps = self._prober.add(fate, now) or probe_bps
        self.loss.update()
        self._measure_queue(arrived, now)
        if arrived:
            if self.queue_seconds > QUEUE_OVERUSE_SECONDS:
                self.usage = Usage.OVERUSE
            self._aimd.update(self.usage, self.delivered_bps(), self.rtt, now, self._full_bps())
        seen = probe_bps is not None or self.usage is Usage.OVERUSE or self.loss.limit_bps is not None
        self.confirmed = self.confirmed or seen
        if probe_bps is not None and not self._begun:
            self._begun = True  # if it met a narrow link, the queue is its own
            self._aimd.begin_at(probe_bps, now)
        elif probe_bps is not None and self.usage is not Usage.OVERUSE:
            self._aimd.raise_to(probe_bps, now)

    def remb(self, bps: float) -> None:
        """Take the peer's own estimate (draft-alvestrand-rmcat-remb); zero is no estimate, absurd ones are bounded.

        It counts only until transport-wide feedback is heard, which knows more.
        """
        if bps > 0:
            self.confirmed = self.confirmed or self._remb_only
            self._remb_bps = min(max(float(bps), MIN_BPS), 1e9)

    def silence(self, now: float, last_sent: int) -> None:
        """Call now and then: without feedback the path may be gone, so send ever less until it speaks again.

        `last_sent`: the last transport-wide number given out. Where little was sent (a probe, lost in a burst) silence
        means little.
        """
        if self._last_feedback is None or last_sent - self._answered_up_to < SILENT_PACKETS:
            self._last_feedback = now if self._last_feedback is not None else None
        elif now - self._last_feedback > max(SILENCE_SECONDS, 3 * self.rtt):
            self._aimd.target_bps = max(self._aimd.target_bps * 0.5, MIN_BPS * 3)
            self._last_feedback = now

    def answered_at(self, last_sent: int, now: float) -> float:
        """When the last feedback came, or since when one is expected; infinite if none is. Call often.

        `last_sent`: as for `silence`.
        """
        if self._answered_at is None or last_sent - self._answered_up_to < SILENT_PACKETS:
            self._expected_at = None
            return float("inf")
        if self._expected_at is None:
            self._expected_at = now
        return max(self._answered_at, self._expected_at)

    def plan_probe(self, wanted_bps: float, now: float) -> ProbePlan | None:
        """Return a cluster to send if the source wants more than the target and nothing speaks against it."""
        if self.usage is not Usage.NORMAL or self.queue_seconds > EMPTY_QUEUE_SECONDS or self._remb_only:
            return None
        wanted = min(wanted_bps, self._aimd.max_bps, self.loss.limit_bps or wanted_bps)
        return self._prober.plan(self.target_bps, wanted, self.loss.random_loss, self._aimd.decreased_at, now)

    def delivered_bps(self) -> float | None:
        """The received rate as if nothing had been lost at random: what the link carries of ours."""
        if self._received.bps is None:
            return None
        return self._credited(self._received.bps)

    def _full_bps(self) -> float | None:
        """What the link carries if it is full now. The smoothed rate does not know yet of a source that has just begun
        to send more, nor of a link that has just become narrow; a queue tells that what came last is all there is."""
        smoothed = self.delivered_bps()
        if smoothed is None:
            return None
        latest = self._credited(self._received.latest_bps)
        return latest if self.queue_seconds > QUEUE_FILLED_SECONDS and latest else max(latest, smoothed)

    def _credited(self, bps: float) -> float:
        return bps / (1.0 - min(self.loss.random_loss, MAX_CREDITED_LOSS))

    def _sort_out(
        self, reports: Iterable[tuple[int, float | None]]
    ) -> tuple[list[tuple[float, float, int]], int, list[Fate]]:
        """What arrived as (arrival, send time, size) in order of arrival, its bytes, and the fate of probe packets.

        One loop with what it needs at hand: it runs for every packet that is sent.
        """
        arrived: list[tuple[float, float, int]] = []
        probes: list[Fate] = []
        lost = runs = octets = octets_lost = 0
        first = last = 0.0
        losing = False
        sequence = self._answered_up_to
        packets = self.history.packets
        take = packets.pop
        for sequence, arrival in reports:
            if arrival is not None:
                entry = take(sequence, None)
                if entry is None:
                    continue  # unknown, too long ago or reported before
                sent, size, cluster = entry
                losing = False
                octets += size
                arrived.append((arrival, sent, size))
            else:
                entry = packets.get(sequence)
                if entry is None or sequence <= self._highest_lost:
                    continue
                sent, size, cluster = entry
                self._highest_lost = sequence
                octets_lost += size
                lost += 1
                runs += not losing
                losing = True
            first, last = first or sent, sent
            if cluster:
                probes.append(Fate(sequence, sent, size, cluster, arrival))
        self._answered_up_to = max(self._answered_up_to, sequence)
        self.loss.add(first, last, len(arrived) + lost, lost, runs, octets + octets_lost)
        arrived.sort()
        return arrived, octets, probes

    def _measure_queue(self, arrived: list[tuple[float, float, int]], now: float) -> None:
        """Queueing delay against the shortest delay of the last seconds; brake until a long queue has drained."""
        if not arrived:
            return
        delay = min([arrival - sent for arrival, sent, _ in arrived])
        while self._base_delays and self._base_delays[-1][1] >= delay:
            self._base_delays.pop()
        self._base_delays.append((now, delay))
        while now - self._base_delays[0][0] > BASE_DELAY_WINDOW_SECONDS:
            self._base_delays.popleft()
        self.queue_seconds = delay - self._base_delays[0][1]
        excess = self.queue_seconds - QUEUE_TOLERATED_SECONDS
        self._brake = 1.0 if excess <= 0 else max(MIN_BRAKE, 1.0 - excess / QUEUE_FULL_BRAKE_SECONDS)
