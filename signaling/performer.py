"""The one place that performs the switchboard's actions.

Turns are performed in order: what a turn changed is written first (turns that wait for the store share one
transaction), then its frames go out, then its media and claim actions are queued in lanes. A call has one lane for its
media and one for its claims; lanes run beside each other, so a slow leg holds up nothing but its own call.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import assert_never

import structlog

from media.api import LegSpec, MediaEngine
from media.errors import CapacityError, EngineLostError, MediaError, NegotiationError, UnknownLegError
from signaling.actions import (
    Action,
    AnswerLeg,
    Claim,
    ClaimAction,
    CleanVoice,
    CloseCallMedia,
    CloseConnection,
    CloseLeg,
    ConnectLegs,
    DropPhoto,
    HoldCall,
    MediaAction,
    MuteLeg,
    Observe,
    OpenLeg,
    PauseRecording,
    Persist,
    Play,
    Release,
    RestartIce,
    Send,
    StartRecording,
    StillAction,
    StopRecording,
    StudioAction,
    TakeStill,
)
from signaling.admission import Connection
from signaling.protocol import QualityReport
from signaling.records import Change, Records
from signaling.results import (
    AnswerRefused,
    Claimed,
    JoinFailed,
    LegGone,
    Offered,
    OpenFailed,
    RecordingBroke,
    Result,
    StillMissed,
    StillTaken,
)
from signaling.rules import CallRules
from signaling.vault import Vault, VaultError

ENGINE_TIMEOUT = 10.0
WRITE_RETRIES = (0.05, 0.2, 0.5)
MAX_LANE = 256
"""Actions waiting in one call's lane; a call with more is stuck."""
MAX_BATCH = 200
HIGH_WATER = 1000
"""Turns waiting for the store before clients have to wait too."""

log = structlog.get_logger("signaling")
Job = MediaAction | ClaimAction | StillAction


