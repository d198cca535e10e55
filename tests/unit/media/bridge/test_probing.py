"""A probe is sent as planned: the bytes and the packets, at its rate."""

from types import SimpleNamespace

import pytest

from media.bridge.outbound_video import VideoOut
from media.bridge.rate_control import RateControl
from media.bwe.probe import ProbePlan
from media.send.pacer import Pacer
from tests.sim.page import parameters

pytestmark = pytest.mark.interpreted


class Pictures(VideoOut):
    """Sends what it is asked for in packets of one size."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sent = []  # type: ignore[assignment]
        self.source = SimpleNamespace()  # type: ignore[assignment]

    def send_probe(self, cluster: int, size: int, now: float) -> int:
        self.sent.append(now)  # type: ignore[attr-defined]
        return self.size


def probe(plan: ProbePlan, size: int) -> list[float]:
    """When its packets left, polled every millisecond."""
    pictures = Pictures(size)
    downlink = SimpleNamespace(pacer=Pacer(1e6))
    control = RateControl(downlink, (pictures,), parameters(1000), lambda: 0.05, lambda: 0.0, 0.0)  # type: ignore[arg-type]
    control._probe, control._tend_due = plan, float("inf")
    now = 0.0
    while control._probe is not None:
        control.poll(now)
        now += 0.001
        assert now < 1.0
    return pictures.sent  # type: ignore[return-value]


def test_large_packets_are_still_as_many_as_planned() -> None:
    times = probe(ProbePlan(1, 900_000.0, 5, 1_700), 1_100)
    assert len(times) == 5
    assert 0.035 < times[-1] - times[0] < 0.05, "at the planned rate, not in one burst"


def test_small_packets_are_as_many_as_the_bytes_need() -> None:
    times = probe(ProbePlan(1, 900_000.0, 5, 3_000), 200)
    assert len(times) == 15
