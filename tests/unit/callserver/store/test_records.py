import asyncio
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from callserver.store.database import Database, sqlite_url
from callserver.store.records import PURGE_EVERY, SqlRecords
from signaling.protocol import ChatItem, Context, Person
from signaling.records import AgentAccount, CallEvent, CallFilter, CallState, Change, SessionState, Site


def call(call_id: str = "c1", **changes: object) -> CallState:
    values: dict[str, object] = {
        "call_id": call_id,
        "site_id": "shop",
        "phase": "waiting",
        "media": "video",
        "language": "en",
        "created_at": 1.0,
        "context": Context(order="42", extra={"a": "b"}),
        "legs": {"s1": "l1"},
        "declined": ("a7",),
    }
    return CallState(**(values | changes))  # type: ignore[arg-type]


async def test_a_change_comes_back_as_it_was_written(records: SqlRecords) -> None:
    session = SessionState("s1", "customer", "hash", "shop", Person("Ann", True), last_seq=7)
    event = CallEvent("c1", 1, 1.0, "created", {"media": "video"})
    line = ChatItem("x1", "customer", 2.0, text="hello")
    change = Change([call()], [event], [session], chats=[("c1", line)], agent_status={"a1": "ready"})
    await records.write(change)
    found = await records.load_open()
    assert found.calls == [call()]
    assert found.sessions == [session]
    assert found.chats == {"c1": [line]}
    assert found.agent_status == {"a1": "ready"}
    assert await records.get_call("c1") == (call(), [event], [line])


async def test_ended_calls_and_closed_sessions_are_not_open(records: SqlRecords) -> None:
    session = SessionState("s1", "customer", "hash", "shop", Person())
    await records.write(Change([call()], sessions=[session]))
    await records.write(Change([call(phase="ended", reason="hung_up")], closed_sessions=["s1"]))
    found = await records.load_open()
    assert (found.calls, found.sessions, found.chats) == ([], [], {})


async def test_a_change_is_written_whole_or_not_at_all(records: SqlRecords) -> None:
    event = CallEvent("c1", 1, 1.0, "created")
    await records.write(Change([call()], [event]))
    with pytest.raises(IntegrityError):
        await records.write(Change([call(phase="ended")], [event]))
    assert (await records.load_open()).calls == [call()]


async def test_a_writer_with_an_older_epoch_changes_nothing(records: SqlRecords) -> None:
    await records.write(Change([call(epoch=3, phase="active")]))
    await records.write(Change([call(epoch=2, phase="waiting")]))
    assert (await records.load_open()).calls == [call(epoch=3, phase="active")]


async def test_a_repeated_chat_line_is_kept_once_and_ids_of_two_senders_may_meet(records: SqlRecords) -> None:
    mine, theirs = ChatItem("1", "customer", 1.0, text="a"), ChatItem("1", "agent", 2.0, text="b")
    await records.write(Change([call()], chats=[("c1", mine), ("c1", mine), ("c1", theirs)]))
    await records.write(Change(chats=[("c1", mine)]))
    assert (await records.load_open()).chats == {"c1": [mine, theirs]}


async def test_an_agent_has_one_call_and_a_call_one_agent(records: SqlRecords) -> None:
    await records.write(Change([call("c1"), call("c2")]))
    assert await records.claim("c1", "a1", 1)
    assert not await records.claim("c1", "a2", 2), "the call is taken"
    assert not await records.claim("c2", "a1", 1), "the agent is busy"
    await records.release("c1")
    assert await records.claim("c2", "a1", 1)
    assert await records.claim("c1", "a2", 2)


async def test_a_call_that_ends_frees_its_agent_even_if_nobody_releases_it(records: SqlRecords) -> None:
    await records.write(Change([call("c1"), call("c2")]))
    assert await records.claim("c1", "a1", 1)
    await records.write(Change([call("c1", phase="ended", epoch=1)]))
    assert await records.claim("c2", "a1", 1)


