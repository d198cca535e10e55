"""A worker waits without a port, gets one, and knows when to end."""

import asyncio

import pytest

from media.api import Kind, LegConnected, LegSpec
from media.errors import CapacityError, MediaError, UnknownLegError
from media.io.worker import RunningEngine, Worker
from tests.fakes.served import ServedEngine


class RunningFake(ServedEngine):
    """An engine that has its port."""

    closed = False

    async def close(self) -> None:
        self.closed = True


class Bench:
    """A worker with a clock that moves when the worker sleeps."""

    def __init__(self, busy: int = 0) -> None:
        self.now = 100.0
        self.busy = busy
        self.engine = RunningFake()
        self.worker = Worker(self._make, clock=lambda: self.now, sleep=self._sleep, orphan_timeout=600, idle_timeout=30)

    async def _make(self, index: int, port: int) -> RunningEngine:
        if self.busy:
            self.busy -= 1
            raise OSError(98, "Address already in use")
        self.engine.index, self.engine.port = index, port or 40_000
        return self.engine  # type: ignore[return-value]

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


async def test_a_spare_holds_nothing_and_says_so() -> None:
    bench = Bench()
    spare = bench.worker
    hello = spare.greeting()
    assert (hello.index, hello.port) == (None, None)
    assert (await spare.status()).calls == ()
    assert await spare.stats("c") == ()
    await spare.close_leg("c", "l")
    await spare.close_call("c")
    with pytest.raises(CapacityError):
        await spare.open_leg(LegSpec("c", "l"))
    for ask in (
        spare.accept_answer("c", "l", 0, ""),
        spare.restart_ice("c", "l"),
        spare.connect("c", ()),
        spare.hold("c", True),
        spare.mute("c", "l", Kind.AUDIO, True),
    ):
        with pytest.raises(UnknownLegError):
            await ask
    await spare.close()


async def test_it_becomes_the_worker_it_is_told_to_be() -> None:
    bench = Bench()
    assert await bench.worker.activate(2, 7884) == 7884
    hello = bench.worker.greeting()
    assert (hello.index, hello.port) == (2, 7884)
    assert (await bench.worker.open_leg(LegSpec("c", "l"))).leg_id == "l"
    status = await bench.worker.status()
    assert (status.engine_id, len(status.calls)) == ("worker-2", 1)
    bench.engine.queue.put(LegConnected("c", "l"))
    assert await anext(bench.worker.events()) == LegConnected("c", "l")
    assert await bench.worker.activate(2, 7884) == 7884, "a repeat does nothing"
    with pytest.raises(MediaError, match="worker 2 on port 7884 already"):
        await bench.worker.activate(3, 7885)


async def test_a_port_that_the_dead_predecessor_still_holds_is_tried_again() -> None:
    bench = Bench(busy=100)
    assert await bench.worker.activate(0, 0) == 40_000
    assert bench.now - 100 < 1.0


async def test_a_port_that_stays_taken_is_a_clear_error() -> None:
    bench = Bench(busy=100_000)
    with pytest.raises(MediaError, match=r"port 7882 .* Address already in use"):
        await bench.worker.activate(0, 7882)


async def test_drained_it_ends_when_empty() -> None:
    bench = Bench()
    await bench.worker.activate(0, 1)
    await bench.worker.open_leg(LegSpec("c", "l"))
    living = asyncio.ensure_future(bench.worker.live(lambda: True))
    await bench.worker.drain(1000.0)
    assert bench.engine.draining
    assert (await bench.worker.status()).draining
    await asyncio.sleep(0)
    assert not living.done()
    await bench.worker.close_call("c")
    await living
    assert bench.now < 1100
    await bench.worker.close()
    assert bench.engine.closed


async def test_drained_it_ends_at_the_deadline_with_calls() -> None:
    bench = Bench()
    await bench.worker.activate(0, 1)
    await bench.worker.open_leg(LegSpec("c", "l"))
    await bench.worker.drain(50.0)
    await bench.worker.drain(float("inf"))
    await bench.worker.live(lambda: True)
    assert 150 <= bench.now < 151


async def test_a_spare_that_is_drained_ends() -> None:
    bench = Bench()
    await bench.worker.drain(0.0)
    await bench.worker.live(lambda: True)
    assert bench.now < 101


@pytest.mark.parametrize(("calls", "patience"), [(0, 30), (1, 600)])
async def test_without_a_control_process_it_ends_by_itself(calls: int, patience: float) -> None:
    bench = Bench()
    await bench.worker.activate(0, 1)
    for number in range(calls):
        await bench.worker.open_leg(LegSpec(f"c{number}", "l"))
    connected_until = 200.0
    await bench.worker.live(lambda: bench.now < connected_until)
    assert patience - 1 < bench.now - connected_until < patience + 1
