"""OpenTelemetry traces of call set-up (extra `[otel]`): one span a leg, from its offer to connected media.

Off unless `trace.endpoint` is set; then nothing of OpenTelemetry is even imported.
"""

from collections import OrderedDict
from importlib import import_module
from typing import Any, Protocol

from callserver.config import ConfigError
from callserver.ops.settings import TraceSettings

MAX_OPEN = 4_000
"""Spans under way; the oldest is ended as given up."""


class Traces(Protocol):
    """What is told of a leg on its way; each method returns at once."""

    def offered(self, call_id: str, leg_id: str) -> None: ...
    def answered(self, call_id: str, leg_id: str) -> None: ...
    def ended(self, call_id: str, leg_id: str, outcome: str) -> None: ...


class LegTraces:
    """Spans by an OpenTelemetry tracer."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer
        self._open: OrderedDict[tuple[str, str], Any] = OrderedDict()

    def offered(self, call_id: str, leg_id: str) -> None:
        attributes = {"callserver.call_id": call_id, "callserver.leg_id": leg_id}
        self._open[call_id, leg_id] = self._tracer.start_span("leg set-up", attributes=attributes)
        if len(self._open) > MAX_OPEN:
            self.ended(*next(iter(self._open)), "given up")

    def answered(self, call_id: str, leg_id: str) -> None:
        span = self._open.get((call_id, leg_id))
        if span is not None:
            span.add_event("answered")

    def ended(self, call_id: str, leg_id: str, outcome: str) -> None:
        """`connected`, `failed`, `closed` or `given up`."""
        span = self._open.pop((call_id, leg_id), None)
        if span is not None:
            span.set_attribute("callserver.outcome", outcome)
            span.end()


def make_traces(settings: TraceSettings) -> LegTraces | None:
    """The traces the settings want; None: none. Raise ConfigError without the extra. A target that is gone costs a
    bounded queue in a thread of OpenTelemetry's own."""
    if not settings.endpoint:
        return None
    try:
        trace = import_module("opentelemetry.sdk.trace")
        export = import_module("opentelemetry.sdk.trace.export")
        resources = import_module("opentelemetry.sdk.resources")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise ConfigError(["trace.endpoint: OpenTelemetry is not installed; pip install 'callserver[otel]'"]) from error
    resource = resources.Resource.create({"service.name": settings.service_name})
    provider = trace.TracerProvider(resource=resource)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=settings.endpoint)))
    return LegTraces(provider.get_tracer("callserver"))