class Performer:
    """Actions in, results out."""

    def __init__(
        self,
        engine: MediaEngine,
        records: Records,
        rules: CallRules,
        vault: Vault,
        *,
        on_result: Callable[[Result], None],
        on_stuck: Callable[[str], None],
        on_quality: Callable[[str, str, QualityReport], None] | None,
    ) -> None:
        """`on_result` and `on_stuck(call_id)` are the way back into the switchboard."""
        self.connections: dict[int, Connection] = {}
        self.store_failures = 0
        self.recording_failures = 0
        self._engine, self._records, self._rules, self._vault = engine, records, rules, vault
        self._on_result, self._on_stuck, self._on_quality = on_result, on_stuck, on_quality
        self._turns: deque[tuple[list[Action], asyncio.Future[None] | None]] = deque()
        self._writing = False
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._lanes: dict[tuple[str, str], deque[Job]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def pending_turns(self) -> int:
        return len(self._turns)

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to perform, with tasks of this group."""
        self._tasks = tasks
        tasks.create_task(self._write_turns(), name="signaling: write turns")

    async def room(self) -> None:
        """Wait while too many turns wait for the store."""
        await self._room.wait()

    def submit(self, actions: list[Action]) -> None:
        """Perform a turn after those before it; at once, if nothing has to be written."""
        if not actions:
            return
        if not self._turns and not self._writing and not isinstance(actions[0], Persist):
            self._do(actions)
            return
        self._append(actions, None)

    async def settled(self) -> None:
        """Return when every turn submitted so far is written and said."""
        if not self._turns and not self._writing:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._append([], done)
        await done

    def _append(self, actions: list[Action], done: asyncio.Future[None] | None) -> None:
        self._turns.append((actions, done))
        self._work.set()
        if len(self._turns) >= HIGH_WATER:
            self._room.clear()

    async def _write_turns(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._turns:
                batch = [self._turns.popleft() for _ in range(min(len(self._turns), MAX_BATCH))]
                self._writing = True
                await self._write([change for actions, _ in batch for change in _changes(actions)])
                self._writing = False
                for actions, done in batch:
                    self._do(actions)
                    if done is not None and not done.done():
                        done.set_result(None)
                if len(self._turns) < HIGH_WATER:
                    self._room.set()

    async def _write(self, changes: list[Change]) -> None:
        """Write what a batch changed. A store that fails for good does not end calls that work: the failure is
        counted and logged, and people go on talking; only a restart in that state would forget them."""
        if not changes:
            return
        if len(changes) > 1:
            try:
                await self._records.write(merge(changes))
            except Exception as error:
                log.warning("write failed, one by one now", error=repr(error))
            else:
                return
        for change in changes:
            await self._write_one(change)

    async def _write_one(self, change: Change) -> None:
        for pause in (*WRITE_RETRIES, None):
            try:
                await self._records.write(change)
            except Exception as error:
                if pause is None:
                    self.store_failures += 1
                    log.exception("change is lost", calls=[call.call_id for call in change.calls], error=repr(error))
                else:
                    await asyncio.sleep(pause)
            else:
                return

    def _do(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Persist(change):
                    self._tell_history(change)
                case Send(connection, frame):
                    if (there := self.connections.get(connection)) is not None:
                        there.send(frame)
                case CloseConnection(connection, code, text):
                    if (closing := self.connections.pop(connection, None)) is not None:
                        closing.close(code, text)
                case Observe(call_id, role, report):
                    if self._on_quality is not None:
                        self._on_quality(call_id, role, report)
                case Claim() | Release():
                    self._queue(("claims", action.call_id), action)
                case TakeStill() | DropPhoto():  # up to two seconds for a picture must not hold up a hang-up
                    self._queue(("stills", action.call_id), action)
                case _:
                    self._queue(("media", action.call_id), action)

    def _tell_history(self, change: Change) -> None:
        for event in change.events:
            if event.name == "recording_failed":
                self.recording_failures += 1
                log.error(event.name, call_id=event.call_id, **event.data)
            else:
                log.info(event.name, call_id=event.call_id, **event.data)

    def _queue(self, key: tuple[str, str], job: Job) -> None:
        lane = self._lanes.get(key)
        if isinstance(job, CloseCallMedia) and lane is not None:
            lane.clear()  # whatever waited there is moot
        if lane is not None:
            lane.append(job)
            if len(lane) > MAX_LANE:
                lane.clear()
                log.error("call is stuck", call_id=job.call_id)
                asyncio.get_running_loop().call_soon(self._on_stuck, job.call_id)
            return
        assert self._tasks is not None, "start() comes first"
        self._lanes[key] = deque([job])
        self._tasks.create_task(self._run_lane(key), name=f"signaling: {key[0]} of {key[1]}")

    async def _run_lane(self, key: tuple[str, str]) -> None:
        lane = self._lanes[key]
        while lane:
            await self._perform(lane.popleft())
        del self._lanes[key]

    async def _perform(self, job: Job) -> None:
        """One job; whatever goes wrong becomes a result, never an exception."""
        failure: Exception
        try:
            async with asyncio.timeout(ENGINE_TIMEOUT):
                result = await self._call(job)
        except (MediaError, VaultError) as error:
            failure = error
        except Exception as error:
            log.exception("action failed", action=type(job).__name__, call_id=job.call_id, error=repr(error))
            failure = error
        else:
            if result is not None:
                self._on_result(result)
            return
        answer = failed(job, failure)
        log.info("action refused", action=type(job).__name__, call_id=job.call_id, error=repr(failure))
        if answer is not None:
            self._on_result(answer)

    async def _call(self, job: Job) -> Result | None:
        engine = self._engine
        match job:
            case OpenLeg(call_id, leg_id):
                return Offered(
                    await engine.open_leg(LegSpec(call_id, leg_id, self._rules.dtx, self._rules.max_video_bps))
                )
            case RestartIce(call_id, leg_id):
                return Offered(await engine.restart_ice(call_id, leg_id))
            case Claim(call_id, agent_id, epoch):
                return Claimed(call_id, agent_id, await self._records.claim(call_id, agent_id, epoch))
            case AnswerLeg(call_id, leg_id, generation, sdp):
                await engine.accept_answer(call_id, leg_id, generation, sdp)
            case ConnectLegs(call_id, leg_ids):
                await engine.connect(call_id, leg_ids)
            case HoldCall(call_id, held):
                await engine.hold(call_id, held)
            case MuteLeg(call_id, leg_id, kind, muted):
                await engine.mute(call_id, leg_id, kind, muted)
            case CloseLeg(call_id, leg_id):
                await engine.close_leg(call_id, leg_id)
            case CloseCallMedia(call_id):
                await engine.close_call(call_id)
            case Release(call_id):
                await self._records.release(call_id)
            case _:
                return await self._in_studio(job)
        return None

    async def _in_studio(self, job: StudioAction) -> Result | None:
        engine = self._engine
        match job:
            case CleanVoice(call_id, leg_id, wanted):
                await engine.clean_voice(call_id, leg_id, wanted)
            case Play(call_id, leg_id, announcement, repeat):
                await engine.play(call_id, leg_id, announcement, repeat)
            case StartRecording(call_id, recording_id, audio_only, names):
                spec = await self._vault.prepare(recording_id, audio_only, names)
                await engine.start_recording(call_id, spec)
            case PauseRecording(call_id, recording_id, paused):
                await engine.pause_recording(call_id, recording_id, paused)
            case StopRecording(call_id, recording_id):
                await engine.stop_recording(call_id, recording_id)
            case TakeStill(call_id, leg_id, still_id):
                snapshot = await engine.snapshot(call_id, leg_id)
                kept = await self._vault.keep_still(snapshot)
                return StillTaken(call_id, still_id, kept.photo_id, kept.width, kept.height, snapshot.wall_time)
            case DropPhoto(_, photo_id):
                await self._vault.drop_photo(photo_id)
            case _:
                assert_never(job)
        return None


def failed(job: Job, error: Exception) -> Result | None:
    """What a failed action means to the switchboard; None where the engine's own events will tell.

    A lost worker is told by CallLost: an answer or a restart that meets it needs nothing else.
    """
    match job:
        case OpenLeg(call_id, leg_id):
            return OpenFailed(call_id, leg_id, full=isinstance(error, CapacityError))
        case Claim(call_id, agent_id):
            return Claimed(call_id, agent_id, won=False)
        case ConnectLegs(call_id, leg_ids) if leg_ids:
            return JoinFailed(call_id)
        case AnswerLeg(call_id, leg_id, generation):
            if isinstance(error, NegotiationError):
                return AnswerRefused(call_id, leg_id, generation, "bad_sdp", str(error)[:500])
            return None if isinstance(error, EngineLostError) else LegGone(call_id, leg_id)
        case RestartIce(call_id, leg_id):
            return None if isinstance(error, EngineLostError) else LegGone(call_id, leg_id)
        case StartRecording(call_id, recording_id) | PauseRecording(call_id, recording_id):
            if isinstance(error, EngineLostError):
                return None
            known = isinstance(error, MediaError | VaultError)
            return RecordingBroke(call_id, recording_id, str(error) if known else "the recorder did not answer")
        case TakeStill(call_id, _, still_id):
            return StillMissed(call_id, still_id, str(error)[:200] if isinstance(error, MediaError) else "no picture")
        case MuteLeg(call_id, leg_id) if isinstance(error, UnknownLegError):
            return LegGone(call_id, leg_id)
        case _:
            return None


def merge(changes: Iterable[Change]) -> Change:
    """Several turns' changes as one: the newest row of each, every event."""
    merged = Change()
    calls, sessions, recordings, stills = {}, {}, {}, {}
    for change in changes:
        calls.update({call.call_id: call for call in change.calls})
        sessions.update({session.session_id: session for session in change.sessions})
        for session_id in change.closed_sessions:
            sessions.pop(session_id, None)
        merged.closed_sessions += change.closed_sessions
        merged.events += change.events
        merged.chats += change.chats
        merged.agent_status.update(change.agent_status)
        recordings.update({recording.recording_id: recording for recording in change.recordings})
        stills.update({still.still_id: still for still in change.stills})
    merged.calls, merged.sessions = list(calls.values()), list(sessions.values())
    merged.recordings, merged.stills = list(recordings.values()), list(stills.values())
    return merged


def _changes(actions: list[Action]) -> list[Change]:
    return [actions[0].change] if actions and isinstance(actions[0], Persist) else []
