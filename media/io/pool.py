"""MediaEngine over N worker processes: pins calls, merges events and reports.

A call lives on one worker, the least loaded one when its first leg is opened. When a worker dies its connection ends
at once: the pool says CallLost for each of its calls. Who keeps the workers running is media/io/pool_crew.py.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from media.api import (
    CallLost,
    EngineStatus,
    Kind,
    LegSpec,
    LegStats,
    MediaEvent,
    Offer,
    RecordingSpec,
    Snapshot,
    WorkerLoad,
)
from media.errors import CapacityError, UnknownLegError
from media.io.pool_crew import Crew, Sleep
from media.io.pool_member import Member, StartWorker
from media.io.remote_client import EventQueue

logger = logging.getLogger(__name__)

_REPLACEMENT_PATIENCE = 5.0
"""How long a leg waits for a worker while one is being replaced."""


class WorkerPool:
    """`start` returns when every worker is up; `close` leaves them running, so that calls outlive the control process.

    `drain` ends the workers.
    """

    def __init__(
        self,
        directory: Path,
        start_worker: StartWorker,
        *,
        count: int,
        port: int,
        spare: bool = True,
        max_calls_per_worker: int = 150,
        timeout: float = 5.0,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`directory`: see worker_files.run_directory. Worker i uses `port` + i. `timeout` of a request in seconds."""
        self._max_calls = max_calls_per_worker
        self._pins: dict[str, Member] = {}
        self._events = EventQueue()
        self._crew = Crew(
            self, directory, start_worker, count=count, port=port, spare=spare, timeout=timeout, sleep=sleep
        )
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Adopt living workers, start the missing ones; raise MediaError if one cannot start (port taken …)."""
        # The one task outside a group: it is the group, kept open between start and close.
        self._running = asyncio.create_task(self._crew.run())
        self._running.add_done_callback(self._ended)
        ready = asyncio.ensure_future(self._crew.ready.wait())
        await asyncio.wait((self._running, ready), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._running.done():
            await self._running

    async def close(self) -> None:
        """Let go of the workers; they keep their calls and wait for the next control process."""
        self._crew.stop()
        if self._running is not None:
            await self._running
        self._events.close()

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - how long calls may go on
        """Take no new calls, let the present ones end for `timeout` seconds, return when every worker has exited."""
        await self._crew.retire_all(timeout)

    async def open_leg(self, spec: LegSpec) -> Offer:
        member = self._pins.get(spec.call_id)
        if member is None:
            member = await self._choose()
            self._pin(spec.call_id, member)
        try:
            return await member.engine.open_leg(spec)
        except CapacityError:
            await self._unpin_if_unknown(spec.call_id, member)
            raise

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        await self._pinned(call_id).engine.accept_answer(call_id, leg_id, generation, sdp)

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        return await self._pinned(call_id).engine.restart_ice(call_id, leg_id)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        await self._pinned(call_id).engine.connect(call_id, leg_ids)

    async def hold(self, call_id: str, held: bool) -> None:
        await self._pinned(call_id).engine.hold(call_id, held)

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        await self._pinned(call_id).engine.mute(call_id, leg_id, kind, muted)

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        await self._pinned(call_id).engine.clean_voice(call_id, leg_id, wanted)

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        await self._pinned(call_id).engine.start_recording(call_id, spec)

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        await self._pinned(call_id).engine.pause_recording(call_id, recording_id, paused)

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        if call_id in self._pins:
            await self._pins[call_id].engine.stop_recording(call_id, recording_id)

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        return await self._pinned(call_id).engine.snapshot(call_id, leg_id)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        await self._pinned(call_id).engine.play(call_id, leg_id, announcement, repeat)

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        if call_id in self._pins:
            await self._pins[call_id].engine.close_leg(call_id, leg_id)

    async def close_call(self, call_id: str) -> None:
        member = self._pins.get(call_id)
        if member is not None:
            self._unpin(call_id)
            await member.engine.close_call(call_id)

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        member = self._pins.get(call_id)
        return () if member is None else await member.engine.stats(call_id)

    async def status(self) -> EngineStatus:
        """All workers as one: calls and counters together, the worst of the load figures."""
        crew = self._crew
        asked = (member.engine.status() for member in crew.everyone() if member is not crew.spare)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        parts = [answer for answer in answers if isinstance(answer, EngineStatus)]
        counters: Counter[str] = Counter(workers=len(crew.active), workers_spare=int(crew.spare is not None))
        counters["workers_lost"] = crew.lost
        for part in parts:
            counters.update(part.counters)
        return EngineStatus(
            engine_id="pool",
            calls=tuple(call for part in parts for call in part.calls),
            draining=crew.draining,
            cpu_fraction=max((part.cpu_fraction for part in parts), default=0.0),
            loop_lag_ms=max((part.loop_lag_ms for part in parts), default=0.0),
            counters=dict(counters),
            codec_cpu_fraction=sum(part.codec_cpu_fraction for part in parts),
            workers=tuple(_load(part) for part in parts),
        )

    def events(self) -> AsyncIterator[MediaEvent]:
        return aiter(self._events)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._events.close()
        if self._crew.ready.is_set() and not task.cancelled() and task.exception() is not None:
            logger.critical("nobody keeps the media workers any more", exc_info=task.exception())

    # What the crew tells us.

    def happened(self, event: MediaEvent) -> None:
        """A worker reports an event."""
        if isinstance(event, CallLost):
            self._unpin(event.call_id)
        self._events.put(event)

    def reported(self, member: Member, status: EngineStatus) -> None:
        """A worker says what it holds: learn calls we did not pin, forget those that are gone in two reports."""
        held = {call.call_id for call in status.calls}
        for call_id in held - self._pins.keys():
            self._pin(call_id, member)
        gone = member.calls - held
        for call_id in gone & member.doubtful:
            self._unpin(call_id)
        member.doubtful = gone & member.calls

    def lost(self, member: Member) -> None:
        """A worker is gone with everything it held."""
        for call_id in sorted(member.calls):
            self._unpin(call_id)
            self._events.put(CallLost(call_id))

    # Which worker.

    async def _choose(self) -> Member:
        """The least loaded worker; wait a little when a dead one is being replaced."""
        crew = self._crew
        if crew.draining:
            raise CapacityError("the server is going to stop and takes no new calls")
        try:
            async with asyncio.timeout(_REPLACEMENT_PATIENCE), crew.changed:
                await crew.changed.wait_for(lambda: self._free() or crew.complete)
        except TimeoutError:
            raise CapacityError("no media worker is running") from None
        if not self._free():
            raise CapacityError(f"every media worker holds {self._max_calls} calls already")
        return min(self._free(), key=lambda member: (len(member.calls), member.index))

    def _free(self) -> list[Member]:
        able = (member for member in self._crew.active.values() if not member.draining)
        return [member for member in able if len(member.calls) < self._max_calls]

    def _pin(self, call_id: str, member: Member) -> None:
        self._pins[call_id] = member
        member.calls.add(call_id)

    def _unpin(self, call_id: str) -> None:
        member = self._pins.pop(call_id, None)
        if member is not None:
            member.calls.discard(call_id)

    def _pinned(self, call_id: str) -> Member:
        member = self._pins.get(call_id)
        if member is None:
            raise UnknownLegError(f"no worker holds the call {call_id}")
        return member

    async def _unpin_if_unknown(self, call_id: str, member: Member) -> None:
        """A worker that refused the first leg of a call does not hold it: the next try may choose another."""
        if not any(call.call_id == call_id for call in (await member.engine.status()).calls):
            self._unpin(call_id)


def _load(status: EngineStatus) -> WorkerLoad:
    return WorkerLoad(
        engine_id=status.engine_id,
        calls=len(status.calls),
        legs=sum(len(call.legs) for call in status.calls),
        cpu_fraction=status.cpu_fraction,
        loop_lag_ms=status.loop_lag_ms,
        datagrams_sent=status.counters.get("datagrams_sent", 0),
        draining=status.draining,
        codec_cpu_fraction=status.codec_cpu_fraction,
    )
