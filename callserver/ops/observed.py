"""A MediaEngine that is watched: how long legs take from offer to connected media."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

from callserver.ops.tracing import Traces
from media.api import (
    EngineStatus,
    Kind,
    LegConnected,
    LegFailed,
    LegSpec,
    LegStats,
    MediaEngine,
    MediaEvent,
    Offer,
    RecordingSpec,
    Snapshot,
    StatsReported,
)

MAX_OPENING = 4_000
"""Legs whose connecting is awaited; the oldest is forgotten."""


class ObservedEngine:
    """Passes everything on to `engine`; `connected(seconds)` is called once a leg, `reported` takes the statistics.
    `clock` is monotonic seconds."""

    def __init__(
        self,
        engine: MediaEngine,
        connected: Callable[[float], None],
        clock: Callable[[], float],
        reported: Callable[[StatsReported], None] = lambda report: None,
        traces: Traces | None = None,
    ) -> None:
        self._traces = traces
        self._reported = reported
        self._engine = engine
        self._connected = connected
        self._clock = clock
        self._opening: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def open_leg(self, spec: LegSpec) -> Offer:
        offer = await self._engine.open_leg(spec)
        self._opening[spec.call_id, spec.leg_id] = self._clock()
        if self._traces is not None:
            self._traces.offered(spec.call_id, spec.leg_id)
        if len(self._opening) > MAX_OPENING:
            self._opening.popitem(last=False)
        return offer

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        await self._engine.accept_answer(call_id, leg_id, generation, sdp)
        if self._traces is not None:
            self._traces.answered(call_id, leg_id)

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        return await self._engine.restart_ice(call_id, leg_id)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        await self._engine.connect(call_id, leg_ids)

    async def hold(self, call_id: str, held: bool) -> None:
        await self._engine.hold(call_id, held)

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        await self._engine.mute(call_id, leg_id, kind, muted)

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        await self._engine.clean_voice(call_id, leg_id, wanted)

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        await self._engine.start_recording(call_id, spec)

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        await self._engine.pause_recording(call_id, recording_id, paused)

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        await self._engine.stop_recording(call_id, recording_id)

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        return await self._engine.snapshot(call_id, leg_id)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        await self._engine.play(call_id, leg_id, announcement, repeat)

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        self._opening.pop((call_id, leg_id), None)
        if self._traces is not None:
            self._traces.ended(call_id, leg_id, "closed")
        await self._engine.close_leg(call_id, leg_id)

    async def close_call(self, call_id: str) -> None:
        await self._engine.close_call(call_id)

    async def status(self) -> EngineStatus:
        return await self._engine.status()

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        return await self._engine.stats(call_id)

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in self._engine.events():
            if self._traces is not None and isinstance(event, LegConnected | LegFailed):
                outcome = "connected" if isinstance(event, LegConnected) else "failed"
                self._traces.ended(event.call_id, event.leg_id, outcome)
            if isinstance(event, LegConnected):
                offered = self._opening.pop((event.call_id, event.leg_id), None)
                if offered is not None:
                    self._connected(self._clock() - offered)
            elif isinstance(event, StatsReported):
                self._reported(event)
            yield event
