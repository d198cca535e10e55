import asyncio
import json
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from signaling.http.messages import kind_of
from signaling.http.outbox import MAX_BYTES, MAX_FRAMES, Outbox
from signaling.http.websocket import MAX_MALFORMED
from signaling.protocol import CLOSE_SLOW
from tests.fakes.website import STRANGER, Website, website


async def test_the_first_message_must_come_in_time(tmp_path: Path, web_root: Path) -> None:
    async with website(tmp_path, web_root, first_message_timeout=0.01) as site:
        socket = await site.open_socket()
        assert (await socket.until("error"))["code"] == "bad_message"
        assert await socket.closed() == 4000


@pytest.mark.parametrize(
    "first",
    [
        "",
        "{",
        '{"type":"ping"}',
        '{"type":"nonsense"}',
        '{"type":"hello"}',
        "[" * 50_000,
        '{"type":"hello","ticket":5}',
    ],
)
async def test_the_first_message_must_be_hello_or_resume(site: Website, first: str) -> None:
    socket = await site.open_socket()
    await socket.raw.send_str(first)
    assert (await socket.until("error"))["code"] == "bad_message"
    assert await socket.closed() == 4000


async def test_another_version_is_told_so(site: Website) -> None:
    socket = await site.open_socket()
    await socket.send(type="hello", ticket=await site.customer_ticket(), version=2)
    assert (await socket.until("error"))["code"] == "version"
    assert await socket.closed() == 4000


async def test_a_session_is_resumed_and_the_old_connection_closed(site: Website) -> None:
    first = await site.customer()
    second = await site.open_socket()
    await second.send(type="resume", token=first.welcome["resume_token"], last_seq=1)
    assert (await second.until("resumed"))["session_id"] == first.welcome["session_id"]
    assert await first.closed() == 4002
    third = await site.open_socket()
    await third.send(type="resume", token="unknown")
    assert (await third.until("error"))["code"] == "resume_failed"
    assert await third.closed() == 4003


async def test_malformed_messages_are_answered_and_ten_a_minute_end_it(site: Website) -> None:
    socket = await site.customer()
    bad = ['{"type":"nope"}', "{", '{"type":"chat.send"}', "null", '{"type":5}', '{"type":"call.hangup","call_id":"é"}']
    codes = []
    for text in bad:
        await socket.raw.send_str(text)
        codes.append((await socket.until("error"))["code"])
    assert codes == ["unknown_type"] + ["bad_message"] * 5
    await socket.raw.send_bytes(b"\x00\x01")
    assert (await socket.until("error"))["code"] == "bad_message"
    site.clock.advance(61)
    for _ in range(MAX_MALFORMED):
        await socket.raw.send_str("{")
    assert await socket.closed() == 4008
    assert ("refused", "unknown_type") in site.counted


async def test_unknown_fields_are_ignored(site: Website) -> None:
    socket = await site.customer()
    await socket.send(type="ping", t=3.0, future=[1, {"a": 2}])
    assert (await socket.until("pong"))["t"] == 3.0


async def test_a_large_message_passes_and_a_larger_one_ends_the_connection(site: Website) -> None:
    socket = await site.customer()
    await socket.send(type="ping", t=1.0, padding="x" * 60_000)
    await socket.until("pong")
    with suppress(ConnectionError):  # the server may be gone before the last byte has left
        await socket.raw.send_str("x" * 4 * 1024 * 1024)
    assert await socket.closed() in (1006, 1009)
    other = await site.customer()
    await other.send(type="ping", t=1.0)
    await other.until("pong")


async def test_one_address_opens_a_bounded_number(tmp_path: Path, web_root: Path) -> None:
    async with website(tmp_path, web_root, connections_per_address=2) as site:
        sockets = [await site.open_socket(**STRANGER) for _ in range(2)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await site.open_socket(**STRANGER)
        assert refusal.value.status == 429
        sockets.append(await site.open_socket(**{"X-Forwarded-For": "198.51.100.1"}))
        await sockets[0].raw.close()
        await sockets[0].closed()
        for _ in range(100):
            try:
                sockets.append(await site.open_socket(**STRANGER))
                break
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0)
        assert len(site.server.sockets) == 3


