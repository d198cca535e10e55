from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from callserver.ops.observed import ObservedEngine
from callserver.ops.settings import TraceSettings
from callserver.ops.tracing import MAX_OPEN, LegTraces, make_traces
from media.api import LegConnected, LegFailed, LegSpec
from tests.fakes.engine import FakeEngine


class Span:
    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = dict(attributes)
        self.events: list[str] = []
        self.over = False

    def add_event(self, name: str) -> None:
        self.events.append(name)

    def set_attribute(self, name: str, value: Any) -> None:
        self.attributes[name] = value

    def end(self) -> None:
        self.over = True


class Tracer:
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def start_span(self, name: str, attributes: dict[str, Any]) -> Span:
        self.spans.append(Span(attributes))
        return self.spans[-1]


async def test_a_leg_is_one_span_from_offer_to_media() -> None:
    tracer, engine = Tracer(), FakeEngine()
    observed = ObservedEngine(engine, lambda _: None, lambda: 0.0, traces=LegTraces(tracer))
    for leg in ("a", "b", "c"):
        await observed.open_leg(LegSpec("call", leg))
    await observed.accept_answer("call", "a", 0, "v=0")
    engine.model.happened.clear()
    engine.model.happened.extend([LegConnected("call", "a"), LegFailed("call", "b", "dtls")])
    stream = observed.events()
    for _ in range(2):
        await anext(stream)
    await observed.close_leg("call", "c")
    assert [span.attributes["callserver.outcome"] for span in tracer.spans] == ["connected", "failed", "closed"]
    assert tracer.spans[0].events == ["answered"]
    assert all(span.over for span in tracer.spans)


async def test_a_call_is_set_up_in_spans_of_opentelemetry() -> None:
    """The real SDK of the extra `[otel]`: both legs of a call that connects, as a collector gets them."""
    kept, provider, engine = InMemorySpanExporter(), TracerProvider(), FakeEngine()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    observed = ObservedEngine(engine, lambda _: None, lambda: 0.0, traces=LegTraces(provider.get_tracer("callserver")))
    for leg in ("customer", "agent"):
        await observed.open_leg(LegSpec("call", leg))
        await observed.accept_answer("call", leg, 0, "v=0")
    assert kept.get_finished_spans() == ()
    engine.model.happened.clear()
    engine.model.happened.extend([LegConnected("call", "customer"), LegConnected("call", "agent")])
    stream = observed.events()
    for _ in range(2):
        await anext(stream)
    spans = kept.get_finished_spans()
    assert [(span.name, *(span.attributes or {}).values()) for span in spans] == [
        ("leg set-up", "call", leg, "connected") for leg in ("customer", "agent")
    ]
    for span in spans:
        (answered,) = span.events
        assert answered.name == "answered"
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time <= answered.timestamp <= span.end_time
    provider.shutdown()


def test_spans_under_way_are_bounded() -> None:
    tracer = Tracer()
    traces = LegTraces(tracer)
    for number in range(MAX_OPEN + 3):
        traces.offered("call", f"leg-{number}")
    assert sum(not span.over for span in tracer.spans) == MAX_OPEN
    assert tracer.spans[0].attributes["callserver.outcome"] == "given up"


def test_off_unless_an_endpoint_is_set() -> None:
    assert make_traces(TraceSettings()) is None
