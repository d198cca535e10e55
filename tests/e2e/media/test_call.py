"""Real calls through the engine, with libwebrtc as the pages."""

import asyncio

import pytest

from media.api import (
    Kind,
    LegConnected,
    LegDisconnected,
    LegFailed,
    LegRecovered,
    LegSpec,
    LegState,
    MediaStarted,
    VideoLimited,
)
from media.errors import CapacityError, NegotiationError, UnknownLegError
from media.io.engine import Engine
from tests.e2e.media.peers import Observer, Peer, eventually, join, running_engine

pytestmark = pytest.mark.e2e


async def connected(observer: Observer, *peers: Peer) -> None:
    for peer in peers:
        await observer.until_seen(LegConnected("call", peer.leg_id))


async def decodes(peer: Peer, *, sound: bool = True, frames: int = 10) -> None:
    """Wait until the peer has decoded more sound and pictures than it has now."""
    before = await peer.heard()

    async def more() -> bool:
        now = await peer.heard()
        return (not sound or now["energy"] > before["energy"] + 0.001) and now["frames"] >= before["frames"] + frames

    await eventually(more)


async def forwarded(engine: Engine) -> int:
    return sum(leg.packets_sent for leg in await engine.stats("call"))


async def two_in_a_call(engine: Engine, observer: Observer) -> tuple[Peer, Peer]:
    customer, agent = Peer("customer"), Peer("agent", hertz=880)
    for peer in (customer, agent):
        await join(engine, peer)
        peer.start()
    await connected(observer, customer, agent)
    await engine.connect("call", ("customer", "agent"))
    return customer, agent


async def test_both_hear_and_see_each_other() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await two_in_a_call(engine, observer)
        await decodes(customer)
        await decodes(agent)
        for leg_id in ("customer", "agent"):
            for kind in Kind:
                await observer.until_seen(MediaStarted("call", leg_id, kind))
        stats = await engine.stats("call")
        assert {leg.transport for leg in stats} == {"udp4"}
        assert all(leg.packets_received and leg.packets_sent for leg in stats)
        await customer.close()
        await agent.close()
        await observer.until(lambda e: isinstance(e, LegFailed) and e.leg_id == "agent")


async def test_a_downlink_too_narrow_for_pictures_is_told_once_and_stands_in_the_status() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await two_in_a_call(engine, observer)
        tell = engine._calls["call"].legs["agent"].leg.rates.video_paused
        assert tell is not None
        for paused in (True, True, False, True):
            tell(paused)
        told = [VideoLimited("call", "agent", paused) for paused in (True, False, True)]
        await observer.until(lambda _: [e for e in observer.seen if isinstance(e, VideoLimited)] == told)
        (call,) = (await engine.status()).calls
        assert {leg.leg_id: leg.video_paused for leg in call.legs} == {"customer": False, "agent": True}
        await customer.close()
        await agent.close()


async def test_nothing_is_forwarded_before_connect_and_while_held() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = Peer("customer"), Peer("agent")
        for peer in (customer, agent):
            await join(engine, peer)
            peer.start()
        await connected(observer, customer, agent)
        await observer.until(lambda e: isinstance(e, MediaStarted))
        await asyncio.sleep(0.3)
        assert (await agent.heard())["frames"] == 0
        assert await forwarded(engine) == 0
        await engine.connect("call", ("customer", "agent"))
        await decodes(agent)
        await engine.hold("call", True)
        before = await forwarded(engine)
        await asyncio.sleep(0.3)
        assert await forwarded(engine) == before
        await engine.hold("call", False)
        await decodes(agent)
        await customer.close()
        await agent.close()


async def test_an_ice_restart_keeps_the_call() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await two_in_a_call(engine, observer)
        await decodes(agent)
        offer = await engine.restart_ice("call", "customer")
        assert offer.generation == 1
        answer = await customer.answer(offer)
        with pytest.raises(NegotiationError, match="the current one is 1"):
            await engine.accept_answer("call", "customer", 0, answer)
        await engine.accept_answer("call", "customer", 1, answer)
        await engine.accept_answer("call", "customer", 1, answer)
        selected = (await engine.status()).counters["paths_selected"]

        async def moved() -> bool:
            return (await engine.status()).counters["paths_selected"] > selected

        await eventually(moved)
        await decodes(agent)
        await decodes(customer)
        await customer.close()
        await agent.close()


