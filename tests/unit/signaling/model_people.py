"""Choosing among the people of the model."""

from typing import TypeVar

from hypothesis import strategies as st

from tests.fakes.client import Client

which = st.integers(0, 10)


T = TypeVar("T")


def pick(ones: list[T], n: int) -> T:
    return ones[n % len(ones)]


def here(clients: list[Client]) -> list[Client]:
    return [client for client in clients if client.connection is not None]


def away(clients: list[Client]) -> list[Client]:
    return [client for client in clients if client.connection is None]


def idle(clients: list[Client]) -> list[Client]:
    return [client for client in here(clients) if client.phase in ("", "ended")]


def busy(clients: list[Client]) -> list[Client]:
    return [client for client in here(clients) if client.phase not in ("", "ended")]


def rung(clients: list[Client]) -> list[Client]:
    return [client for client in here(clients) if client.incoming]
