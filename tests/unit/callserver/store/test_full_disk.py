"""A store without room: said in one word, nobody is locked out, nothing is let in twice or forgotten afterwards."""

import pytest

from callserver.store.database import Database
from callserver.store.records import SqlRecords
from callserver.store.unsaved import MAX_LOGINS, MAX_TICKETS, Unsaved
from signaling.records import AgentAccount, StorageFullError


async def _pages(database: Database, most: int) -> None:
    """SQLite itself says "full" beyond so many pages; the writer is one connection, so it stays."""
    async with database.write() as connection:
        await connection.exec_driver_sql(f"PRAGMA max_page_count={most}")


async def _fill(database: Database, records: SqlRecords) -> None:
    await _pages(database, 1)  # SQLite makes it what there is now

    async def save() -> None:
        for number in range(1000):
            await records.save_agent(AgentAccount(f"f{number}", f"f{number}", "x" * 50, "hash"))

    with pytest.raises(StorageFullError):
        await save()


async def test_who_logs_in_or_out_of_a_full_store_is_in_or_out_then_and_later(
    database: Database, records: SqlRecords
) -> None:
    await records.save_agent(AgentAccount("a1", "ann", "Ann", "hash"))
    await records.save_login("before", "a1", 2000.0)
    await _fill(database, records)
    names = [f"login-{number}-{'x' * 200}" for number in range(60)]
    for name in names:
        await records.save_login(name, "a1", 2000.0)
    await records.end_login(names[0])
    assert [await records.login(name) for name in names] == [None, *([("a1", 2000.0)] * (len(names) - 1))]
    assert len(set(names) & set(records._unsaved.logins)) > 10, "nothing was full"
    await _pages(database, 100_000)
    await records.check_writable()
    assert not records._unsaved.logins
    again = SqlRecords(database, clock=lambda: 1000.0)
    assert [await again.login(name) for name in ("before", *names[:2])] == [("a1", 2000.0), None, ("a1", 2000.0)]


async def test_a_ticket_works_once_whether_there_is_room_for_it_or_not(database: Database, records: SqlRecords) -> None:
    await _fill(database, records)
    tickets = [f"ticket-{number}-{'x' * 200}" for number in range(60)]
    assert all([await records.use_ticket(ticket, 2000.0) for ticket in tickets])
    assert records._unsaved.tickets, "nothing was full"
    assert not any([await records.use_ticket(ticket, 2000.0) for ticket in tickets])
    await _pages(database, 100_000)
    await records.check_writable()
    assert not records._unsaved.tickets
    assert not any([await records.use_ticket(ticket, 2000.0) for ticket in tickets])


def test_what_waits_for_room_is_bounded_and_ends_with_the_agent() -> None:
    waiting = Unsaved()

    def login(name: str, agent: str) -> None:
        with waiting.login(name, (agent, 2000.0)):
            raise StorageFullError

    def ticket(name: str, expires_at: float) -> None:
        with waiting.ticket(name, expires_at, 1000.0):
            raise StorageFullError

    for number in range(MAX_LOGINS):
        login(f"{number}", "ann" if number else "bo")
    with pytest.raises(StorageFullError):
        login("one more", "ann")
    login("0", "bo")  # the same again is no more
    waiting.end_agent("ann")
    assert [name for name, kept in waiting.logins.items() if kept is not None] == ["0"]
    for number in range(MAX_TICKETS):
        ticket(f"{number}", 999.0 if number < 5 else 2000.0)
    for number in range(5):
        ticket(f"more {number}", 2000.0)
    with pytest.raises(StorageFullError):
        ticket("one more", 2000.0)
    assert len(waiting.tickets) == MAX_TICKETS
