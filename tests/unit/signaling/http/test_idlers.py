import asyncio
from contextlib import suppress

from signaling.http.idlers import MAX_SILENT, PATIENCE, Idlers
from tests.fakes.website import Website


async def open_raw(site: Website) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", int(site.url.rsplit(":", 1)[1]))


async def ended(reader: asyncio.StreamReader) -> bool:
    with suppress(ConnectionError):
        return await reader.read() == b""
    return True


async def test_a_connection_that_asks_for_nothing_is_cut_and_others_stay(site: Website) -> None:
    silent, silent_writer = await open_raw(site)
    slow, slow_writer = await open_raw(site)
    slow_writer.write(b"GET /console HTTP/1.1\r\nHost: x\r\n")
    busy = await site.customer()
    idlers, transports = site.server.idlers, site.server._transports
    while len(transports()) < 3:
        await asyncio.sleep(0)
    assert idlers.sweep(transports()) == 0
    site.clock.advance(PATIENCE + 1)
    late, late_writer = await open_raw(site)
    late_writer.write(b"GET /healthz")
    while len(transports()) < 4:
        await asyncio.sleep(0)
    slow_writer.write(b"X-More: 1\r\n")
    assert idlers.sweep(transports()) == 2
    assert await ended(silent)
    assert await ended(slow)
    await busy.send(type="ping", t=1.0)
    assert (await busy.until("pong"))["t"] == 1.0
    late_writer.write(b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert (await late.read()).startswith(b"HTTP/1.1 404")
    for writer in (silent_writer, slow_writer, late_writer):
        writer.close()


class Cut(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_of_too_many_the_longest_silent_are_cut() -> None:
    now = [0.0]
    idlers = Idlers(lambda: now[0])
    first = [Cut() for _ in range(10)]
    idlers.sweep(first)
    now[0] = 1.0
    everybody = [*first, *(Cut() for _ in range(MAX_SILENT))]
    assert idlers.sweep(everybody) == 10
    assert all(one.aborted for one in first)
    assert not any(one.aborted for one in everybody[10:])
