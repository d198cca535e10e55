"""The pool pins calls, says at once what a dead worker held, and gives its place to the spare."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from media.api import CallLost, LegConnected, LegSpec
from media.errors import CapacityError, EngineLostError, MediaError, NegotiationError, UnknownLegError
from media.io import pool_crew, remote, worker_files
from media.io.pool import WorkerPool
from media.io.remote_server import EngineServer
from tests.fakes.served import ServedEngine

PORT = 7000
CHECKING = 1234.5
"""The pause between checks, told apart from every other."""


class FakeWorker:
    """A worker of this process: a served engine on a socket, until it is killed or drained."""

    def __init__(self, pid: int, path: Path, index: int | None = None, port: int | None = None) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.engine = ServedEngine(f"worker-{pid}", index)
        self.engine.port = port
        self.server = EngineServer(self.engine, self._greeting)
        self.path = path
        self.version = remote.PROTOCOL_VERSION
        self.listening = asyncio.Event()
        self._dead = asyncio.Event()

    def _greeting(self) -> remote.ServerHello:
        return remote.ServerHello(self.version, self.engine.name, self.pid, self.engine.index, self.engine.port)

    async def live(self) -> None:
        async with self.server.listening(self.path):
            self.listening.set()
            waiting = [asyncio.ensure_future(event.wait()) for event in (self._dead, self.engine.drained)]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for future in waiting:
                future.cancel()
        self.returncode = 0

    def kill(self) -> None:
        self._dead.set()


class Machine:
    """Starts fake workers and remembers them; sleeping is moving a clock that stands otherwise."""

    def __init__(self, directory: Path, tasks: asyncio.TaskGroup) -> None:
        self.directory = directory
        self.workers: list[FakeWorker] = []
        self.slept: list[float] = []
        self.refuse: list[Exception] = []
        self.may_check = asyncio.Event()
        self._tasks = tasks

    async def start(self, path: Path) -> FakeWorker:
        if self.refuse:
            raise self.refuse.pop(0)
        worker = FakeWorker(100 + len(self.workers), path)
        self.workers.append(worker)
        self._tasks.create_task(worker.live())
        await worker.listening.wait()
        return worker

    async def begin(
        self,
        index: int | None,
        port: int | None,
        calls: dict[str, list[str]],
        version: int = remote.PROTOCOL_VERSION,
    ) -> FakeWorker:
        """A worker left by an earlier control process."""
        worker = FakeWorker(50 + len(self.workers), worker_files.new_socket(self.directory), index, port)
        worker.engine.calls = calls
        worker.version = version
        self.workers.append(worker)
        self._tasks.create_task(worker.live())
        await worker.listening.wait()
        return worker

    async def sleep(self, seconds: float) -> None:
        if seconds == CHECKING:
            await self.may_check.wait()
            self.may_check.clear()
        else:
            self.slept.append(seconds)
            await asyncio.sleep(0)

    def at(self, index: int) -> FakeWorker:
        found = [worker for worker in self.workers if worker.returncode is None and worker.engine.index == index]
        assert len(found) == 1
        return found[0]

    def living(self) -> list[FakeWorker]:
        return [worker for worker in self.workers if worker.returncode is None]


async def until(condition: Callable[[], object]) -> None:
    """Let everything run until it is so; the sockets are real, so turns of the loop are counted generously."""
    for _ in range(20_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to be")


@pytest.fixture(autouse=True)
def _checking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_crew, "CHECK_INTERVAL", CHECKING)


@asynccontextmanager
async def machine(directory: Path) -> AsyncIterator[Machine]:
    async with asyncio.TaskGroup() as tasks:
        made = Machine(directory, tasks)
        yield made
        for worker in made.workers:
            worker.kill()


@asynccontextmanager
async def pool_on(made: Machine, count: int = 2, **options: object) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(made.directory, made.start, count=count, port=PORT, sleep=made.sleep, **options)  # type: ignore[arg-type]
    await pool.start()
    yield pool
    await pool.close()


async def test_workers_get_their_ports_and_a_spare_waits(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        await until(lambda: len(made.workers) == 3)
        assert {worker.engine.index: worker.engine.port for worker in made.workers} == {0: 7000, 1: 7001, None: None}
        status = await pool.status()
        await until(lambda: pool._crew.spare is not None)
        assert status.engine_id == "pool"
        assert status.counters["workers"] == 2
        assert status.counters["datagrams_received"] == 14
        assert status.cpu_fraction == 0.25


async def test_a_call_stays_where_its_first_leg_was_opened_and_calls_spread(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        for number in range(4):
            for leg in ("a", "b"):
                await pool.open_leg(LegSpec(f"c{number}", f"{number}{leg}"))
        calls = [made.at(index).engine.calls for index in (0, 1)]
        assert calls == [{"c0": ["0a", "0b"], "c2": ["2a", "2b"]}, {"c1": ["1a", "1b"], "c3": ["3a", "3b"]}]
        await pool.connect("c1", ("1a", "1b"))
        assert made.at(1).engine.asked[-1] == ("connect", "c1", ("1a", "1b"))
        await pool.accept_answer("c0", "0a", 0, "v=0")
        assert made.at(0).engine.asked[-1] == ("accept_answer", "c0", "0a", 0, "v=0")
        assert [stats.leg_id for stats in await pool.stats("c2")] == ["2a", "2b"]
        assert {call.call_id for call in (await pool.status()).calls} == {"c0", "c1", "c2", "c3"}


async def test_what_nobody_holds_is_unknown_or_ignored(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        for ask in (
            pool.hold("x", True),
            pool.connect("x", ()),
            pool.restart_ice("x", "l"),
            pool.accept_answer("x", "l", 0, ""),
        ):
            with pytest.raises(UnknownLegError):
                await ask
        await pool.close_leg("x", "l")
        await pool.close_call("x")
        assert await pool.stats("x") == ()


async def test_errors_of_a_worker_are_the_pools(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1) as pool:
        await pool.open_leg(LegSpec("c", "a"))
        made.at(0).engine.failure = NegotiationError("m-line 1")
        with pytest.raises(NegotiationError, match="m-line 1"):
            await pool.accept_answer("c", "a", 0, "")


async def test_events_of_all_workers_come_together(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        for index in (0, 1):
            made.at(index).server.publish(LegConnected("c", f"leg-{index}"))
        events = pool.events()
        assert {(await anext(events)).leg_id for _ in range(2)} == {"leg-0", "leg-1"}  # type: ignore[union-attr]


async def test_a_dead_workers_calls_are_lost_at_once_and_the_spare_takes_its_port(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        await until(lambda: pool._crew.spare is not None)
        for number in range(4):
            await pool.open_leg(LegSpec(f"c{number}", "a"))
        dead, spare = made.at(0), made.workers[2]
        dead.kill()
        events = pool.events()
        assert [await anext(events) for _ in range(2)] == [CallLost("c0"), CallLost("c2")]
        with pytest.raises(UnknownLegError):
            await pool.connect("c0", ("a",))
        for call_id in ("c0", "c2"):
            assert (await pool.open_leg(LegSpec(call_id, "again"))).call_id == call_id
        await until(lambda: spare.engine.index == 0)
        assert spare.engine.port == 7000
        await until(lambda: len(made.living()) == 3)
        assert (await pool.status()).counters["workers_lost"] == 1


async def test_a_leg_waits_while_the_only_worker_is_replaced(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1, spare=False) as pool:
        await pool.open_leg(LegSpec("c", "a"))
        made.at(0).kill()
        assert await anext(pool.events()) == CallLost("c")
        assert (await pool.open_leg(LegSpec("c", "b"))).leg_id == "b"
        assert len(made.workers) == 2


async def test_a_request_under_way_fails_when_its_worker_dies(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1) as pool:
        await pool.open_leg(LegSpec("c", "a"))
        worker = made.at(0)
        worker.engine.open.clear()
        asked = asyncio.ensure_future(pool.hold("c", True))
        await until(lambda: ("hold", "c", True) in worker.engine.asked)
        assert worker.server._current is not None
        worker.server._current.close()
        with pytest.raises(EngineLostError):
            await asked
        worker.engine.open.set()


async def test_living_workers_are_adopted_with_their_calls(tmp_path: Path) -> None:
    async with machine(tmp_path) as made:
        old = await made.begin(1, 7001, {"old": ["a"]})
        waiting = await made.begin(None, None, {})
        (tmp_path / "w-dead.sock").touch()
        async with pool_on(made) as pool:
            assert made.at(1) is old
            assert waiting.engine.index == 0, "the old spare is used for the missing index"
            await pool.hold("old", True)
            assert old.engine.asked[-1] == ("hold", "old", True)
            assert not (tmp_path / "w-dead.sock").exists()
            old.kill()
            assert await anext(pool.events()) == CallLost("old")


async def test_a_pool_that_closes_leaves_workers_to_the_next_one(tmp_path: Path) -> None:
    async with machine(tmp_path) as made:
        async with pool_on(made) as pool:
            await until(lambda: pool._crew.spare is not None)
            await pool.open_leg(LegSpec("c", "a"))
        assert len(made.living()) == 3
        async with pool_on(made) as pool:
            await pool.connect("c", ("a",))
            assert len(made.workers) == 3


async def test_a_worker_too_many_or_on_another_port_is_drained(tmp_path: Path) -> None:
    async with machine(tmp_path) as made:
        high = await made.begin(5, 7005, {"c": ["a"]})
        moved = await made.begin(0, 9999, {})
        async with pool_on(made, count=1):
            await until(lambda: high.returncode == 0 and moved.returncode == 0)
            assert made.at(0).engine.port == 7000


async def test_a_worker_of_another_version_is_killed_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with machine(tmp_path) as made:
        other = await made.begin(0, 7000, {}, version=99)

        def end(socket: Path, number: int) -> bool:
            other.kill()
            return socket == other.path

        monkeypatch.setattr(worker_files, "end", end)
        async with pool_on(made, count=1):
            await until(lambda: other.returncode == 0)
            assert made.at(0).engine.port == 7000


async def test_a_taken_port_is_a_clear_error_and_leaves_no_worker(tmp_path: Path) -> None:
    async with machine(tmp_path) as made:

        async def start(path: Path) -> FakeWorker:
            worker = await made.start(path)
            worker.engine.failure = MediaError("media port 7000 (UDP and TCP) cannot be used: in use")
            return worker

        pool = WorkerPool(tmp_path, start, count=1, port=PORT, sleep=made.sleep)
        with pytest.raises(MediaError, match="7000"):
            await pool.start()
        await until(lambda: not made.living())


async def test_two_control_processes_are_one_too_many(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1):
        second = WorkerPool(tmp_path, made.start, count=1, port=PORT, sleep=made.sleep)
        with pytest.raises(worker_files.RunDirectoryError, match="another callserver"):
            await second.start()


async def test_full_workers_refuse(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, max_calls_per_worker=1) as pool:
        for number in range(2):
            await pool.open_leg(LegSpec(f"c{number}", "a"))
        with pytest.raises(CapacityError, match="every media worker"):
            await pool.open_leg(LegSpec("c2", "a"))
        await pool.open_leg(LegSpec("c0", "b"))
        await pool.close_call("c0")
        await pool.open_leg(LegSpec("c2", "a"))


async def test_a_worker_that_refuses_a_call_does_not_keep_it(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        made.at(0).engine.capacity = 0
        with pytest.raises(CapacityError):
            await pool.open_leg(LegSpec("c", "a"))
        assert pool._pins == {}


async def test_reports_teach_calls_and_forget_them_after_two(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1) as pool:
        await pool.open_leg(LegSpec("c", "a"))
        worker = made.at(0)
        worker.engine.calls = {"other": ["a"]}
        for known in ({"c", "other"}, {"other"}):
            asked = len(worker.engine.asked)
            made.may_check.set()
            await until(lambda asked=asked: len(worker.engine.asked) > asked and not made.may_check.is_set())
            await until(lambda known=known: set(pool._pins) == known)


async def test_drain_ends_every_worker_and_refuses_new_calls(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made) as pool:
        await pool.open_leg(LegSpec("c", "a"))
        draining = asyncio.ensure_future(pool.drain(20.0))
        await asyncio.sleep(0)
        with pytest.raises(CapacityError):
            await pool.open_leg(LegSpec("d", "a"))
        await draining
        assert not made.living()
        asked = [worker.engine.asked[-1] for worker in made.workers if worker.engine.asked]
        assert ("drain", 20.0) in asked
        assert ("drain", 0.0) in asked


async def test_new_processes_back_off_when_workers_die_young(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1, spare=False):
        for deaths in range(1, 4):
            made.at(0).kill()
            await until(lambda deaths=deaths: len(made.workers) == 1 + deaths and made.workers[-1].engine.index == 0)
        assert made.slept == [0.25, 0.5, 1.0]


async def test_a_machine_that_cannot_start_processes_is_asked_again_ever_more_slowly(tmp_path: Path) -> None:
    async with machine(tmp_path) as made, pool_on(made, count=1, spare=False):
        made.refuse = [OSError("no memory")] * 9
        made.at(0).kill()
        await until(lambda: not made.refuse and made.workers[-1].engine.index == 0)
        assert made.slept == sorted(made.slept)
        assert max(made.slept) == pool_crew.BACKOFF_LONGEST
