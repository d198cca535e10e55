"""`signaling.records.Records` on SQL, and the accounts, logins and photos of the web server beside it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from callserver.store import tables
from callserver.store.database import Database
from callserver.store.recordings import write_kept
from callserver.store.sql import all_of, from_text, to_text, upsert
from callserver.store.unsaved import Unsaved
from signaling.protocol import AgentStatus, ChatItem
from signaling.records import (
    AgentAccount,
    CallEvent,
    CallFilter,
    CallState,
    Change,
    OpenState,
    SessionState,
    Site,
    Still,
)

MAX_LISTED = 200
"""Calls one page of a list may have."""

PURGE_EVERY = 256
"""Used tickets between two purges of expired ones."""

T = TypeVar("T")


class SqlRecords:
    """One repository over one database. Every method is one transaction."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._tickets_until_purge = 0
        self._unsaved = Unsaved()

    async def write(self, change: Change) -> None:
        """Apply one change; a call whose row carries a newer epoch is left alone (fencing)."""
        async with self._database.write() as connection:
            await upsert(connection, tables.calls, [_call_row(call) for call in change.calls], newer="epoch")
            ended = [call.call_id for call in change.calls if call.phase == "ended"]
            if ended:
                await connection.execute(sa.delete(tables.claims).where(tables.claims.c.call_id.in_(ended)))
            if change.events:
                await connection.execute(sa.insert(tables.call_events), [_event_row(event) for event in change.events])
            await upsert(
                connection,
                tables.sessions,
                [{"session_id": session.session_id, "state": to_text(session)} for session in change.sessions],
            )
            if change.closed_sessions:
                gone = tables.sessions.c.session_id.in_(change.closed_sessions)
                await connection.execute(sa.delete(tables.sessions).where(gone))
            await upsert(  # a larger still takes the place of the first one
                connection,
                tables.chat_items,
                [
                    {
                        "call_id": call_id,
                        "sender": item.sender,
                        "item_id": item.id,
                        "at": item.at,
                        "state": to_text(item),
                    }
                    for call_id, item in change.chats
                ],
            )
            statuses = [{"agent_id": agent_id, "status": status} for agent_id, status in change.agent_status.items()]
            await upsert(connection, tables.agent_statuses, statuses)
            await write_kept(connection, change)

    async def claim(self, call_id: str, agent_id: str, epoch: int) -> bool:
        """Give the call to the agent if nobody has it, the agent has none, and no newer epoch claimed it."""
        calls = tables.calls
        fenced = sa.update(calls).where(
            calls.c.call_id == call_id, calls.c.phase != "ended", calls.c.claimed_epoch < epoch
        )
        try:
            async with self._database.write() as connection:
                found = await connection.execute(fenced.values(claimed_epoch=epoch))
                if found.rowcount == 0:
                    return False
                row = {"call_id": call_id, "agent_id": agent_id, "epoch": epoch}
                await connection.execute(sa.insert(tables.claims), [row])
        except IntegrityError:  # the call or the agent is in a claim already: the unique indexes decide
            return False
        return True

    async def release(self, call_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(sa.delete(tables.claims).where(tables.claims.c.call_id == call_id))

    async def load_open(self) -> OpenState:
        calls, chats = tables.calls, tables.chat_items
        unfinished = calls.c.phase != "ended"
        stills = tables.stills
        async with self._database.read() as connection:
            call_texts = await connection.scalars(sa.select(calls.c.state).where(unfinished).order_by(calls.c.call_id))
            session_texts = await connection.scalars(sa.select(tables.sessions.c.state))
            items = await connection.execute(
                sa.select(chats.c.call_id, chats.c.state)
                .join(calls, calls.c.call_id == chats.c.call_id)
                .where(unfinished)
                .order_by(chats.c.at, chats.c.item_id)
            )
            statuses = await connection.execute(sa.select(tables.agent_statuses))
            pictures = await connection.scalars(
                sa.select(stills.c.state).join(calls, calls.c.call_id == stills.c.call_id).where(unfinished)
            )
        by_call: dict[str, list[ChatItem]] = {}
        for row in items:
            by_call.setdefault(row.call_id, []).append(from_text(row.state, ChatItem))
        known: dict[str, AgentStatus] = {row.agent_id: row.status for row in statuses}
        taken: dict[str, list[Still]] = {}
        for still in all_of(pictures, Still):
            taken.setdefault(still.call_id, []).append(still)
        return OpenState(all_of(call_texts, CallState), all_of(session_texts, SessionState), by_call, known, taken)

    async def list_calls(self, wanted: CallFilter) -> list[CallState]:
        calls = tables.calls
        query = sa.select(calls.c.state).order_by(calls.c.created_at.desc(), calls.c.call_id.desc())
        if wanted.site_ids:
            query = query.where(calls.c.site_id.in_(wanted.site_ids))
        if wanted.agent_id:
            query = query.where(calls.c.agent_id == wanted.agent_id)
        if wanted.phase:
            query = query.where(calls.c.phase == wanted.phase)
        if wanted.before is not None:
            query = query.where(calls.c.created_at < wanted.before)
        async with self._database.read() as connection:
            texts = await connection.scalars(query.limit(max(0, min(wanted.limit, MAX_LISTED))))
        return all_of(texts, CallState)

    async def get_call(self, call_id: str) -> tuple[CallState, list[CallEvent], list[ChatItem]] | None:
        calls, events, chats = tables.calls, tables.call_events, tables.chat_items
        async with self._database.read() as connection:
            state = await connection.scalar(sa.select(calls.c.state).where(calls.c.call_id == call_id))
            if state is None:
                return None
            rows = await connection.execute(
                sa.select(events).where(events.c.call_id == call_id).order_by(events.c.sequence)
            )
            items = await connection.scalars(
                sa.select(chats.c.state).where(chats.c.call_id == call_id).order_by(chats.c.at, chats.c.item_id)
            )
        history = [CallEvent(r.call_id, r.sequence, r.at, r.name, msgspec.json.decode(r.data)) for r in rows]
        return from_text(state, CallState), history, all_of(items, ChatItem)

    async def sites(self) -> Sequence[Site]:
        async with self._database.read() as connection:
            return all_of(
                await connection.scalars(sa.select(tables.sites.c.state).order_by(tables.sites.c.site_id)), Site
            )

    async def site(self, site_id: str) -> Site | None:
        return await self._one(tables.sites.c.state, tables.sites.c.site_id == site_id, Site)

    async def site_by_key(self, api_key_hash: str) -> Site | None:
        """The shop whose API key has this SHA-256 (hex)."""
        return await self._one(tables.sites.c.state, tables.sites.c.api_key_hash == api_key_hash, Site)

    async def save_site(self, site: Site) -> None:
        row = {"site_id": site.site_id, "api_key_hash": site.api_key_hash, "state": to_text(site)}
        async with self._database.write() as connection:
            await upsert(connection, tables.sites, [row])

    async def agents(self) -> Sequence[AgentAccount]:
        """All agents, by login."""
        async with self._database.read() as connection:
            texts = await connection.scalars(sa.select(tables.agents.c.state).order_by(tables.agents.c.login))
        return all_of(texts, AgentAccount)

    async def agent_by_login(self, login: str) -> AgentAccount | None:
        return await self._one(tables.agents.c.state, tables.agents.c.login == login, AgentAccount)

    async def agent(self, agent_id: str) -> AgentAccount | None:
        return await self._one(tables.agents.c.state, tables.agents.c.agent_id == agent_id, AgentAccount)

    async def save_agent(self, account: AgentAccount) -> None:
        row = {"agent_id": account.agent_id, "login": account.login, "state": to_text(account)}
        async with self._database.write() as connection:
            await upsert(connection, tables.agents, [row])

    async def save_login(self, token_hash: str, agent_id: str, expires_at: float) -> None:
        """Remember a browser that logged in, or prolong it; expired ones are forgotten by the way."""
        row = {"token_hash": token_hash, "agent_id": agent_id, "expires_at": expires_at}
        with self._unsaved.login(token_hash, (agent_id, expires_at)):
            await self._save_login(row)

    async def _save_login(self, row: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await connection.execute(sa.delete(tables.logins).where(tables.logins.c.expires_at < self._clock()))
            await upsert(connection, tables.logins, [row])

    async def login(self, token_hash: str) -> tuple[str, float] | None:
        """(agent id, expiry) of a logged-in browser."""
        if token_hash in self._unsaved.logins:
            return self._unsaved.logins[token_hash]
        logins = tables.logins
        async with self._database.read() as connection:
            found = await connection.execute(
                sa.select(logins.c.agent_id, logins.c.expires_at).where(logins.c.token_hash == token_hash)
            )
            row = found.first()
        return (row.agent_id, row.expires_at) if row else None

    async def end_login(self, token_hash: str) -> None:
        with self._unsaved.login(token_hash, None):
            async with self._database.write() as connection:
                await connection.execute(sa.delete(tables.logins).where(tables.logins.c.token_hash == token_hash))

    async def end_logins(self, agent_id: str) -> None:
        """Sign the agent out everywhere."""
        self._unsaved.end_agent(agent_id)
        async with self._database.write() as connection:
            await connection.execute(sa.delete(tables.logins).where(tables.logins.c.agent_id == agent_id))

    async def use_ticket(self, ticket_id: str, expires_at: float) -> bool:
        if ticket_id in self._unsaved.tickets:
            return False
        try:
            with self._unsaved.ticket(ticket_id, expires_at, self._clock()):
                await self._use_ticket(ticket_id, expires_at)
        except IntegrityError:
            return False
        return True

    async def _use_ticket(self, ticket_id: str, expires_at: float) -> None:
        used = tables.used_tickets
        async with self._database.write() as connection:
            self._tickets_until_purge -= 1
            if self._tickets_until_purge < 0:
                self._tickets_until_purge = PURGE_EVERY
                await connection.execute(sa.delete(used).where(used.c.expires_at < self._clock()))
            await connection.execute(sa.insert(used), [{"ticket_id": ticket_id, "expires_at": expires_at}])

    async def save_photo(self, photo_id: str, call_id: str, content: bytes, width: int, height: int) -> None:
        row = {"photo_id": photo_id, "call_id": call_id, "content": content, "width": width, "height": height}
        async with self._database.write() as connection:
            await connection.execute(sa.insert(tables.photos), [row])

    async def photo(self, photo_id: str) -> tuple[str, bytes] | None:
        photos = tables.photos
        async with self._database.read() as connection:
            found = await connection.execute(
                sa.select(photos.c.call_id, photos.c.content).where(photos.c.photo_id == photo_id)
            )
            row = found.first()
        return (row.call_id, row.content) if row else None

    async def delete_photo(self, photo_id: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(sa.delete(tables.photos).where(tables.photos.c.photo_id == photo_id))

    async def check_writable(self) -> None:
        """Write a row; raises what the database raises when it is full, locked or read-only."""
        async with self._database.write() as connection:
            await upsert(connection, tables.heartbeats, [{"name": "control", "at": self._clock()}])
        await self._save_unsaved()

    async def _save_unsaved(self) -> None:
        """There may be room again: logins and tickets that were not written."""
        waiting = self._unsaved
        for token_hash, login in list(waiting.logins.items()):
            if waiting.logins.get(token_hash, "gone") is not login:
                continue  # ended or prolonged meanwhile
            await (self.end_login(token_hash) if login is None else self.save_login(token_hash, *login))
        for ticket_id, expires_at in list(waiting.tickets.items()):
            with suppress(IntegrityError):
                await self._use_ticket(ticket_id, expires_at)
            waiting.tickets.pop(ticket_id, None)

    async def _one(self, column: sa.Column[str], condition: sa.ColumnElement[bool], kind: type[T]) -> T | None:
        async with self._database.read() as connection:
            text = await connection.scalar(sa.select(column).where(condition))
        return None if text is None else from_text(text, kind)


def _call_row(call: CallState) -> dict[str, Any]:
    columns = ("call_id", "site_id", "agent_id", "phase", "created_at", "epoch")
    return {name: getattr(call, name) for name in columns} | {"state": to_text(call)}


def _event_row(event: CallEvent) -> dict[str, Any]:
    columns = ("call_id", "sequence", "at", "name")
    return {name: getattr(event, name) for name in columns} | {"data": to_text(event.data)}
