"""Temporal layers: the weak of several receivers gets fewer pictures, and nobody else notices."""

import pytest

from tests.sim.browser import Browser
from tests.sim.call import Call
from tests.sim.people import join


def three(weak_link: str) -> tuple[Call, Browser, Browser, Browser]:
    """An agent with a layered camera is watched by somebody with a good link and somebody with another."""
    call = Call(7)
    strong, weak = join(call, "strong", camera=False), join(call, "weak", camera=False)
    agent = join(call, "agent")
    agent.camera.layered = True
    for page in (strong, weak, agent):
        page.up.shape("delay=20")
        page.down.shape("delay=20")
    weak.down.shape(weak_link)
    call.run(2.0)
    call.connect("agent", "strong", "weak")
    call.run(6.0)
    return call, agent, strong, weak


def recent(page: Browser, call: Call, seconds: float) -> tuple[float, set[int]]:
    """Pictures a second and the layers they were of."""
    now = call.clock.now
    layers = {layer for time, layer in page.seen.layers if time > now - seconds}
    return page.seen.fps(now - seconds, now), layers


def test_the_weak_receiver_does_without_upper_layers_and_without_key_frames() -> None:
    call, agent, strong, weak = three("rate=900k,delay=20")
    keys = len(agent.camera.key_frames)
    call.run(8.0)
    fps, layers = recent(strong, call, 6.0)
    assert fps == pytest.approx(30, abs=1)
    assert layers == {0, 1, 2}
    assert min(rate for time, rate, _ in agent.rates if time > call.clock.now - 6.0) > 1_200_000
    fps, layers = recent(weak, call, 6.0)
    assert 6 <= fps <= 20
    assert 2 not in layers or fps < 20
    assert weak.seen.longest_gap(call.clock.now - 6.0, call.clock.now) < 0.5
    assert len(agent.camera.key_frames) == keys, "nobody needed a key frame"
    assert weak.seen.conflicts == strong.seen.conflicts == 0


def test_layers_come_back_with_the_rate_and_without_a_key_frame() -> None:
    call, agent, _, weak = three("rate=900k,delay=20")
    call.run(3.0)
    keys = len(agent.camera.key_frames)
    weak.down.shape("delay=20")
    call.run(12.0)
    fps, layers = recent(weak, call, 3.0)
    assert fps == pytest.approx(30, abs=1)
    assert layers == {0, 1, 2}
    assert len(agent.camera.key_frames) == keys
    assert weak.seen.conflicts == 0


def test_loss_does_not_confuse_what_is_left_out() -> None:
    call, agent, _, weak = three("rate=900k,delay=20,loss=3")
    agent.up.shape("delay=20,loss=3")
    call.run(10.0)
    fps, _ = recent(weak, call, 6.0)
    assert fps >= 5
    assert weak.seen.conflicts == 0
