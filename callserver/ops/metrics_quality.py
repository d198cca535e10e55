"""Histograms of what calls are like: scores, loss, cost of a packet, lateness. Labels are roles and directions only."""

from prometheus_client import CollectorRegistry, Gauge, Histogram

from media.api import EngineStatus
from signaling.quality_values import Live

ROLES = ("customer", "agent")
BAD_MOS = 2.6
"""Nearly all users are dissatisfied below it (ITU-T G.107 Annex B: R < 50, "not recommended")."""
SCORE_BUCKETS = (1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.34)
LOSS_BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
LAG_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
COST_BUCKETS = (1e-5, 1.5e-5, 2e-5, 2.5e-5, 3e-5, 4e-5, 6e-5, 1e-4, 2e-4)
FEW_DATAGRAMS = 500
"""In one interval; with fewer the cost of a packet would be the cost of being there."""


class QualityMetrics:
    """Fed every few seconds with the live picture and the workers' load."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(name, meaning, labels, buckets=buckets, registry=registry)

        self._mos = histogram("callserver_mos", "Voice MOS of each leg, by who hears it", SCORE_BUCKETS, "role")
        self._video = histogram("callserver_video_score", "Video score, by who sees it", SCORE_BUCKETS, "role")
        self._loss = histogram(
            "callserver_loss_ratio",
            "Packets lost on the way before repair, by side and direction",
            LOSS_BUCKETS,
            "role",
            "direction",
        )
        self._lag = histogram("callserver_media_lag_seconds", "Lateness of each media worker's loop", LAG_BUCKETS)
        self._cost = histogram("callserver_packet_cost_seconds", "CPU of a media worker by datagram sent", COST_BUCKETS)
        self._bad = Gauge(
            "callserver_calls_bad_ratio", "Part of the live calls with a MOS below 2.6", registry=registry
        )
        self._sent: dict[str, int] = {}

    def observe_calls(self, live: Live) -> None:
        """One look at every live call."""
        bad = measured = 0
        for call in live.calls:
            scores = []
            for leg in call.legs:
                if leg.role not in ROLES:
                    continue
                mos = leg.now.get("mos")
                if mos is not None:
                    scores.append(mos)
                    self._mos.labels(leg.role).observe(mos)
                video = leg.now.get("video")
                if video is not None:
                    self._video.labels(leg.role).observe(video)
                for direction in ("up", "down"):
                    loss = leg.now.get(f"{direction}_loss")
                    if loss is not None:
                        self._loss.labels(leg.role, direction).observe(min(max(loss, 0.0), 1.0))
            measured += bool(scores)
            bad += bool(scores) and min(scores) < BAD_MOS
        self._bad.set(bad / measured if measured else 0.0)

    def observe_workers(self, status: EngineStatus, seconds: float) -> None:
        """Load of each worker over the last `seconds`."""
        for worker in status.workers:
            self._lag.observe(worker.loop_lag_ms / 1000)
            sent = worker.datagrams_sent - self._sent.get(worker.engine_id, worker.datagrams_sent)
            if sent >= FEW_DATAGRAMS and seconds > 0:
                self._cost.observe(worker.cpu_fraction * seconds / sent)
        self._sent = {worker.engine_id: worker.datagrams_sent for worker in status.workers}
