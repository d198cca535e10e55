"""Bad input over the live port: what is not verified does nothing, and a call beside it goes on unharmed."""

import asyncio
import gc
import random
import socket
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from media.api import CallLost, Kind, LegConnected, LegSpec, MediaStarted
from media.bridge.leg import Leg
from media.errors import NegotiationError
from media.io.engine import Engine
from media.io.transport import LegTransport
from tests.e2e.media.peers import Observer, Peer, eventually, join, running_engine
from tests.e2e.media.raw import RawPage, new_socket, rtp

pytestmark = pytest.mark.e2e


async def counted(engine: Engine, name: str) -> int:
    return (await engine.status()).counters[name]


async def reaches(engine: Engine, name: str, count: int = 1) -> None:
    async def reached() -> bool:
        return await counted(engine, name) >= count

    await eventually(reached)


@asynccontextmanager
async def raw_page(engine: Engine, call_id: str = "raw", leg_id: str = "page") -> AsyncIterator[RawPage]:
    page = RawPage(await engine.open_leg(LegSpec(call_id, leg_id)))
    try:
        yield page
    finally:
        page.close()


async def connected_page(engine: Engine, observer: Observer, page: RawPage) -> None:
    await engine.accept_answer(page.offer.call_id, page.offer.leg_id, 0, page.answer())
    await page.connect()
    await observer.until_seen(LegConnected(page.offer.call_id, page.offer.leg_id))


async def test_a_check_is_answered_with_the_address_it_came_from() -> None:
    async with running_engine() as (engine, _), raw_page(engine) as page:
        response = await page.check()
        assert response.attributes["XOR-MAPPED-ADDRESS"] == page.socket.getsockname()
        assert response.check_message_integrity(page.password.encode())


async def test_a_check_with_wrong_integrity_gets_no_answer_and_verifies_nothing() -> None:
    async with running_engine() as (engine, _), raw_page(engine) as page:
        page.send(page.binding_request(password="x" * 24))
        page.send(page.client_hello())
        await reaches(engine, "stun_bad_integrity")
        await reaches(engine, "datagrams_dropped_unverified")
        with pytest.raises(TimeoutError):
            await page.receive(0.1)
        assert await counted(engine, "dtls_handshakes") == 0


async def test_dtls_from_a_second_socket_does_not_disturb_the_handshake() -> None:
    """The race that kills handshakes elsewhere (CVE-2023-49786 class): hellos and fatal alerts from a stranger."""
    fatal_alert = bytes([21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40])
    async with running_engine() as (engine, observer):
        for i in range(5):
            async with raw_page(engine, f"call-{i}") as page, raw_page(engine, f"stranger-{i}") as stranger:
                await engine.accept_answer(f"call-{i}", "page", 0, page.answer())
                await page.check()
                hello = stranger.client_hello()
                for _ in range(20):
                    stranger.send(fatal_alert)
                    stranger.send(hello)
                page.send(page.client_hello())
                for _ in range(20):
                    stranger.send(fatal_alert)
                    stranger.send(hello)
                await page.shake_hands()
                await observer.until_seen(LegConnected(f"call-{i}", "page"))
        assert await counted(engine, "datagrams_dropped_unverified") >= 200
        assert await counted(engine, "dtls_handshakes") == 5


async def test_forged_replayed_and_stray_media_is_dropped() -> None:
    async with running_engine() as (engine, observer), raw_page(engine) as page:
        await connected_page(engine, observer, page)
        wire = page.protect(rtp(1))
        page.send(wire)
        page.send(wire)
        await reaches(engine, "srtp_replayed")
        page.send(rtp(2) + bytes(16))
        page.send(bytes([0x80, 200]) + bytes(40))
        page.send(bytes([0x80]) * 13)
        await reaches(engine, "srtp_refused", 3)
        stranger = new_socket()
        page.send(page.protect(rtp(3)), by=stranger)
        await reaches(engine, "datagrams_dropped_unverified")
        stranger.close()
        page.send(b"\xff" + bytes(20))
        await reaches(engine, "datagrams_dropped_unknown")
        page.send(bytes([0x80]) * 2000)
        await reaches(engine, "datagrams_dropped_oversized")
        stats = await engine.stats("raw")
        assert stats[0].packets_received == 1


