"""The test before a call, over the real web server and a fake engine."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callserver.ops.precall import ATTEMPTS, LIFETIME, MAX_TESTS, PreCall
from tests.fakes.engine import FakeEngine
from tests.fakes.website import Website, website


class Now:
    at = 0.0


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[tuple[Website, FakeEngine, PreCall, Now]]:
    engine, now = FakeEngine(), Now()
    precall = PreCall(engine, lambda: now.at, lambda _test_id: [])
    async with website(tmp_path, tmp_path, tuple(precall.routes())) as site:
        yield site, engine, precall, now


async def begin(site: Website, address: str = "203.0.113.1") -> tuple[int, Any]:
    return await site.ask("POST", "/api/v1/tests", headers={"X-Forwarded-For": address})


async def test_both_legs_answered_are_connected_and_gone_at_the_end(running: Any) -> None:
    site, engine, _, _ = running
    status, started = await begin(site)
    assert status == 201
    path = f"/api/v1/tests/{started['test_id']}"
    call_id = f"test-{started['test_id']}"
    for leg in started["legs"]:
        body = {"leg_id": leg["leg_id"], "sdp": "v=0 answer"}
        assert (await site.ask("POST", f"{path}/answers", body))[0] == 204
        assert (await site.ask("POST", f"{path}/answers", body))[0] == 409
    assert set(engine.model.calls[call_id].connected) == {leg["leg_id"] for leg in started["legs"]}
    assert (await site.ask("GET", path))[0] == 200
    assert (await site.ask("POST", f"{path}/end"))[0] == 204
    assert call_id not in engine.model.calls
    assert (await site.ask("GET", path))[0] == 404


async def test_a_page_that_went_away_leaves_nothing(running: Any) -> None:
    site, engine, precall, now = running
    await begin(site)
    now.at = LIFETIME - 1
    await precall.sweep()
    assert engine.model.calls
    now.at = LIFETIME
    await precall.sweep()
    assert not engine.model.calls


async def test_tests_are_bounded(running: Any) -> None:
    site, _, _, _ = running
    assert [(await begin(site))[0] for _ in range(ATTEMPTS + 1)] == [201] * ATTEMPTS + [429]
    found = [(await begin(site, f"203.0.113.{n + 10}"))[0] for n in range(MAX_TESTS - ATTEMPTS + 1)]
    assert found == [201] * (MAX_TESTS - ATTEMPTS) + [503]


async def test_an_overloaded_server_is_not_tested(running: Any) -> None:
    site, engine, _, _ = running
    site.overload.append("busy")
    assert (await begin(site))[0] == 503
    assert not engine.model.calls
