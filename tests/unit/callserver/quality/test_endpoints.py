"""GET /api/v1/calls/{call_id}/quality over HTTP."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callserver.quality.endpoints import _response
from signaling.quality_values import CallQuality, MinuteScore
from tests.fakes.quality import quality_routes
from tests.fakes.website import API_KEY, OTHER_KEY, STRANGER, Website, website

CREATE = {"language": "en"}


def bearer(key: str) -> dict[str, str]:
    return STRANGER | {"Authorization": f"Bearer {key}"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Website]:
    root = tmp_path / "web"
    for name in ("widget", "console", "shop", "ops", "test"):
        (root / name).mkdir(parents=True)
        (root / name / "index.html").write_text("<!doctype html>")
    (root / "widget" / "loader.js").write_text("load()")
    async with website(tmp_path, root, quality_routes()) as running:
        yield running


async def test_only_the_call_s_own_shop_and_agents_may_see_it(site: Website) -> None:
    _, created = await site.ask("POST", "/api/v1/calls", CREATE, headers=bearer(API_KEY))
    path = f"/api/v1/calls/{created['call_id']}/quality"
    status, answer = await site.ask("GET", path, headers=bearer(API_KEY))
    assert status == 200
    assert answer["call_id"] == created["call_id"]
    assert answer["legs"] == answer["verdicts"] == []
    assert (await site.ask("GET", path, headers=STRANGER | await site.log_in("olga")))[0] == 200
    assert (await site.ask("GET", path, headers=bearer(OTHER_KEY)))[0] == 404
    assert (await site.ask("GET", path, headers=STRANGER))[0] == 401


@pytest.mark.parametrize("points", ["0", "-1", "x", "1e9", "٣", "9" * 30])
async def test_a_wrong_number_of_points_is_refused(site: Website, points: str) -> None:
    status, answer = await site.ask("GET", f"/api/v1/calls/c/quality?points={points}", headers=bearer(API_KEY))
    assert status == 400
    assert "points" in answer["error"]["message"]


async def test_a_call_that_is_not_there_is_not_found(site: Website) -> None:
    assert (await site.ask("GET", "/api/v1/calls/none/quality?points=10", headers=bearer(API_KEY)))[0] == 404


def test_a_long_answer_is_compressed_for_who_takes_it() -> None:
    minutes = [MinuteScore(60.0 * number, "agent", 4.0, 4.0, 4.0) for number in range(99)]
    answer = CallQuality("call", 0.0, 1.0, 1.0, minutes=minutes)
    plain, packed = _response(answer, ""), _response(answer, "gzip, br")
    assert isinstance(plain.body, bytes)
    assert isinstance(packed.body, bytes)
    assert gzip.decompress(packed.body) == plain.body
    assert (plain.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