async def test_media_before_the_answer_is_dropped() -> None:
    async with running_engine() as (engine, observer), raw_page(engine) as page:
        await page.connect()
        page.send(page.protect(rtp(1)))
        await reaches(engine, "srtp_dropped_early")
        await engine.accept_answer("raw", "page", 0, page.answer())
        await observer.until_seen(LegConnected("raw", "page"))


async def test_a_new_address_takes_the_leg_along() -> None:
    """Mobility: the same page, another socket; media follows the nomination at once, both ways."""
    async with running_engine() as (engine, observer), raw_page(engine) as page, raw_page(engine, "raw", "far") as far:
        await connected_page(engine, observer, page)
        await connected_page(engine, observer, far)
        await engine.connect("raw", ("page", "far"))
        elsewhere = new_socket()
        await page.check(by=elsewhere)
        sequence = 0

        async def arrives() -> bool:
            nonlocal sequence
            sequence += 1
            far.send(far.protect(rtp(sequence)))
            page.send(page.protect(rtp(sequence)), by=elsewhere)
            data = await page.receive(by=elsewhere)
            return 127 < data[0] < 192 and data[1] & 0x7F == 111

        await eventually(arrives)
        assert {leg.packets_received > 0 for leg in await engine.stats("raw")} == {True}
        elsewhere.close()


async def test_floods_from_one_address_cost_another_nothing() -> None:
    async with running_engine() as (engine, observer), raw_page(engine) as page:
        flood = new_socket("127.0.0.2")
        for _ in range(300):
            page.send(page.binding_request(password="x" * 24), by=flood)
        await reaches(engine, "stun_limited")
        await connected_page(engine, observer, page)
        flood.close()


async def test_a_thousand_candidates_are_refused_at_once() -> None:
    async with running_engine() as (engine, observer), raw_page(engine) as page:
        many = page.answer() + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" * 1000
        with pytest.raises(NegotiationError):
            await engine.accept_answer("raw", "page", 0, many)
        assert await counted(engine, "answers_refused") == 1
        await connected_page(engine, observer, page)


async def test_tcp_connections_without_a_check_are_closed_and_nonsense_too() -> None:
    async with running_engine() as (engine, _):
        loop = asyncio.get_running_loop()
        nonsense = socket.create_connection(("127.0.0.1", engine.port))
        nonsense.setblocking(False)
        await loop.sock_sendall(nonsense, b"GET / HTTP/1.1\r\n\r\n" * 10)
        with suppress(ConnectionError):
            assert await loop.sock_recv(nonsense, 10) == b""
        nonsense.close()
        assert await counted(engine, "tcp_malformed") == 1
        many = [socket.create_connection(("127.0.0.1", engine.port)) for _ in range(40)]
        await reaches(engine, "tcp_refused", 8)
        for connection in many:
            connection.close()


async def test_a_fault_of_our_own_costs_its_call_and_no_other() -> None:
    async with running_engine() as (engine, observer), raw_page(engine) as page, raw_page(engine, "other") as other:
        await connected_page(engine, observer, page)
        await connected_page(engine, observer, other)
        leg = engine._calls["raw"].legs["page"].leg
        assert leg is not None

        def broken(kind: Kind) -> None:
            raise ZeroDivisionError

        leg.media_started = broken
        page.send(page.protect(rtp(1)))
        await observer.until_seen(CallLost("raw"))
        assert await counted(engine, "faults") == 1
        other.send(other.protect(rtp(1)))

        async def received() -> bool:
            return (await engine.stats("other"))[0].packets_received == 1

        await eventually(received)
        assert [call.call_id for call in (await engine.status()).calls] == ["other"]


