"""A sender that obeys an estimator over an emulated link, in virtual time."""

import heapq
import math
import random
from dataclasses import dataclass, field

from callserver.drill.link import Link
from callserver.drill.spec import parse_spec
from media.bwe.estimator import Estimator

TICK = 0.005
FEEDBACK_INTERVAL = 0.05
PACKET_BYTES = 1150
AUDIO_BYTES = 100


@dataclass
class Run:
    """What happened, a row every 100 ms: time, target (bps), delivered (bps), queue (s)."""

    rows: list[tuple[float, float, float, float]] = field(default_factory=list)

    def mean_target(self, start: float, end: float) -> float:
        values = [row[1] for row in self.rows if start <= row[0] < end]
        return sum(values) / len(values)

    def mean_delivered(self, start: float, end: float) -> float:
        values = [row[2] for row in self.rows if start <= row[0] < end]
        return sum(values) / len(values)

    def worst_queue(self, start: float, end: float) -> float:
        return max(row[3] for row in self.rows if start <= row[0] < end)

    def reached(self, bps: float, after: float) -> float:
        """Seconds from `after` until the target is above `bps`; infinite if never."""
        return next((row[0] - after for row in self.rows if row[0] >= after and row[1] >= bps), float("inf"))


def drive(spec: str, seconds: float, wanted_bps: float = 2_500_000.0, back: str = "delay=50", seed: int = 1) -> Run:
    """Send video at the target (at most `wanted_bps`) over the link; feedback returns over the clean link `back`."""
    rng = random.Random(seed)
    forward, backward = Link(parse_spec(spec), rng), Link(parse_spec(back), rng)
    estimator, run = Estimator(max_bps=2 * wanted_bps), Run()
    estimator.rtt = 0.1
    arrivals: dict[int, float] = {}
    feedbacks: list[tuple[float, int, list[tuple[int, float | None]]]] = []
    sequence = reported = 0
    now = budget = delivered = worst_queue = 0.0
    next_feedback, next_row, next_audio = FEEDBACK_INTERVAL, 0.1, 0.0
    while now < seconds:
        now += TICK
        budget = min(budget + min(estimator.target_bps, wanted_bps) * TICK / 8, 3 * PACKET_BYTES)
        plan = estimator.plan_probe(wanted_bps, now)
        bursts: list[tuple[int, int, float, int]] = []
        if plan:
            size = min(PACKET_BYTES, plan.size_bytes // plan.packets)
            bursts.append((plan.cluster, -(-plan.size_bytes // size), plan.bps, size))
        while budget >= PACKET_BYTES:
            budget -= PACKET_BYTES
            bursts.append((0, 1, 1e9, PACKET_BYTES))
        if now >= next_audio:
            next_audio += 0.02
            budget -= AUDIO_BYTES
            bursts.append((0, 1, 1e9, AUDIO_BYTES))
        for cluster, count, bps, size in bursts:
            for index in range(count):
                at = now + index * size * 8 / bps
                estimator.sent(sequence, at, size, cluster)
                arrival = forward.offer(size, at)
                if arrival is not None:
                    arrivals[sequence] = arrival
                    delivered += size * 8
                    worst_queue = max(worst_queue, arrival - at - forward.state.delay)
                sequence += 1
        if now >= next_feedback:
            next_feedback += FEEDBACK_INTERVAL
            report = _report(arrivals, reported, sequence, now)
            reported += len(report)
            back_at = backward.offer(100, now) if report else None
            if back_at is not None:
                heapq.heappush(feedbacks, (back_at, reported, report))
        while feedbacks and feedbacks[0][0] <= now:
            estimator.feedback(heapq.heappop(feedbacks)[2], now)
        estimator.silence(now, sequence - 1)
        if now >= next_row:
            run.rows.append((now, estimator.target_bps, delivered / 0.1, worst_queue))
            next_row, delivered, worst_queue = next_row + 0.1, 0.0, 0.0
    return run


def _report(arrivals: dict[int, float], start: int, end: int, now: float) -> list[tuple[int, float | None]]:
    """The fate, known at `now`, of the packets from `start` to the last that arrived."""
    seen = [s for s in range(start, end) if arrivals.get(s, math.inf) <= now]
    if not seen:
        return []
    return [(s, arrivals[s] if arrivals.get(s, math.inf) <= now else None) for s in range(start, seen[-1] + 1)]
