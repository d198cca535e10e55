"""What our pages do for a call in progress without being asked: web/shared/peer.js and playout.js in Python."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from callserver.drill.caller import Caller

PLAYOUT_SECONDS = 2.0
LEAST_MS, STEP_MS, MOST_MS = 120.0, 50.0, 220.0
CONCEALED = 0.01
CLEAN_SECONDS = 20.0
WATCH_SECONDS = 0.1
RESTART_SECONDS = 1.5
AGAIN_SECONDS = 5.0


class Voice(NamedTuple):
    """Sums over what was received."""

    concealed: int
    """Samples made up, silence apart."""
    samples: int
    lost: int
    """Packets."""


class Playout:
    """How long incoming voice waits to be played."""

    def __init__(self) -> None:
        self.target_ms: float | None = None
        """None: the browser's own choice, which is less."""
        self._before: Voice | None = None
        self._bad_at = 0.0

    def take(self, now: float, voice: Voice) -> None:
        """Decide anew from the sums at `now`."""
        before, self._before = self._before, voice
        if before is None:
            return
        conceals = voice.concealed - before.concealed > CONCEALED * (voice.samples - before.samples)
        if conceals or voice.lost > before.lost:
            self._bad_at = now
            if self.target_ms is None:
                self.target_ms = LEAST_MS
            elif conceals:
                self.target_ms = min(MOST_MS, self.target_ms + STEP_MS)
        elif now - self._bad_at >= CLEAN_SECONDS:
            self.target_ms = None


def voice_of(stats: list[dict[str, Any]]) -> Voice:
    """The sums in a getStats report."""
    entries = [entry for entry in stats if entry.get("type") == "inbound-rtp" and entry.get("kind") == "audio"]

    def total(name: str) -> int:
        return sum(int(entry.get(name) or 0) for entry in entries)

    concealed = total("concealedSamples") - total("silentConcealedSamples")
    return Voice(concealed, total("totalSamplesReceived"), total("packetsLost"))


async def hold_voice(caller: Caller) -> None:
    """Give voice that is late or lost more time, and the picture with it, for ever."""
    loop, playout = asyncio.get_running_loop(), Playout()
    while True:
        await asyncio.sleep(PLAYOUT_SECONDS)
        playout.take(loop.time(), voice_of(await caller.stats()))
        for transceiver in caller.pc.get_transceivers():
            if transceiver.mid in ("0", "2"):
                transceiver.receiver.jitter_buffer_target = playout.target_ms


async def mend_path(caller: Caller, restart: Callable[[], Awaitable[None]]) -> None:
    """Ask for an ICE restart when the path has been broken for a while, and again while it is, for ever."""
    loop = asyncio.get_running_loop()
    broken_at: float | None = None
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        now = loop.time()
        if caller.pc.connection_state not in ("disconnected", "failed"):
            broken_at = None
        elif broken_at is None:
            broken_at = now
        elif now - broken_at >= RESTART_SECONDS:
            broken_at = now + AGAIN_SECONDS - RESTART_SECONDS
            await restart()