async def test_tcp_carries_a_call_where_udp_does_not_pass() -> None:
    def without_udp(sdp: str) -> str:
        return "".join(line for line in sdp.splitlines(keepends=True) if " udp " not in line)

    async with running_engine() as (engine, observer):
        customer, agent = Peer("customer"), Peer("agent")
        for peer, change in ((customer, without_udp), (agent, str)):
            offer = await engine.open_leg(LegSpec("call", peer.leg_id))
            await engine.accept_answer("call", peer.leg_id, 0, await peer.answer(offer, change))
            peer.start()
        await connected(observer, customer, agent)
        await engine.connect("call", ("customer", "agent"))
        await decodes(customer)
        await decodes(agent)
        assert {leg.leg_id: leg.transport for leg in await engine.stats("call")} == {
            "customer": "tcp4",
            "agent": "udp4",
        }
        await customer.close()
        await agent.close()


async def test_ipv6() -> None:
    async with running_engine(host="::", advertise=("::1",)) as (engine, observer):
        customer, agent = await two_in_a_call(engine, observer)
        await decodes(customer)
        assert {leg.transport for leg in await engine.stats("call")} == {"udp6"}
        await customer.close()
        await agent.close()


async def test_a_dual_stack_socket_serves_ipv4() -> None:
    async with running_engine(host="::", advertise=("127.0.0.1",)) as (engine, observer):
        customer, agent = await two_in_a_call(engine, observer)
        await decodes(agent)
        assert {leg.transport for leg in await engine.stats("call")} == {"udp4"}
        await customer.close()
        await agent.close()


async def test_the_handshake_does_not_wait_for_the_answer() -> None:
    async with running_engine() as (engine, observer):
        peer = Peer("customer")
        offer = await engine.open_leg(LegSpec("call", "customer"))
        answer = await peer.answer(offer)

        async def shaken() -> bool:
            return (await engine.status()).counters["dtls_connected"] == 1

        await eventually(shaken)
        assert observer.seen == []
        await engine.accept_answer("call", "customer", 0, answer)
        await connected(observer, peer)
        await peer.close()


async def test_another_certificate_than_announced_is_refused() -> None:
    async with running_engine() as (engine, observer):
        peer, stranger = Peer("customer"), Peer("stranger")
        offer = await engine.open_leg(LegSpec("call", "customer"))
        await peer.answer(offer)
        other = await stranger.answer(offer)
        stranger.connection.close()
        await engine.accept_answer("call", "customer", 0, other)
        failed = await observer.until(lambda e: isinstance(e, LegFailed))
        assert isinstance(failed, LegFailed)
        assert "certificate" in failed.reason or "closed" in failed.reason
        await peer.close()


async def test_a_voice_only_page() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = Peer("customer", video=False), Peer("agent")
        for peer in (customer, agent):
            await join(engine, peer)
            peer.start()
        await connected(observer, customer, agent)
        await engine.connect("call", ("customer", "agent"))
        await decodes(customer)
        await decodes(agent, frames=0)
        await customer.close()
        await agent.close()


async def test_silence_is_told_and_so_is_its_end() -> None:
    async with running_engine() as (engine, observer):
        customer, agent = await two_in_a_call(engine, observer)
        await decodes(agent)
        endpoint = engine._endpoint
        saved = dict(endpoint.paths)
        mine = engine._calls["call"].legs["customer"].transport
        endpoint.paths.clear()  # nothing verified: as if every datagram were lost
        engine._shared.agents._agents.clear()
        await observer.until_seen(LegDisconnected("call", "customer"))
        status = (await engine.status()).calls[0].legs[0]
        assert status.state is LegState.DISCONNECTED
        endpoint.paths.update(saved)
        await observer.until_seen(LegRecovered("call", "customer"))
        assert mine.label == "udp4"
        await customer.close()
        await agent.close()


async def test_capacity_drain_and_unknown_legs() -> None:
    async with running_engine(max_calls=1) as (engine, _):
        first = await engine.open_leg(LegSpec("one", "a"))
        assert (await engine.open_leg(LegSpec("one", "a"))) == first, "a repeat says the same"
        with pytest.raises(CapacityError):
            await engine.open_leg(LegSpec("two", "a"))
        engine.draining = True
        await engine.open_leg(LegSpec("one", "b"))
        for i in range(6):
            await engine.open_leg(LegSpec("one", str(i)))
        with pytest.raises(CapacityError):
            await engine.open_leg(LegSpec("one", "ninth"))
        with pytest.raises(UnknownLegError):
            await engine.accept_answer("one", "x", 0, "v=0")
        with pytest.raises(UnknownLegError):
            await engine.connect("none", ())
        with pytest.raises(NegotiationError):
            await engine.accept_answer("one", "a", 0, "v=0")
        await engine.close_leg("one", "a")
        await engine.close_leg("one", "a")
        await engine.close_call("one")
        await engine.close_call("one")
        assert (await engine.status()).calls == ()
        assert (await engine.stats("one")) == ()
        assert len(engine._shared.agents) == 0
        engine.draining = False
        await engine.open_leg(LegSpec("two", "a"))
