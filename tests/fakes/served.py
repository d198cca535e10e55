"""A worker without media: remembers what it was asked and answers what it is told to."""

import asyncio
from collections.abc import AsyncIterator

from media.api import (
    CallStatus,
    EngineStatus,
    Kind,
    LegSpec,
    LegState,
    LegStats,
    LegStatus,
    MediaEvent,
    Offer,
    RecordingSpec,
    Slot,
    Snapshot,
)
from media.errors import CapacityError
from media.io.remote_client import EventQueue


class ServedEngine:
    """Implements media.io.remote.ServedEngine. `failure` is raised by the next request; `blocked` holds them all."""

    def __init__(self, name: str = "fake", index: int | None = None) -> None:
        self.name = name
        self.index = index
        self.port: int | None = None
        self.asked: list[tuple[object, ...]] = []
        self.calls: dict[str, list[str]] = {}
        self.failure: Exception | None = None
        self.draining = False
        self.drained = asyncio.Event()
        self.queue = EventQueue()
        self.open = asyncio.Event()
        self.open.set()
        self.capacity = 1000

    async def _note(self, *what: object) -> None:
        self.asked.append(what)
        await self.open.wait()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    async def open_leg(self, spec: LegSpec) -> Offer:
        await self._note("open_leg", spec)
        if spec.call_id not in self.calls and len(self.calls) >= self.capacity:
            raise CapacityError("full")
        self.calls.setdefault(spec.call_id, []).append(spec.leg_id)
        return Offer(spec.call_id, spec.leg_id, f"v=0 {self.name}", {"0": Slot.AUDIO})

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        await self._note("accept_answer", call_id, leg_id, generation, sdp)

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        await self._note("restart_ice", call_id, leg_id)
        return Offer(call_id, leg_id, "v=0", {"1": Slot.CAMERA}, generation=1)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        await self._note("connect", call_id, leg_ids)

    async def hold(self, call_id: str, held: bool) -> None:
        await self._note("hold", call_id, held)

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        await self._note("mute", call_id, leg_id, kind, muted)

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        await self._note("clean_voice", call_id, leg_id, wanted)

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        await self._note("start_recording", call_id, spec)

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        await self._note("pause_recording", call_id, recording_id, paused)

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        await self._note("stop_recording", call_id, recording_id)

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        await self._note("snapshot", call_id, leg_id)
        return Snapshot(call_id, leg_id, "image/jpeg", b"\xff\xd8", 640, 480, 1.5)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        await self._note("play", call_id, leg_id, announcement, repeat)

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        await self._note("close_leg", call_id, leg_id)

    async def close_call(self, call_id: str) -> None:
        await self._note("close_call", call_id)
        self.calls.pop(call_id, None)

    async def status(self) -> EngineStatus:
        await self._note("status")
        calls = tuple(
            CallStatus(call, tuple(LegStatus(leg, LegState.CONNECTED) for leg in legs), ())
            for call, legs in self.calls.items()
        )
        return EngineStatus(self.name, calls, self.draining, 0.25, 1.5, {"datagrams_received": 7})

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        await self._note("stats", call_id)
        return tuple(LegStats(call_id, leg, rtt_ms=12.5, audio_level=30) for leg in self.calls.get(call_id, ()))

    async def activate(self, index: int, port: int) -> int:
        await self._note("activate", index, port)
        self.index, self.port = index, port
        return port

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - the protocol's
        await self._note("drain", timeout)
        self.draining = True
        self.drained.set()

    async def events(self) -> AsyncIterator[MediaEvent]:
        async for event in self.queue:
            yield event
