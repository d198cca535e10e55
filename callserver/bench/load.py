"""Replays the traffic of all legs evenly paced, and takes in what comes back, for some seconds at a time."""

import asyncio
import itertools
import time
from collections.abc import Sequence

from callserver.bench.datagrams import Port
from callserver.bench.traffic import AUDIO_PACKETS, VIDEO_FRAMES, VIDEO_PACKETS_A_FRAME, Traffic

_ROUND = 100
"""Ticks of a millisecond after which the pattern repeats: 12 video and 5 audio packets a leg."""

_REPORT_ROUNDS = 10
_CHECK_ROUNDS = 25
"""A connectivity check every 2.5 s, as browsers do (RFC 7675)."""

_MAX_BEHIND = 250
"""Ticks; a generator that is later than this skips them: it would only send a burst."""


class Load:
    """All legs' traffic."""

    def __init__(self, legs: Sequence[Traffic], ports: Sequence[Port]) -> None:
        self._legs = {leg.peer.host: leg for leg in legs}
        self._ports = ports
        self._wheel: list[list[tuple[bool, Traffic]]] = [[] for _ in range(_ROUND)]
        self._beats: list[list[Traffic]] = [[] for _ in range(_ROUND)]
        self._round = 0
        self.ticks_skipped = 0
        """Milliseconds of traffic that were not sent because the generator was too slow."""
        for number, leg in enumerate(legs):
            phase = number / len(legs)
            self._beats[int(phase * _ROUND)].append(leg)
            for is_video, rate in ((True, VIDEO_FRAMES * VIDEO_PACKETS_A_FRAME), (False, AUDIO_PACKETS)):
                in_round = rate * _ROUND // 1000
                for k in range(in_round):
                    self._wheel[int((k + phase) * _ROUND / in_round) % _ROUND].append((is_video, leg))

    @property
    def sent(self) -> int:
        return sum(leg.sent for leg in self._legs.values())

    @property
    def received(self) -> int:
        return sum(leg.received for leg in self._legs.values())

    async def run(self, seconds: float) -> None:
        """Send and receive in real time."""
        start = time.monotonic()
        tick, last = 0, int(seconds * 1000)
        while tick < last:
            due = min(last, int((time.monotonic() - start) * 1000) + 1)
            if due - tick > _MAX_BEHIND:
                self.ticks_skipped += due - tick - _MAX_BEHIND
                tick = due - _MAX_BEHIND
            for number in range(tick, due):
                self._send(number % _ROUND)
            tick = due
            self._receive()
            pause = start + tick / 1000 - time.monotonic()
            if pause > 0:
                time.sleep(pause)  # noqa: ASYNC251 - finer than the loop's timer; only the RPC waits, for a millisecond
            await asyncio.sleep(0)

    async def drain(self, seconds: float) -> None:
        """Receive what is still under way, sending no media."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._receive()
            await asyncio.sleep(0.001)

    def _send(self, place: int) -> None:
        now = time.time_ns()
        abs_send_time = (now << 18) // 1_000_000_000 & 0xFFFFFF
        for is_video, leg in self._wheel[place]:
            port = leg.peer.port
            if not is_video:
                leg.write_audio(port.slot(), now, abs_send_time)
            elif leg.video_due():
                leg.write_video(port.slot(), now, abs_send_time)
            else:
                continue
            port.queue(leg.peer.host)
        for leg in self._beats[place]:
            self._beat(leg, now)
        for port in self._ports:
            port.flush()
        if place == _ROUND - 1:
            self._round += 1

    def _beat(self, leg: Traffic, now: int) -> None:
        leg.send_feedback()
        turn = self._round + leg.peer.host
        if turn % _REPORT_ROUNDS == 0:
            leg.send_reports(now)
        if turn % _CHECK_ROUNDS == 0:
            leg.peer.send_check()

    def _receive(self) -> None:
        legs = self._legs
        for port in self._ports:
            for packet, host, arrived in port.receive():
                leg = legs.get(host)
                if leg is not None:
                    leg.receive(packet, arrived)

    def latencies(self) -> list[int]:
        """The sampled latencies of all legs in nanoseconds, sorted."""
        return sorted(itertools.chain.from_iterable(leg.latencies for leg in self._legs.values()))

    def forget_latencies(self) -> None:
        """Begin a new window."""
        for leg in self._legs.values():
            leg.latencies.clear()
