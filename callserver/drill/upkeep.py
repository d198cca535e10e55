"""What our pages do for a call in progress without being asked: web/shared/peer.js and playout.js in Python."""

import asyncio
from collections.abc import Awaitable, Callable

from callserver.drill.caller import Caller

PLAYOUT_SECONDS = 0.2
PLAYOUT_STEP_MS = 20
SHORTEST_MS = 60
WATCH_SECONDS = 0.1
RESTART_SECONDS = 1.5
AGAIN_SECONDS = 5.0


def towards(hold_ms: int, wish_ms: int) -> int:
    """One step of the hold towards what the server wishes.

    NetEQ stretches speech by a tenth without being heard; a jump it fills with silence.
    """
    if wish_ms > hold_ms:
        return min(max(hold_ms, SHORTEST_MS) + PLAYOUT_STEP_MS, wish_ms)
    return max(hold_ms - PLAYOUT_STEP_MS, wish_ms) if hold_ms > SHORTEST_MS else wish_ms


async def hold_playout(caller: Caller) -> None:
    """Hold what is played for as long as the server wishes, for ever."""
    hold_ms = 0
    while True:
        await asyncio.sleep(PLAYOUT_SECONDS)
        if hold_ms == caller.playout_ms:
            continue
        hold_ms = towards(hold_ms, caller.playout_ms)
        for transceiver in caller.pc.get_transceivers():
            if transceiver.mid in ("0", "2"):
                transceiver.receiver.jitter_buffer_target = hold_ms or None


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
