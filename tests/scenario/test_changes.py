"""Hold, mute, joining and leaving in any order on lossy links: what must hold whatever happens."""

import random
from itertools import pairwise

import pytest

from media.api import Kind, Slot
from media.wire.serial import delta32
from tests.sim.call import Call


@pytest.mark.parametrize("seed", range(6))
def test_whatever_changes_no_number_is_used_twice_and_time_goes_forward(seed: int) -> None:
    dice = random.Random(seed)
    call = Call(seed)
    customer = call.join("customer")
    others: list[str] = []
    for step in range(25):
        action = dice.choice(("join", "leave", "connect", "hold", "mute", "loss"))
        now = call.clock.now
        if action == "join" and len(others) < 3:
            others.append(f"agent{step}")
            call.join(others[-1])
        elif action == "leave" and others:
            call.leave(others.pop(dice.randrange(len(others))))
        elif action == "hold":
            call.bridge.hold(dice.random() < 0.4, now)
        elif action == "mute" and others:
            call.bridge.mute(dice.choice(others), dice.choice(list(Kind)), dice.random() < 0.4, now)
        elif action == "loss":
            for page in call.pages.values():
                page.up.loss, page.down.loss = dice.choice((0.0, 0.1)), dice.choice((0.0, 0.1))
                page.up.jitter = dice.choice((0.0, 0.03))
        call.connect("customer", *dice.sample(others, min(len(others), 2)))
        call.run(dice.uniform(0.05, 1.0))
    for page in call.pages.values():
        for slot, sink in page.sinks.items():
            assert sink.conflicts == 0, slot
    steps = [after - before for before, after in pairwise(customer.sinks[Slot.AUDIO].timestamps())]
    assert all(step > -0.2 * 48000 for step in steps)
    for sink in customer.sinks.values():
        played = [(time, packet.timestamp) for time, packet in sink.packets.values()]
        clock_hz = 48000 if sink.kind is Kind.AUDIO else 90000
        for (before, first), (after, second) in pairwise(played):
            # The timestamps' clock and the wall agree, to what jitter, repair and a change of source may cost.
            assert abs(delta32(second, first) / clock_hz - (after - before)) < 1.3


def test_after_everything_the_call_is_as_good_as_new() -> None:
    call = Call()
    call.join("customer")
    for number in range(6):
        name = f"agent{number}"
        call.join(name)
        call.connect("customer", name)
        call.run(0.4)
        call.bridge.hold(True, call.clock.now)
        call.run(0.1)
        call.bridge.hold(False, call.clock.now)
        call.run(0.3)
        if number < 5:
            call.leave(name)
    call.run(2)
    video = call.pages["customer"].sinks[Slot.MAIN]
    assert video.missing() == []
    assert video.decodable()[-1].number > call.pages["agent5"].camera.frame - 6
    assert call.pages["customer"].sinks[Slot.AUDIO].missing() == []
