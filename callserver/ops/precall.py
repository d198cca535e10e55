"""The test before a call: a page opens two legs of a call of its own and hears itself through the real media worker.

It is no call of the switchboard: nobody rings, nothing is stored. Bounded in number, time and attempts an address.
"""

import asyncio
import secrets
from collections.abc import Callable
from typing import Annotated

import msgspec

from media.api import LegSpec, LegStats, MediaEngine
from media.errors import CapacityError, MediaError
from signaling.http.address import throttle_key
from signaling.http.context import ApiError, Exchange, Role, Route, refuse
from signaling.http.throttle import Rate
from signaling.protocol import IceServer, LegOffer, Sdp

MAX_TESTS = 8
LIFETIME = 40.0
"""Seconds; the page needs about fifteen."""
ATTEMPTS, PER = 6, 120.0
SWEEP = 1.0
MAX_VIDEO_BPS = 1_500_000


class TestStarted(msgspec.Struct, frozen=True):
    """Answer each offer; media flows when both are answered."""

    __test__ = False

    test_id: str
    legs: list[LegOffer]
    ice_servers: list[IceServer]
    seconds: float
    """How long the test may last."""


class TestAnswer(msgspec.Struct, frozen=True):
    __test__ = False

    leg_id: Annotated[str, msgspec.Meta(max_length=64)]
    sdp: Sdp


class TestLeg(msgspec.Struct, frozen=True):
    """How the server saw one of the two connections."""

    __test__ = False

    leg_id: str
    rtt_ms: float | None
    loss: float
    """Part of the page's packets that did not arrive."""
    jitter_ms: float
    transport: str


class TestSeen(msgspec.Struct, frozen=True):
    __test__ = False

    legs: list[TestLeg]


class _Test:
    __slots__ = ("answered", "call_id", "leg_ids", "until")

    def __init__(self, call_id: str, until: float) -> None:
        self.call_id = call_id
        self.leg_ids = tuple(f"{call_id}-{side}" for side in "ab")
        self.answered: set[str] = set()
        self.until = until


class PreCall:
    """The tests that run now. `clock` is monotonic seconds."""

    def __init__(
        self,
        engine: MediaEngine,
        clock: Callable[[], float],
        ice_servers: Callable[[str], list[IceServer]],
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._ice_servers = ice_servers
        self._new_id = new_id
        self._tests: dict[str, _Test] = {}
        self._rate = Rate(ATTEMPTS, PER)

    def routes(self) -> list[Route]:
        """Anybody may test: customers have no login."""
        anyone, path = frozenset({Role.ANYONE}), "/api/v1/tests"
        one = f"{path}/{{test_id}}"
        return [
            Route("POST", path, self.start, anyone, "Begin a test before a call", response=TestStarted, status=201),
            Route("POST", f"{one}/answers", self.answer, anyone, "Answer one of its offers", TestAnswer, status=204),
            Route("GET", one, self.seen, anyone, "How the server sees the test", response=TestSeen),
            Route("POST", f"{one}/end", self.end, anyone, "The test is over", status=204),
        ]

    async def run(self) -> None:
        """End tests whose page has gone, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP)
            await self.sweep()

    async def sweep(self) -> None:
        """End what is overdue."""
        now = self._clock()
        for test in [test for test in self._tests.values() if test.until <= now]:
            await self._close(test)

    async def start(self, exchange: Exchange) -> TestStarted:
        shared = exchange.shared
        if not self._rate.allow(throttle_key(shared.proxies.client_address(exchange.request)), shared.clock()):
            shared.count("refused", "rate_limited")
            raise ApiError(429, "rate_limited", "too many tests from this address; wait a minute", retry_after=60.0)
        reason = shared.overload()
        if reason or len(self._tests) >= MAX_TESTS:
            shared.count("refused", "at_capacity")
            refuse(503, "at_capacity", reason or "too many tests at once; try again in a minute")
        test_id = self._new_id()
        test = self._tests[test_id] = _Test(f"test-{test_id}", self._clock() + LIFETIME)
        servers = self._ice_servers(test_id)
        try:
            legs = [await self._offer(test.call_id, leg_id, servers) for leg_id in test.leg_ids]
        except MediaError as error:
            await self._close(test)
            code = 503 if isinstance(error, CapacityError) else 500
            refuse(code, "at_capacity", "the media workers take no test now")
        return TestStarted(test_id, legs, servers, LIFETIME)

    async def answer(self, exchange: Exchange) -> None:
        test, body = self._find(exchange), exchange.body
        assert isinstance(body, TestAnswer)
        if body.leg_id not in test.leg_ids or body.leg_id in test.answered:
            refuse(409, "wrong_state", "this leg takes no answer")
        test.answered.add(body.leg_id)
        try:
            await self._engine.accept_answer(test.call_id, body.leg_id, 0, body.sdp)
            if len(test.answered) == len(test.leg_ids):
                await self._engine.connect(test.call_id, test.leg_ids)
        except MediaError as error:
            refuse(400, "bad_sdp", str(error)[:200])

    async def seen(self, exchange: Exchange) -> TestSeen:
        test = self._find(exchange)
        try:
            found = await self._engine.stats(test.call_id)
        except MediaError:
            found = ()
        return TestSeen([_leg(stats) for stats in found])

    async def end(self, exchange: Exchange) -> None:
        await self._close(self._find(exchange))

    async def _offer(self, call_id: str, leg_id: str, servers: list[IceServer]) -> LegOffer:
        offer = await self._engine.open_leg(LegSpec(call_id, leg_id, max_video_bps=MAX_VIDEO_BPS))
        slots = {mid: slot.value for mid, slot in offer.slots.items()}
        return LegOffer(leg_id=leg_id, generation=offer.generation, sdp=offer.sdp, slots=slots)

    def _find(self, exchange: Exchange) -> _Test:
        test = self._tests.get(exchange.request.match_info["test_id"])
        if test is None:
            refuse(404, "not_found", "no such test; it may be over")
        return test

    async def _close(self, test: _Test) -> None:
        self._tests.pop(test.call_id.removeprefix("test-"), None)
        try:
            await self._engine.close_call(test.call_id)
        except MediaError:
            return  # the worker is gone, and the legs with it


def _leg(stats: LegStats) -> TestLeg:
    total = stats.packets_received + stats.packets_lost_uplink
    loss = max(0, stats.packets_lost_uplink) / total if total else 0.0
    return TestLeg(stats.leg_id, stats.rtt_ms, round(loss, 4), round(stats.jitter_ms_uplink, 1), stats.transport)
