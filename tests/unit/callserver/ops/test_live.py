"""The live picture: made for all who look, and at once when there is news."""

import asyncio

import msgspec

from callserver.ops.live import FRESH, LiveFeed, OpsLive
from callserver.quality.news import News
from tests.fakes.operations import picture


class Stage:
    def __init__(self) -> None:
        self.now, self.made, self.news = 100.0, 0, News()
        self.feed = LiveFeed(self._make, lambda: self.now, self.news)

    def _make(self) -> OpsLive:
        self.made += 1
        return msgspec.structs.replace(picture(), news=self.news.count)


async def test_one_body_a_second_serves_all() -> None:
    stage = Stage()
    assert stage.feed.body() is stage.feed.body()
    stage.now += FRESH
    stage.feed.body()
    assert stage.made == 2


async def test_who_waits_is_answered_when_there_is_news_and_all_with_the_same_body() -> None:
    stage = Stage()
    first = stage.feed.body()
    waiting = [asyncio.create_task(stage.feed.after(first.news)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    stage.now += FRESH
    stage.news.tell()
    bodies = await asyncio.gather(*waiting)
    assert {body.news for body in bodies} == {1}
    assert stage.made == 2


async def test_who_missed_news_or_knows_another_server_s_does_not_wait() -> None:
    stage = Stage()
    stage.news.tell()
    assert (await stage.feed.after(0)).news == 1
    assert (await stage.feed.after(900)).news == 1
