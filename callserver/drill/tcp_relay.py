"""The emulated network for ICE-TCP: what one end sends on its connections reaches a server when a `Link` says."""

import asyncio
import socket

from callserver.drill.link import Link
from callserver.drill.outage import Outages

SEGMENT_BYTES = 1_400
QUEUED_SEGMENTS = 64
"""On the way at one time in one direction of a connection; then the sender has to wait, as with a full window."""
RESEND_SECONDS = 0.2
"""The least retransmission timeout in practice (Linux TCP_RTO_MIN)."""
MAX_RESENDS = 75
"""After so many the connection is given up."""


class Stream:
    """A link as TCP uses it: a lost segment is sent again and holds up those behind it. Sans-IO."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._offered_at = 0.0
        self._arrived_at = 0.0

    def offer(self, size_bytes: int, now: float) -> float:
        """When a segment arrives; raise TimeoutError if it never does."""
        at = max(self._offered_at, now)
        for _ in range(MAX_RESENDS):
            arrival = self.link.offer(size_bytes, at)
            if arrival is not None:
                self._offered_at, self._arrived_at = at, max(self._arrived_at, arrival)
                return self._arrived_at
            at += RESEND_SECONDS
        raise TimeoutError("the emulated link lets nothing through")


class TcpRelay:
    """`near` is where the near end connects to; each of its connections is continued to `far`."""

    def __init__(
        self,
        towards_far: Link,
        towards_near: Link,
        far: tuple[str, int],
        outages: Outages,
        host: str = "127.0.0.1",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._towards_far = Stream(towards_far)
        self._towards_near = Stream(towards_near)
        self._far = far
        self._outages = outages
        self._started = self._loop.time()
        self._listening = socket.create_server((host, 0))
        self._connections: set[asyncio.Task[None]] = set()
        self._starting = self._loop.create_task(asyncio.start_server(self._take, sock=self._listening))

    @property
    def near(self) -> tuple[str, int]:
        host, port = self._listening.getsockname()[:2]
        return host, port

    def start_clock(self) -> None:
        """The links' schedules begin now."""
        for stream in (self._towards_far, self._towards_near):
            stream.link.begin(self._loop.time() - self._started)

    async def close(self) -> None:
        """End every connection."""
        (await self._starting).close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._loop.create_task(self._continue(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _continue(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._far)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump("far", self._towards_far, reader, far_writer))
                pumps.create_task(self._pump("near", self._towards_near, far_reader, writer))
        except* (OSError, EOFError):
            pass  # one end is gone, so is the other
        finally:
            for end in ends:
                end.close()

    async def _pump(
        self, side: str, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry the direction towards `side`; its end is an EOFError or OSError."""
        travelling: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_SEGMENTS)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._deliver(side, travelling, writer))
            while data := await reader.read(SEGMENT_BYTES):
                arrival = stream.offer(len(data), self._loop.time() - self._started)
                await travelling.put((arrival + self._started, data))
            await travelling.put((0.0, b""))

    async def _deliver(
        self, side: str, travelling: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter
    ) -> None:
        while True:
            arrival, data = await travelling.get()
            await asyncio.sleep(max(0.0, arrival - self._loop.time()))
            if not data:
                raise EOFError
            writer.write(data)
            self._outages.streamed(side, data, self._loop.time())
            await writer.drain()