async def test_a_late_claim_and_one_of_an_ended_or_unknown_call_lose(records: SqlRecords) -> None:
    await records.write(Change([call("c1"), call("c2", phase="ended")]))
    assert await records.claim("c1", "a1", 5)
    await records.release("c1")
    assert not await records.claim("c1", "a2", 5)
    assert not await records.claim("c2", "a2", 1)
    assert not await records.claim("c3", "a2", 1)


async def test_of_concurrent_claimers_exactly_one_wins(records: SqlRecords, tmp_path: Path) -> None:
    """Two processes' worth of connections to one file, every agent after the same calls at once."""
    other_database = Database(sqlite_url(tmp_path))
    other = SqlRecords(other_database)
    calls = [f"c{index}" for index in range(8)]
    await records.write(Change([call(call_id) for call_id in calls]))
    tries = [
        (store, call_id, f"a{agent}") for call_id in calls for agent, store in enumerate((records, other, records))
    ]
    won = await asyncio.gather(*(store.claim(call_id, agent, 1) for store, call_id, agent in tries))
    await other_database.close()
    winners = [(call_id, agent) for (_, call_id, agent), win in zip(tries, won, strict=True) if win]
    assert len(winners) == 3, "three agents, so three calls are given"
    assert len({call_id for call_id, _ in winners}) == len({agent for _, agent in winners}) == 3


async def test_lists_are_newest_first_filtered_and_paged(records: SqlRecords) -> None:
    await records.write(
        Change([call(f"c{n}", created_at=float(n), site_id="shop" if n % 2 else "other") for n in range(1, 7)])
    )
    ids = lambda calls: [state.call_id for state in calls]  # noqa: E731
    assert ids(await records.list_calls(CallFilter(limit=2))) == ["c6", "c5"]
    assert ids(await records.list_calls(CallFilter(before=5.0, limit=2))) == ["c4", "c3"]
    assert ids(await records.list_calls(CallFilter(site_ids=("other",)))) == ["c6", "c4", "c2"]
    assert ids(await records.list_calls(CallFilter(phase="active"))) == []
    assert ids(await records.list_calls(CallFilter(limit=-5))) == []


async def test_sites_and_agents_are_found_by_what_they_are_known_by(records: SqlRecords) -> None:
    site = Site("shop", "Shop", ("https://shop.example",), "secret", "f" * 64)
    agent = AgentAccount("a1", "ann", "Ann", "hash", languages=("de",))
    await records.save_site(site)
    await records.save_agent(agent)
    assert await records.site("shop") == await records.site_by_key("f" * 64) == site
    assert list(await records.sites()) == [site]
    assert await records.agent("a1") == await records.agent_by_login("ann") == agent
    assert await records.agent_by_login("bob") is None
    with pytest.raises(IntegrityError):
        await records.save_agent(AgentAccount("a2", "ann", "Other", "hash"))


async def test_a_ticket_works_once_and_is_forgotten_when_it_has_expired(records: SqlRecords) -> None:
    assert await records.use_ticket("t1", 999.0)
    assert not await records.use_ticket("t1", 999.0)
    for number in range(PURGE_EVERY + 1):
        assert await records.use_ticket(f"n{number}", 2000.0)
    assert await records.use_ticket("t1", 2000.0), "expired at 999, purged at 1000"


async def test_logins_end_one_by_one_or_all_of_an_agent(records: SqlRecords) -> None:
    await records.save_agent(AgentAccount("a1", "ann", "Ann", "hash"))
    for name, expires_at in (("old", 999.0), ("one", 2000.0), ("two", 2000.0)):
        await records.save_login(name, "a1", expires_at)
    assert await records.login("old") is None
    assert await records.login("one") == ("a1", 2000.0)
    await records.end_login("one")
    assert await records.login("one") is None
    await records.end_logins("a1")
    assert await records.login("two") is None


async def test_photos_and_the_writability_check(records: SqlRecords) -> None:
    await records.write(Change([call()]))
    await records.save_photo("p1", "c1", b"\xff\xd8", 4, 3)
    assert await records.photo("p1") == ("c1", b"\xff\xd8")
    assert await records.photo("p2") is None
    await records.check_writable()
    await records.check_writable()
