"""The media engine in this process: calls, their legs and the timers that drive them (media.api.MediaEngine)."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from media.api import (
    CallLost,
    EngineStatus,
    Kind,
    LegSpec,
    LegState,
    LegStats,
    MediaEvent,
    Offer,
    RecordingSpec,
    Snapshot,
    StatsReported,
)
from media.bridge.counters import Counters as BridgeCounters
from media.bridge.schedule import Rota
from media.errors import CapacityError, MediaError, UnknownLegError
from media.io.announcements import Announcements
from media.io.candidates import Advertised, own_addresses, resolve
from media.io.counters import Counters
from media.io.demux import Demux
from media.io.dtls import Certificate
from media.io.endpoint import Endpoint
from media.io.events import EventQueue
from media.io.held import HeldCall, HeldLeg
from media.io.ice import AgentTable
from media.io.load import Load
from media.io.ports import bind_ports
from media.io.silence import LOOK_EVERY
from media.io.studio import Studio
from media.io.tcp import TcpListener
from media.io.transport import Shared
from media.wire.ntp import ntp_from_unix

logger = logging.getLogger(__name__)

TICK = 0.005
"""The legs' reports and requests leave within about this much of when they are due."""
IDLE_TICK = 0.1
WATCH_EVERY = 0.25
STATS_EVERY, PRESSING_EVERY = 2.0, 0.5
"""Seconds between reports of all calls, and of those that somebody should see at once."""
EMPTY_CALL_KEPT = 120.0
"""A call without legs is forgotten after this long, if nobody closes it."""
MAX_LEGS_A_CALL = 8


