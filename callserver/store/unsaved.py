"""Logins and used tickets that the store had no room for: kept in memory until it has, so that a full disk locks nobody
out. They end with the process; nothing here lets a ticket in twice or keeps somebody logged in who logged out."""

from collections.abc import Iterator
from contextlib import contextmanager

from signaling.records import StorageFullError

MAX_LOGINS, MAX_TICKETS = 1_000, 10_000
"""More than that are refused: the store is full, and now this is, too."""

Login = tuple[str, float]
"""(agent id, expiry)."""


class Unsaved:
    """What waits for the store. An ended login is None: the store may still have it."""

    def __init__(self) -> None:
        self.logins: dict[str, Login | None] = {}
        self.tickets: dict[str, float] = {}

    @contextmanager
    def login(self, token_hash: str, login: Login | None) -> Iterator[None]:
        """Around the writing of a login (or of its end)."""
        try:
            yield
        except StorageFullError:
            if token_hash not in self.logins and len(self.logins) >= MAX_LOGINS:
                raise
            self.logins[token_hash] = login
        else:
            self.logins.pop(token_hash, None)

    @contextmanager
    def ticket(self, ticket_id: str, expires_at: float, now: float) -> Iterator[None]:
        """Around the writing of a used ticket."""
        try:
            yield
        except StorageFullError:
            if len(self.tickets) >= MAX_TICKETS:
                self.tickets = {name: end for name, end in self.tickets.items() if end >= now}
                if len(self.tickets) >= MAX_TICKETS:
                    raise
            self.tickets[ticket_id] = expires_at

    def end_agent(self, agent_id: str) -> None:
        """The agent is signed out everywhere."""
        self.logins = {
            name: None if login is not None and login[0] == agent_id else login for name, login in self.logins.items()
        }
