"""/metrics in Prometheus' format. Label values come from fixed sets only: no input can make a new time series."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callserver.ops.alerts import Reading
from callserver.ops.machine import MachineFacts
from callserver.ops.metrics_quality import QualityMetrics
from media.api import EngineStatus
from signaling.http.messages import KINDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STALLED = "codec_recordings_stalled"
MAX_MEDIA_COUNTERS = 200
"""Names an engine may report; they are our own, so more than that is a fault."""

REFUSALS = frozenset(
    (
        *("bad_message", "unknown_type", "not_allowed", "not_found", "wrong_state", "rate_limited", "bad_sdp"),
        *("bad_ticket", "resume_failed", "at_capacity", "version", "internal"),
        *("unauthorized", "origin", "password", "connections", "photo"),
    )
)
_CLASSES = frozenset(("1xx", "2xx", "3xx", "4xx", "5xx"))
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0)
_QUALITY_BUCKETS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass
class Snapshot:
    """What is asked of others just before a scrape."""

    service: dict[str, int]
    media: EngineStatus
    loop_lag: float = 0.0
    draining: bool = False
    ready: bool = True
    queue_wait: float = 0.0
    """Seconds the customer who waits longest has waited."""
    machine: MachineFacts = field(default_factory=MachineFacts)


class Metrics:
    """All metrics of the control process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._latest = Snapshot({}, EngineStatus(""))
        registry = self._registry
        self._messages = Counter("callserver_messages", "Messages from clients, by type", ["type"], registry=registry)
        self._refused = Counter("callserver_refused", "Input refused, by reason", ["reason"], registry=registry)
        self._http = Counter("callserver_http_responses", "HTTP responses, by class", ["status"], registry=registry)
        self._connect = Histogram(
            "callserver_leg_connect_seconds",
            "From the offer to a leg's connected media",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._loss = Histogram(
            "callserver_audio_loss_ratio",
            "Audio loss that pages report, by role",
            ["role"],
            buckets=_QUALITY_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge("callserver_loop_lag_seconds", "Lateness of the control process' loop", registry=registry)
        self._counts = {"message": (self._messages, KINDS), "refused": (self._refused, REFUSALS)}
        self._counts["http"] = (self._http, _CLASSES)
        for counter, known in (self._counts["refused"], self._counts["http"]):
            for label in sorted(known):
                counter.labels(label)  # from 0 on, or the first of a kind would be no increase
        self.quality = QualityMetrics(registry)
        registry.register(_Gauges(self))

    def count(self, event: str, label: str) -> None:
        """Count one event; a label that is not known becomes `other`."""
        counter, known = self._counts[event]
        counter.labels(label if label in known else "other").inc()

    def connected(self, seconds: float) -> None:
        """A leg's media connected this long after its offer."""
        self._connect.observe(seconds)

    def audio_loss(self, role: str, ratio: float) -> None:
        """A page measured this part of audio packets missing, 0 to 1."""
        self._loss.labels(role).observe(min(max(ratio, 0.0), 1.0))

    def render(self, snapshot: Snapshot) -> bytes:
        """The page as text."""
        self._latest = snapshot
        self._lag.set(snapshot.loop_lag)
        return generate_latest(self._registry)

    def readings(self, snapshot: Snapshot, wanted: frozenset[str]) -> Iterator[Reading]:
        """The samples whose text on the page is among `wanted`: `name`, or `name{label="value"}` with sorted labels."""
        self._latest = snapshot
        self._lag.set(snapshot.loop_lag)
        for family in self._registry.collect():
            for sample in family.samples:
                labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
                text = f"{sample.name}{{{labels}}}" if labels else sample.name
                if text in wanted:
                    yield Reading(text, sample.value)

    @property
    def latest(self) -> Snapshot:
        return self._latest


class _Gauges(Collector):
    """What others count, shown under their names."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        latest = self._metrics.latest
        calls = GaugeMetricFamily("callserver_calls", "Calls by phase", labels=["phase"])
        for name, value in sorted(latest.service.items()):
            if name.startswith("calls_"):
                calls.add_metric([name.removeprefix("calls_")], value)
        yield calls
        for name, value in sorted(latest.service.items()):
            if not name.startswith("calls_"):
                yield GaugeMetricFamily(f"callserver_{name}", f"{name.replace('_', ' ').capitalize()} now", value=value)
        yield GaugeMetricFamily("callserver_draining", "1 while the server goes down", value=int(latest.draining))
        yield GaugeMetricFamily("callserver_ready", "1 while /readyz says so", value=int(latest.ready))
        yield GaugeMetricFamily(
            "callserver_queue_wait_seconds", "Longest wait in the queue now", value=latest.queue_wait
        )
        yield from _machine(latest.machine)
        yield from _media(latest.media)

    def describe(self) -> Iterable[Metric]:
        return ()


def _machine(facts: MachineFacts) -> Iterable[Metric]:
    known = (
        ("callserver_disk_free_bytes", "Room left on the disk of data_dir", facts.disk_free_bytes),
        ("callserver_disk_free_ratio", "The same as part of the disk", facts.disk_free_ratio),
        ("callserver_certificate_seconds", "Until the TLS certificate ends", facts.certificate_seconds),
    )
    for name, meaning, value in known:
        if value is not None:
            yield GaugeMetricFamily(name, meaning, value=value)


def _media(status: EngineStatus) -> Iterable[Metric]:
    yield GaugeMetricFamily("callserver_media_calls", "Calls that media workers hold", value=len(status.calls))
    legs = sum(len(call.legs) for call in status.calls)
    yield GaugeMetricFamily("callserver_media_legs", "Legs that media workers hold", value=legs)
    yield GaugeMetricFamily(
        "callserver_media_cpu_ratio", "CPU of the busiest media worker, in cores", value=status.cpu_fraction
    )
    yield GaugeMetricFamily(
        "callserver_media_loop_lag_seconds",
        "Lateness of the slowest media worker's loop",
        value=status.loop_lag_ms / 1000,
    )
    gauges = ("workers", "workers_spare")
    for name in gauges:
        if name in status.counters:
            yield GaugeMetricFamily(f"callserver_media_{name}", f"{name} now", value=status.counters[name])
    stalled = status.counters.get(STALLED, 0)
    yield GaugeMetricFamily(f"callserver_media_{STALLED}", "Recordings whose disk takes nothing now", value=stalled)
    counters = CounterMetricFamily(
        "callserver_media_events", "Counters of the media workers, summed; see media/io/counters.py", labels=["name"]
    )
    for name, value in sorted(status.counters.items())[:MAX_MEDIA_COUNTERS]:
        if name not in (*gauges, STALLED):
            counters.add_metric([name], value)
    yield counters