class Engine:
    """Implements media.api.MediaEngine on one UDP (and TCP) port. `start` first, `close` at the end."""

    def __init__(
        self,
        *,
        host: str = "::",
        port: int = 0,
        advertise: tuple[str, ...] = (),
        tcp: bool = True,
        max_calls: int = 150,
        engine_id: str = "",
        announcements: Path | None = None,
    ) -> None:
        """`port` 0 takes a free one, see `port` after `start`. `advertise`: addresses or names put into offers;
        empty: all of this machine's own but loopback (loopback if there is no other). `announcements`: the operator's
        own files, see media/io/announcements.py."""
        self.draining = False
        """True: calls go on, new ones are refused with CapacityError. Set it freely."""
        self._engine_id = engine_id
        self._host = host
        self._wanted_port = port
        self._advertise = advertise
        self._max_calls = max_calls
        self._counters = Counters()
        self._bridge_counters = BridgeCounters()
        self._events = EventQueue(self._counters)
        self._calls: dict[str, HeldCall] = {}
        self.rota = Rota()
        self._certificate = Certificate.generateCertificate()
        self._advertised = Advertised((), 0, tcp)
        self._load = Load()
        self._announcements = Announcements(announcements)
        self._studio = Studio(self._events.put, self._announcements)
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._looked_at = self._watched_at = self._reported_at = self._pressed_at = 0.0
        self._endpoint: Endpoint
        self._shared: Shared
        self._listener: TcpListener | None = None

    @property
    def port(self) -> int:
        """The UDP and TCP port, once started."""
        return self._advertised.port

    @property
    def call_count(self) -> int:
        """How many calls are held."""
        return len(self._calls)

    # --- life ---

    async def start(self) -> None:
        """Bind and serve; raise OSError for a taken port, NegotiationError for an advertised name without address."""
        udp_socket, tcp_socket = bind_ports(self._host, self._wanted_port, self._advertised.tcp)
        ipv6 = udp_socket.family == socket.AF_INET6
        try:
            addresses = await resolve(self._advertise, ipv6) if self._advertise else own_addresses(ipv6)
        except MediaError:
            for bound in (udp_socket, tcp_socket):
                if bound is not None:
                    bound.close()
            raise
        self._advertised = Advertised(addresses, udp_socket.getsockname()[1], tcp_socket is not None)
        agents = AgentTable(self._counters)
        demux = Demux(agents, self._counters)
        self._endpoint = demux.endpoint = Endpoint(udp_socket, demux, self._counters)
        tasks: asyncio.Future[asyncio.TaskGroup] = asyncio.get_running_loop().create_future()
        self._running = asyncio.create_task(self._run(tasks))
        group = await tasks
        self._shared = Shared(
            self._endpoint,
            agents,
            self._certificate,
            self._counters,
            lambda work: group.create_task(self._guarded(work)),
        )
        if tcp_socket is not None:
            self._listener = TcpListener(demux.receive_frame, self._endpoint.flush, self._counters)
            await self._listener.start(tcp_socket)
        await asyncio.to_thread(self._announcements.load)
        self._endpoint.start()
        self._tick()

    async def _run(self, tasks: "asyncio.Future[asyncio.TaskGroup]") -> None:
        """The one task all others belong to."""
        async with asyncio.TaskGroup() as group:
            tasks.set_result(group)
            await self._stopping.wait()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """One task's fault must not end the others."""
        try:
            await work
        except Exception:
            self._counters.faults += 1
            logger.exception("a task of the media engine failed by our own fault")

    async def close(self) -> None:
        """Close every call and the sockets; `events` ends."""
        for call_id in list(self._calls):
            await self.close_call(call_id)
        if self._timer is not None:
            self._timer.cancel()
        if self._running is not None:
            self._stopping.set()
            await self._running
            self._running = None
            await self._studio.close()
            if self._listener is not None:
                self._listener.close()
            self._endpoint.close()
        self._events.end()

    # --- media.api.MediaEngine ---

    async def open_leg(self, spec: LegSpec) -> Offer:
        now = time.monotonic()
        call = self._calls.get(spec.call_id)
        if call is None:
            if self.draining or len(self._calls) >= self._max_calls:
                raise CapacityError("this worker takes no more calls")
            call = self._calls[spec.call_id] = HeldCall(spec.call_id, self, self._bridge_counters, now)
        leg = call.legs.get(spec.leg_id)
        if leg is None:
            if len(call.legs) >= MAX_LEGS_A_CALL:
                raise CapacityError(f"a call has at most {MAX_LEGS_A_CALL} legs")
            leg = call.legs[spec.leg_id] = HeldLeg(spec, call, self._shared, now)
            self._counters.legs_opened += 1
        return leg.offer(self._advertised, self._certificate.fingerprint)

    async def accept_answer(self, call_id: str, leg_id: str, generation: int, sdp: str) -> None:
        leg = self._leg(call_id, leg_id)
        try:
            leg.accept(generation, sdp)
        except MediaError:
            self._counters.answers_refused += 1
            raise
        self._endpoint.flush()

    async def restart_ice(self, call_id: str, leg_id: str) -> Offer:
        leg = self._leg(call_id, leg_id)
        leg.restart_ice()
        return leg.offer(self._advertised, self._certificate.fingerprint)

    async def connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        self._call(call_id).bridge.connect(leg_ids, time.monotonic())
        self._endpoint.flush()
        if len(leg_ids) > 1:
            self._studio.warm_up()

    async def hold(self, call_id: str, held: bool) -> None:
        self._call(call_id).bridge.hold(held, time.monotonic())
        self._endpoint.flush()

    async def mute(self, call_id: str, leg_id: str, kind: Kind, muted: bool) -> None:
        self._call(call_id).bridge.mute(leg_id, kind, muted, time.monotonic())
        self._endpoint.flush()

    async def clean_voice(self, call_id: str, leg_id: str, wanted: bool) -> None:
        self._leg(call_id, leg_id)
        self._studio.clean_voice(call_id, self._calls[call_id], leg_id, wanted)

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        self._studio.start_recording(call_id, self._call(call_id), spec)

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        self._studio.pause_recording(call_id, recording_id, paused)

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        self._studio.stop_recording(call_id, recording_id)

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        self._leg(call_id, leg_id)
        return await self._studio.snapshot(call_id, self._calls[call_id], leg_id)

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        self._leg(call_id, leg_id)
        self._studio.play(call_id, self._calls[call_id], leg_id, announcement, repeat)
        self._endpoint.flush()

    async def close_leg(self, call_id: str, leg_id: str) -> None:
        call = self._calls.get(call_id)
        leg = call.legs.pop(leg_id, None) if call is not None else None
        if call is not None and leg is not None:
            call.empty_since = time.monotonic()
            await self._close(leg)

    async def close_call(self, call_id: str) -> None:
        call = self._calls.pop(call_id, None)
        if call is not None:
            self._studio.close_call(call_id)
            for leg in list(call.legs.values()):
                await self._close(leg)
            call.legs.clear()

    async def status(self) -> EngineStatus:
        return EngineStatus(
            self._engine_id,
            tuple(call.status(*self._studio.of_call(call.call_id)) for call in self._calls.values()),
            self.draining,
            self._load.cpu_fraction,
            self._load.loop_lag_ms,
            self._counters.as_dict() | self._bridge_counters.as_dict() | self._studio.counters(),
            self._studio.cpu_fraction,
        )

    async def stats(self, call_id: str) -> tuple[LegStats, ...]:
        call = self._calls.get(call_id)
        if call is None:
            return ()
        now = time.monotonic()
        return tuple([leg.stats(now) for leg in call.legs.values() if leg.leg is not None])

    def events(self) -> AsyncIterator[MediaEvent]:
        """Everything that happens; ends when the engine is closed. One reader."""
        return self._events.read()

    # --- what calls tell (media.io.held.CallOwner) ---

    def tell(self, event: MediaEvent) -> None:
        self._events.put(event)

    def close_soon(self, leg: HeldLeg) -> None:
        self._shared.spawn(self._close(leg))

    def crash(self, call: HeldCall) -> None:
        if self._calls.pop(call.call_id, None) is not None:
            self.tell(CallLost(call.call_id))
            self._studio.close_call(call.call_id)
            legs, call.legs = call.legs, {}
            for leg in legs.values():
                self.close_soon(leg)

    # --- inside ---

    def _call(self, call_id: str) -> HeldCall:
        try:
            return self._calls[call_id]
        except KeyError:
            raise UnknownLegError(f"no call {call_id} here") from None

    def _leg(self, call_id: str, leg_id: str) -> HeldLeg:
        try:
            return self._calls[call_id].legs[leg_id]
        except KeyError:
            raise UnknownLegError(f"no leg {leg_id} in call {call_id} here") from None

    async def _close(self, leg: HeldLeg) -> None:
        if leg.state is LegState.FAILED:
            self._counters.legs_failed += 1
        self._counters.legs_closed += 1
        await self._guarded(leg.close())
        self._endpoint.flush()

    def _tick(self) -> None:
        """Everything that happens by the clock."""
        now = time.monotonic()
        ntp_time = ntp_from_unix(time.time())
        for leg in self.rota.due(now):
            try:
                leg.poll(now, ntp_time)
            except Exception:
                self._fault(leg.call)
        self._endpoint.flush()
        calls = list(self._calls.values())
        self._studio.tick(now)
        if now - self._looked_at >= LOOK_EVERY:
            self._looked_at = now
            for call in calls:
                for leg in call.legs.values():
                    leg.look(now)
        if now - self._watched_at >= WATCH_EVERY:
            self._watched_at = now
            self._watch(calls, now)
        if now - self._reported_at >= STATS_EVERY:
            self._reported_at = self._pressed_at = now
            self._report(calls)
        elif now - self._pressed_at >= PRESSING_EVERY:
            self._pressed_at = now
            self._report([call for call in calls if call.pressing])
        pause = TICK if calls else IDLE_TICK
        self._load.ticked(now, pause)
        self._timer = asyncio.get_running_loop().call_later(pause, self._tick)

    def _watch(self, calls: list[HeldCall], now: float) -> None:
        for call in calls:
            self._studio.consider(call.call_id, call.bridge, now)
            for leg in list(call.legs.values()):
                leg.watch(now)
            if not call.legs and now - call.empty_since > EMPTY_CALL_KEPT:
                self._calls.pop(call.call_id, None)
                self._studio.close_call(call.call_id)

    def _report(self, calls: list[HeldCall]) -> None:
        legs = tuple([leg.report() for call in calls for leg in call.legs.values() if leg.leg is not None])
        if legs:
            self.tell(StatsReported(legs, self._load.loop_lag_ms, self._load.cpu_fraction, self._engine_id))

    def _fault(self, call: HeldCall) -> None:
        self._counters.faults += 1
        logger.exception("a timer failed by our own fault: its call is closed", extra={"call_id": call.call_id})
        self.crash(call)
