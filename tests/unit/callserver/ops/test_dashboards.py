"""Grafana's and Prometheus' files use metrics and labels that exist. (promtool itself: callserver/ops/README.md)"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from callserver.ops.alert_rules import load_rules
from callserver.ops.machine import MachineFacts
from callserver.ops.metrics import Metrics, Snapshot
from media.api import EngineStatus, WorkerLoad
from media.bridge.counters import Counters as BridgeCounters
from media.io.counters import Counters
from signaling.quality_values import Live, LiveCall, LiveLeg

OPS = Path(__file__).parents[4] / "callserver/ops"
SCORES = {"mos", "video", "connection"}
WORDS = {"by", "sum", "min", "max", "rate", "increase", "delta", "histogram_quantile", "avg_over_time", "and", "up"}
WORDS |= {"le", "instance", "job"}


def served() -> dict[str, set[str]]:
    """Every sample of a scrape after everything has happened once, with its labels."""
    metrics = Metrics()
    for event, label in (("message", "ping"), ("refused", "at_capacity"), ("http", "2xx")):
        metrics.count(event, label)
    now = {"mos": 4.0, "video": 4.0, "up_loss": 0.0, "down_loss": 0.0}
    leg = LiveLeg("l", "customer", now=dict(now))
    metrics.quality.observe_calls(Live(0.0, [LiveCall("c", "s", "active", "video", 0.0, legs=[leg])]))
    status = EngineStatus("pool", workers=(WorkerLoad("w", 1, 2, 0.5, 1.0, 10_000),))
    metrics.quality.observe_workers(status, 1.0)
    counters = Counters().as_dict() | BridgeCounters().as_dict() | {"workers": 1, "workers_spare": 1, "workers_lost": 0}
    service = {"calls_active": 1, "sessions": 1, "agents_ready": 1, "store_failures": 0, "recording_failures": 0}
    machine = MachineFacts(1.0, 0.5, 1.0)
    text = metrics.render(Snapshot(service, EngineStatus("p", counters=counters), machine=machine)).decode()
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, rest = line.partition("{") if "{" in line else line.partition(" ")
            labels = re.findall(r'(\w+)="([^"]*)"', rest) if "{" in line else []
            found.setdefault(name, set()).update(f"{key}={value}" for key, value in labels)
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of both files."""
    dashboard = json.loads((OPS / "grafana/callserver.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
    for line in (OPS / "prometheus/alerts.yml").read_text().splitlines():
        if "expr:" in line:
            yield "alerts.yml", line.partition("expr:")[2].strip()


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_and_label_exists(where: str, expression: str) -> None:
    found = served()
    assert expression.count("(") == expression.count(")")
    plain = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", " ", expression)
    names = set(re.findall(r"\b[a-z][a-z_]*[a-z]\b", plain)) - WORDS
    labels = {"phase", "role", "direction", "reason", "status", "name"}
    assert names - labels <= found.keys(), (where, names - labels - found.keys())
    for name, selector in re.findall(r"(callserver_\w+)\{([^}]*)\}", expression):
        for label, operator, value in re.findall(r"(\w+)(=~|=)\"([^\"]*)\"", selector):
            if label in ("job", "instance"):
                continue
            known = {one.partition("=")[2] for one in found[name] if one.startswith(f"{label}=")}
            wanted = re.compile(value if operator == "=~" else re.escape(value))
            assert label == "phase" or any(wanted.fullmatch(one) for one in known), (where, label, value)


def test_every_default_rule_follows_something_that_exists() -> None:
    found = served()
    samples = set(found)
    for rule in load_rules():
        name, _, selector = rule.metric.partition("{")
        assert rule.metric in SCORES or name in samples, rule.name
        for label, value in re.findall(r'(\w+)="([^"]*)"', selector):
            assert f"{label}={value}" in found[name] or label == "reason", rule.name


def test_the_page_has_few_series() -> None:
    """Everything that may happen, happened once: the bound of the README."""
    metrics = Metrics()
    text = metrics.render(Snapshot({}, EngineStatus(""))).decode()
    assert sum(not line.startswith("#") for line in text.splitlines()) < 400
