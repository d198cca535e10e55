from typing import Any

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


def test_spans_under_way_are_bounded() -> None:
    tracer = Tracer()
    traces = LegTraces(tracer)
    for number in range(MAX_OPEN + 3):
        traces.offered("call", f"leg-{number}")
    assert sum(not span.over for span in tracer.spans) == MAX_OPEN
    assert tracer.spans[0].attributes["callserver.outcome"] == "given up"


def test_off_unless_an_endpoint_is_set() -> None:
    assert make_traces(TraceSettings()) is None
