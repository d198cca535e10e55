"""The codec worker's end of life: with its engine's socket, not with a signal that was meant for the engine."""

import asyncio
import logging
import os
import signal
import socket
import time

import pytest

from media.bridge.tap import Feed
from media.io import codec_words as words
from media.io.codec_link import CodecLink, Process, spawn_worker
from media.wire.tapped import TappedPacket


class Listener:
    """Hears beats and ends."""

    def __init__(self) -> None:
        self.beats: asyncio.Queue[None] = asyncio.Queue()
        self.downs: list[str] = []

    def worker_up(self) -> None: ...

    def worker_down(self, reason: str) -> None:
        self.downs.append(reason)

    def worker_said(self, message: words.FromWorker) -> None:
        if isinstance(message, words.Beat):
            self.beats.put_nowait(None)

    def worker_sent(self, packet: TappedPacket) -> None: ...


async def test_sigterm_to_the_whole_group_ends_the_codec_worker_with_its_engine(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Service managers and terminals signal every process of a group; calls may go on, and so their recordings."""
    processes: list[Process] = []

    def spawn(theirs: socket.socket) -> Process:
        processes.append(spawn_worker(theirs))
        return processes[0]

    listener = Listener()
    link = CodecLink(listener, Feed(), spawn)
    with caplog.at_level(logging.WARNING):
        link.need(time.monotonic())
        async with asyncio.timeout(60):
            await listener.beats.get()
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(processes[0].pid, number)
            await listener.beats.get()
            assert listener.downs == []
            await link.close()
    assert listener.downs == ["it ended"]
    assert processes[0].poll() == 0
    assert not caplog.records