def mutated(dice: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(dice.choice(seeds))
    for _ in range(dice.randint(1, 4)):
        match dice.randint(0, 3):
            case 0 if data:
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
            case 1:
                del data[dice.randrange(len(data) + 1) :]
            case 2:
                data += dice.randbytes(dice.randint(0, 60))
            case _ if len(data) > 4:
                data[2:4] = dice.randbytes(2)
    return bytes(data)


async def test_a_fuzz_run_over_the_live_port_leaves_a_call_unharmed() -> None:
    """Random and mutated datagrams from strangers, and from a verified page with valid keys in a call of its own."""
    dice = random.Random(20261122)
    async with running_engine() as (engine, observer), raw_page(engine) as page:
        customer, agent = Peer("customer"), Peer("agent")
        for peer in (customer, agent):
            await join(engine, peer)
            peer.start()
            await observer.until_seen(LegConnected("call", peer.leg_id))
        await engine.connect("call", ("customer", "agent"))
        hello = page.client_hello()
        await engine.accept_answer("raw", "page", 0, page.answer())
        await page.check()
        page.send(hello)
        await page.shake_hands()
        await observer.until_seen(LegConnected("raw", "page"))
        await engine.connect("raw", ("page",))
        stranger = new_socket("127.0.0.3")
        report = bytes([0x81, 201, 0, 7, 0, 0, 0, 7]) + bytes(24)
        feedback = bytes([0x8F, 205, 0, 5]) + bytes(20)
        plain = [rtp(9), rtp(9, payload_type=96, size=900), rtp(9, payload_type=63), rtp(9, payload_type=97)]
        control = [
            report,
            feedback,
            bytes([0x8F, 206, 0, 5]) + bytes(8) + b"REMB" + bytes(8),
            bytes([0x81, 205, 0, 3]) + bytes(12),
        ]
        wires = [page.binding_request(), hello, page.protect(rtp(9)), report, b"\x16\xfe\xfd" + bytes(40), b"\x00"]
        for turn in range(3000):
            page.send(mutated(dice, wires), by=stranger)
            page.send(mutated(dice, wires))
            page.send_encrypted(numbered(mutated(dice, plain), turn))
            page.send_encrypted(mutated(dice, control).ljust(8, b"\0"))
            if turn % 50 == 0:
                await asyncio.sleep(0.005)
        before = await agent.heard()

        async def goes_on() -> bool:
            now = await agent.heard()
            return now["frames"] > before["frames"] + 5 and now["energy"] > before["energy"]

        await eventually(goes_on)
        counters = (await engine.status()).counters
        assert counters["faults"] == 0
        assert min(counters[name] for name in ("srtp_refused", "rtcp_malformed", "stun_malformed")) > 0
        # Two addresses of each peer, the page's own, and the stranger's, who repeats the page's authentic check.
        assert len(engine._endpoint.paths) <= 6
        assert {leg.state for call in (await engine.status()).calls for leg in call.legs} == {"connected"}
        stranger.close()
        await customer.close()
        await agent.close()


def numbered(data: bytes, sequence: int) -> bytes:
    """An RTP packet whose number goes on, so that libsrtp takes it; everything else as it came."""
    data = data.ljust(12, b"\0")
    return data[:2] + sequence.to_bytes(2, "big") + data[4:1300]


def living(engine: Engine) -> int:
    """An engine's transports, and its legs in the bridge. Compiled ones take no weak references."""
    parts = gc.get_objects()
    legs = sum(type(part) is Leg and part.counters is engine._bridge_counters for part in parts)
    return legs + sum(type(part) is LegTransport and part._shared is engine._shared for part in parts)


@pytest.mark.parametrize("ending", ["close_call", "close_leg", "crash"])
async def test_a_closed_call_is_freed_without_the_collector(ending: str) -> None:
    """The collector is tuned for packets and comes too seldom for calls; called on purpose it would delay them."""
    async with running_engine() as (engine, observer):
        one, two = Peer("one"), Peer("two")
        for peer in (one, two):
            await join(engine, peer)
            peer.start()
        await engine.connect("call", ("one", "two"))
        await engine.play("call", "one", "hold", True)
        await observer.until(lambda event: isinstance(event, MediaStarted) and event.kind is Kind.VIDEO)
        await engine.snapshot("call", "one")
        held = engine._calls["call"]
        legs = list(held.legs.values())
        parts = [part for leg in legs for part in (leg, leg.transport.ice)]
        kept = [weakref.ref(part) for part in (held, held.bridge, *parts)]
        assert living(engine) == 2 * len(legs)
        gc.collect()
        gc.disable()
        try:
            if ending == "crash":
                held.crash()
            del held, legs, parts
            for leg_id in ("one", "two") if ending == "close_leg" else ():
                await engine.close_leg("call", leg_id)
            await engine.close_call("call")

            async def freed() -> bool:
                return not any(ref() for ref in kept) and not living(engine)

            await eventually(freed)
        finally:
            gc.enable()
            for peer in (one, two):
                await peer.close()
