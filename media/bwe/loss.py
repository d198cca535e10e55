"""Loss-based limit: is loss random, or does it rise with the rate because a link without a queue is full?

Two explanations of the last seconds are compared by likelihood. "Random": every packet is lost with one probability.
"Full": above a capacity B the surplus is lost as well, so that at a sending rate r the loss is p + (1 - p)(1 - B/r).
Only when "full" explains the observations clearly better is B a limit. The model is that of libwebrtc's
loss_based_bwe_v2.cc (inherent loss and bandwidth, fitted by maximum likelihood); the decision between the two, the
correction for bursts and the absence of any ceiling on random loss are ours: 30 % of random loss is 30 % repair
work, not congestion.
"""

from collections import deque
from math import log
from typing import NamedTuple

WINDOW = 24
MIN_PACKETS = 20
MIN_SECONDS = 0.25
MAX_SECONDS = 2.0
FORGETTING = 0.93
DECISION = 5.0
"""Log-likelihood ratio (nats) at which "full" is believed: e^5, 150 to 1."""
NEGLIGIBLE_LOSS = 0.02
_CANDIDATES = tuple(0.35 * (1 / 0.35) ** (i / 11) for i in range(11))
_EPSILON = 1e-4


class Observation(NamedTuple):
    sent_bps: float
    packets: int
    lost: int


class LossModel:
    """Feed the fate of packets as it becomes known; read `random_loss`, `burst_length` and `limit_bps`."""

    def __init__(self) -> None:
        self._window: deque[Observation] = deque(maxlen=WINDOW)
        self._packets = self._lost = self._bytes = 0
        self.packets_total = self.lost_total = self.runs_total = 0
        """All that was ever taken, for whoever measures."""
        self._started: float | None = None
        self._latest = 0.0
        self._runs = 0.0
        self._run_losses = 0.0
        self.random_loss = 0.0
        """Fraction of packets lost for reasons other than our rate."""
        self.loss = 0.0
        """Fraction lost over the last second or two, for whatever reason."""
        self.limit_bps: float | None = None

    @property
    def burst_length(self) -> float:
        """Mean number of packets lost in a row, at least 1."""
        return max(1.0, self._run_losses / self._runs) if self._runs >= 1.0 else 1.0

    def add(self, first: float, last: float, packets: int, lost: int, runs: int, size_bytes: int) -> None:
        """Take the fate of `packets` packets sent between two times (seconds), `lost` of them in `runs` rows."""
        if packets <= 0:
            return
        if self._started is None:
            self._started = first
        self._latest = max(self._latest, last)
        self._packets += packets
        self._bytes += size_bytes
        self._lost += lost
        self._run_losses += lost
        self._runs += runs
        self.packets_total += packets
        self.lost_total += lost
        self.runs_total += runs

    def update(self) -> bool:
        """Close the observation if it is long enough and decide anew; True if it was."""
        if self._started is not None and self._latest - self._started > MAX_SECONDS:
            self._packets = self._lost = self._bytes = 0  # a pause between: no rate to be had from that
            self._started = None
        if self._started is None or self._packets < MIN_PACKETS or self._latest - self._started < MIN_SECONDS:
            return False
        rate = self._bytes * 8 / (self._latest - self._started)
        self._window.append(Observation(rate, self._packets, self._lost))
        fraction = self._lost / self._packets
        self.loss += 0.3 * (fraction - self.loss) if len(self._window) > 1 else fraction
        self._runs, self._run_losses = self._runs * 0.9, self._run_losses * 0.9
        self._packets = self._lost = self._bytes = 0
        self._started = None
        self._decide()
        return True

    def _decide(self) -> None:
        if not self._lost_lately():
            self.random_loss, self.limit_bps = 0.0, None
            return
        weighted = [(o, FORGETTING**age) for age, o in enumerate(reversed(self._window))]
        total = sum(w * o.packets for o, w in weighted)
        overall = sum(w * o.lost for o, w in weighted) / total
        if overall < NEGLIGIBLE_LOSS or len(weighted) < 4:
            self.random_loss, self.limit_bps = overall, None
            return
        random_likelihood = _likelihood(weighted, overall, None)
        if rising_likelihood(weighted) - random_likelihood <= DECISION * self.burst_length:
            self.random_loss, self.limit_bps = overall, None
            return  # no limit at all could explain it clearly better: nearly always so, and ten times cheaper
        top = max(o.sent_bps for o, _ in weighted)
        best_likelihood, best_limit, best_loss = random_likelihood, None, overall
        for share in _CANDIDATES:
            limit = share * top
            for inherent in _inherent_candidates(weighted, limit):
                likelihood = _likelihood(weighted, inherent, limit)
                if likelihood > best_likelihood:
                    best_likelihood, best_limit, best_loss = likelihood, limit, inherent
        # Losses in bursts are not independent: a burst counts as one piece of evidence.
        evidence = (best_likelihood - random_likelihood) / self.burst_length
        if best_limit is not None and evidence > DECISION:
            self.random_loss, self.limit_bps = best_loss, best_limit
        else:
            self.random_loss, self.limit_bps = overall, None

    def _lost_lately(self) -> bool:
        return any(observation.lost for observation in self._window)


def _inherent_candidates(weighted: list[tuple[Observation, float]], limit: float) -> tuple[float, ...]:
    """No loss but the surplus, or that which was seen below the limit."""
    packets = sum(w * o.packets for o, w in weighted if o.sent_bps <= limit)
    if packets < MIN_PACKETS:
        return (0.0,)
    return (0.0, sum(w * o.lost for o, w in weighted if o.sent_bps <= limit) / packets)


def rising_likelihood(weighted: list[tuple[Observation, float]]) -> float:
    """Log-likelihood of the best explanation in which loss nowhere falls as the rate rises: every "full" is one, so
    none is better. Isotonic regression by pooling adjacent violators (Ayer et al. 1955)."""
    pools: list[tuple[float, float]] = []
    for observation, weight in sorted(weighted):
        lost, packets = weight * observation.lost, weight * observation.packets
        while pools and pools[-1][0] * packets >= lost * pools[-1][1]:
            before, of = pools.pop()
            lost, packets = lost + before, packets + of
        pools.append((lost, packets))
    result = 0.0
    for lost, packets in pools:
        if 0.0 < lost < packets:
            result += lost * log(lost / packets) + (packets - lost) * log(1.0 - lost / packets)
    return result


def _likelihood(weighted: list[tuple[Observation, float]], inherent: float, limit: float | None) -> float:
    """Log-likelihood of the observations (binomial, without its constant)."""
    result = 0.0
    for observation, weight in weighted:
        loss = inherent
        if limit is not None and observation.sent_bps > limit:
            loss += (1.0 - inherent) * (1.0 - limit / observation.sent_bps)
        loss = min(max(loss, _EPSILON), 1.0 - _EPSILON)
        received = observation.packets - observation.lost
        result += weight * (observation.lost * log(loss) + received * log(1.0 - loss))
    return result
