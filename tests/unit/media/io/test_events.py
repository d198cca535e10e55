"""The event queue keeps order and stays bounded."""

from media.api import LegConnected, StatsReported
from media.io.counters import Counters
from media.io.events import EventQueue


async def test_events_come_in_order_and_end() -> None:
    queue = EventQueue(Counters())
    for i in range(3):
        queue.put(LegConnected("call", str(i)))
    queue.end()
    assert [event async for event in queue.read()] == [LegConnected("call", str(i)) for i in range(3)]


async def test_a_reader_that_stopped_costs_no_more_than_the_bound() -> None:
    counters = Counters()
    queue = EventQueue(counters, capacity=3)
    for i in range(4):
        queue.put(LegConnected("call", str(i)))
    queue.put(StatsReported(()))
    queue.end()
    assert [event async for event in queue.read()] == [LegConnected("call", str(i)) for i in (1, 2, 3)]
    assert counters.events_dropped == 2


def test_every_counter_has_a_name() -> None:
    counters = Counters()
    counters.stun_checks += 1
    named = counters.as_dict()
    assert named["stun_checks"] == 1
    assert all(isinstance(value, int) for value in named.values())