async def test_a_plain_get_is_told_to_upgrade(site: Website) -> None:
    assert (await site.ask("GET", "/ws/v1"))[0] == 426


async def test_a_client_that_never_reads_is_closed_and_costs_no_more(site: Website) -> None:
    """It keeps asking for answers and takes none: the kernel's buffers fill, then ours, then it is cut off."""
    ticket = await site.customer_ticket()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(site.url.rsplit(":", 1)[1]), limit=1024)
    writer.write(
        f"GET /ws/v1 HTTP/1.1\r\nHost: {site.url[7:]}\r\nOrigin: {site.url}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(frame(json.dumps({"type": "hello", "ticket": ticket}).encode()))
    await reader.readuntil(b"welcome")
    (outbox,) = site.server.sockets._open
    for _ in range(MAX_FRAMES * 20):
        outbox.send(b"x" * 16_000)
        await asyncio.sleep(0)
        if outbox.closing:
            break
    assert outbox.closing
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        await reader.readexactly(1 << 30)
    for _ in range(1000):
        await asyncio.sleep(0)
        if not len(site.server.sockets):
            break
    assert not len(site.server.sockets)
    writer.close()


async def test_a_client_that_answers_no_ping_is_away(tmp_path: Path, web_root: Path) -> None:
    """Its network died without a word: no close frame, no FIN."""
    async with website(tmp_path, web_root, ping_interval=0.02) as site:
        address, origin = site.url.replace("http", "ws") + "/ws/v1", {"Origin": site.url}
        hello = json.dumps({"type": "hello", "ticket": await site.customer_ticket()})
        attached = set()
        async with site.http.ws_connect(address, headers=origin, autoping=False) as mute:
            await mute.send_str(hello)
            async for _ in mute:  # ends when the server has cut it
                attached.add(site.shared.service.counts()["sessions_attached"])
        assert 1 in attached
        for _ in range(1000):
            await asyncio.sleep(0)
            if not len(site.server.sockets):
                break
        assert site.shared.service.counts()["sessions_attached"] == 0


def frame(payload: bytes) -> bytes:
    """A masked text frame (RFC 6455 §5.2) with a mask of zeros."""
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


def test_a_full_outbox_closes_itself() -> None:
    for size in (10, MAX_BYTES // 8):
        outbox = Outbox()
        for _ in range(MAX_FRAMES):
            outbox.send(b"x" * size)
        outbox.send(b"x" * size)
        assert outbox.closing
        assert outbox._verdict == (CLOSE_SLOW, "does not read")
        assert not outbox._frames


async def test_the_end_of_the_server_is_a_restart_for_clients(tmp_path: Path, web_root: Path) -> None:
    async with website(tmp_path, web_root) as site:
        socket = await site.customer()
        site.server.sockets.close_all()
        assert await socket.closed() == 1012


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.one_of(st.text(max_size=60), st.from_regex(r'\{"type":"[a-z.]{1,12}".{0,40}\}')), max_size=5))
async def test_whatever_is_said_the_server_answers_and_goes_on(site: Website, texts: list[str]) -> None:
    site.clock.advance(61)
    socket = await site.customer()
    for text in texts:
        await socket.raw.send_str(text)
    await socket.send(type="ping", t=7.0)
    while (await socket.next()) != {"type": "pong", "t": 7.0}:
        pass
    await socket.raw.close()


@settings(deadline=None)
@given(st.text(max_size=100))
def test_the_type_of_anything_is_a_short_text(text: str) -> None:
    assert len(kind_of(text)) <= 64
    assert kind_of(json.dumps({"type": text})) == text[:64]
