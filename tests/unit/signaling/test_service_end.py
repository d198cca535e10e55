"""The service ends when it is told to."""

import asyncio

from tests.unit.signaling.test_service import Place, settle


async def test_it_ends_even_if_told_to_in_the_moment_it_wakes() -> None:
    """A server that had one visitor did not end on SIGTERM and had to be killed."""
    place = Place()
    task = asyncio.create_task(place.service.run())
    await place.service.started()
    ana = await place.customer()
    assert ana.attachment is not None
    ana.attachment.detach()  # a timer runs now: the resume window
    await settle()
    await place.service.end_calls()
    task.cancel()
    await settle()
    assert task.done()
