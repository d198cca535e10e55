"""A caller on its way to another network: its signaling connection dies with the old one and is made anew."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

from callserver.drill.client import Client
from callserver.drill.plan import Plan

ROUND_TRIPS = 2.5
"""Until a new WebSocket's first message arrives: TCP and TLS handshakes, and the request; the emulated links carry
media only."""


class Move(NamedTuple):
    """Seconds from the beginning of the talk."""

    leaves: float
    comes_back: float


def moves(plan: Plan) -> Iterator[Move]:
    """When the customer leaves a network, and when signaling may be back on the next."""
    phases = plan.from_customer
    left = None
    for before, phase in pairwise(phases):
        if phase.state.down and not before.state.down:
            left = phase.at
        if phase.state.address != before.state.address:
            yield Move(phase.at if left is None else left, phase.at + ROUND_TRIPS * 2 * phase.state.delay)
        if not phase.state.down:
            left = None


@asynccontextmanager
async def moving(client: Client, plan: Plan) -> AsyncIterator[None]:
    """Leave and come back as the plan says, counted from now."""
    task = asyncio.create_task(_follow(client, list(moves(plan))))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(client: Client, ahead: list[Move]) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    for move in ahead:
        await asyncio.sleep(max(0.0, started + move.leaves - loop.time()))
        await client.leave()
        await asyncio.sleep(max(0.0, started + move.comes_back - loop.time()))
        await client.come_back()
