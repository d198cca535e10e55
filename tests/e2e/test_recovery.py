"""Things break and the conversation goes on: a refreshed page, a dead media worker, a dead control process."""

import time
from random import Random

import pytest

from callserver.drill.link import Link
from callserver.drill.relay import Relay
from callserver.drill.spec import parse_spec
from tests.e2e.people import Agent, Customer, People
from tests.e2e.product import Product, until
from tests.e2e.timing import Timings, note, note_recovery

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


async def talk(customer: Customer, agent: Agent) -> None:
    await customer.call()
    await agent.answer()
    await customer.screen("call")
    await both_hear_and_see(customer, agent)


def through(port: int) -> str:
    """A page's script: the server's UDP is reached by this port only, its TCP as always."""
    return f"""
      const take = RTCPeerConnection.prototype.setRemoteDescription;
      RTCPeerConnection.prototype.setRemoteDescription = function ({{ type, sdp }}) {{
        return take.call(this, {{ type, sdp: sdp.replace(/( udp \\d+ \\S+) \\d+/gi, "$1 {port}") }});
      }};"""


async def both_hear_and_see(customer: Customer, agent: Agent) -> None:
    await customer.hears()
    await agent.hears()
    await customer.sees()
    await agent.sees()


async def test_a_refresh_of_the_console_keeps_the_call(customer: Customer, agent: Agent) -> None:
    await talk(customer, agent)
    await agent.say("before the refresh")
    await customer.reads("before the refresh")
    await agent.page.reload()
    await agent.in_call()
    await both_hear_and_see(customer, agent)
    await agent.reads("before the refresh")
    await agent.say("and after")
    await customer.reads("and after")
    await agent.hang_up()
    await customer.screen("ended")


async def test_a_refresh_of_the_store_keeps_the_call(customer: Customer, agent: Agent) -> None:
    await talk(customer, agent)
    await customer.page.reload()
    await customer.screen("call")
    await both_hear_and_see(customer, agent)
    await customer.hang_up()
    await agent.ended()


async def test_a_killed_media_worker_heals_by_itself(
    customer: Customer, agent: Agent, product: Product, timings: Timings
) -> None:
    await talk(customer, agent)
    connections = (await customer.figures())["connections"]
    await until(product.has_spare, "the spare is warm")
    worker = product.serving_worker()
    killed = time.time() * 1000
    product.kill(worker)

    async def connected_anew() -> bool:
        return bool((await customer.figures())["connections"] > connections and (await agent.figures())["live"])

    await until(connected_anew, "both have a new connection", 20)
    await both_hear_and_see(customer, agent)
    await note_recovery(timings, customer, agent, killed)
    await customer.say("still here")
    await agent.reads("still here")
    await agent.hang_up()
    await customer.screen("ended")
    await agent.ended()


async def test_a_killed_control_process_takes_no_call_with_it(
    customer: Customer, agent: Agent, product: Product
) -> None:
    await talk(customer, agent)
    (control,) = product.pids("control")
    connections = (await customer.figures())["connections"]
    product.kill(control)
    await both_hear_and_see(customer, agent)  # media does not pass there

    async def restarted() -> bool:
        return product.pids("control") not in ([], [control]) and await product.ready()

    await until(restarted, "a new control process is ready", 30)
    await customer.say("did you notice?")
    await agent.reads("did you notice?")
    await agent.say("not a thing")
    await customer.reads("not a thing")
    assert (await customer.figures())["connections"] == connections, "media was connected anew"
    await both_hear_and_see(customer, agent)
    await agent.hang_up()
    await customer.screen("ended")
    await agent.ended()


async def test_a_call_whose_udp_dies_goes_on_over_tcp(
    people: People, agent: Agent, product: Product, timings: Timings
) -> None:
    """As when somebody walks into a network that lets no UDP pass, or a firewall has had enough of a flow."""
    relay = Relay(Link(parse_spec(""), Random(1)), Link(parse_spec(""), Random(2)))
    relay.connect_far(("127.0.0.1", product.media_port))
    customer = await people.customer(init=through(relay.near[1]))
    await talk(customer, agent)
    assert (await customer.figures())["transports"] == ["udp"]
    connections = (await customer.figures())["connections"]
    relay.close()
    died = time.monotonic()
    before = (await customer.figures())["mediaReceived"]

    async def by_tcp() -> bool:
        figures = await customer.figures()
        return figures["transports"] == ["tcp"] and figures["mediaReceived"] > before + 20

    await until(by_tcp, "TCP carries the call")
    note(timings, "UDP dead to call over TCP", 1000 * (time.monotonic() - died))
    await both_hear_and_see(customer, agent)
    assert (await customer.figures())["connections"] == connections, "the connection is the same"
    await customer.hang_up()
    await agent.ended()


async def test_a_page_that_was_offline_comes_back_to_its_call(customer: Customer, agent: Agent) -> None:
    """As after a laptop's sleep or in a tunnel: what was said meanwhile is there afterwards."""
    await talk(customer, agent)
    await agent.context.set_offline(True)
    await agent.shows(agent.page.locator(".link-state.warn"), "that the connection is lost", 30)
    await customer.shows(await customer.find("[data-ref=banner]"), "that the agent is away", 30)
    assert await customer.reaches("[data-ref=minimise]"), "the banner lies over a button"
    await customer.say("are you there?")
    await agent.context.set_offline(False)
    await agent.shows(agent.page.locator(".link-state.good"), "that the connection is back", 30)
    await agent.reads("are you there?")
    await agent.say("again, yes")
    await customer.reads("again, yes")
    await both_hear_and_see(customer, agent)
    await agent.hang_up()
    await customer.screen("ended")
