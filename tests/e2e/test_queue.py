"""Who gets a call, and how a call ends that nobody takes."""

import pytest

from tests.e2e.people import Customer, People
from tests.e2e.product import until

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def test_two_agents_ring_and_one_wins(people: People) -> None:
    anna, ben = await people.agent(0), await people.agent(1)
    customer = await people.customer()
    await customer.call()
    await anna.rings()
    await ben.rings()
    await ben.answer()
    await anna.rings_no_more()
    await customer.screen("call")
    await customer.hears()
    assert (await anna.figures())["live"] == 0
    assert (await anna.figures())["energy"] == 0
    await customer.hang_up()
    await ben.ended()


async def test_a_declined_call_rings_at_the_other_agent(people: People) -> None:
    anna, ben = await people.agent(0), await people.agent(1)
    customer = await people.customer()
    await customer.call()
    await anna.decline()
    await anna.rings_no_more()
    await ben.answer()
    await customer.screen("call")
    await ben.hang_up()
    await customer.screen("ended")


async def test_a_customer_who_leaves_stops_the_ringing(people: People) -> None:
    anna = await people.agent(0)
    customer = await people.customer()
    await customer.call()
    await anna.rings()
    await customer.hang_up()
    await anna.rings_no_more()


async def test_a_call_that_is_not_answered_goes_back_to_the_queue_and_on(people: People) -> None:
    """The demo of these tests rings 6 s; then the next agent's turn comes."""
    anna = await people.agent(0)
    customer = await people.customer()
    await customer.call()
    await anna.rings()
    await anna.rings_no_more(20)
    ben = await people.agent(1)
    await ben.answer()
    await customer.screen("call")
    await customer.hears()
    await ben.hang_up()
    await customer.screen("ended")


async def test_waiting_customers_are_told_their_place(people: People) -> None:
    first, second = await people.customer(), await people.customer()
    await first.call()
    await second.call()

    async def place(customer: Customer) -> str:
        return await (await customer.find("[data-on=waiting]")).inner_text()

    async def told() -> bool:
        return "2" in await place(second)

    await until(told, "the second customer reads 2")
    await first.hang_up()

    async def next_one() -> bool:
        return "2" not in await place(second)

    await until(next_one, "the second customer is the first now")
    await second.hang_up()
