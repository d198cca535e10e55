"""The switchboard with everything around it in virtual time: store, engine, clients, and a performer that can be slow.

Frames arrive at once; media and claim jobs wait in lanes (one a call each, as in the real performer) until `work`
or `work_all` does them, so that a test decides what overtakes what.
"""

import itertools
from collections import deque

from media.api import LegSpec, RecordingSpec
from media.errors import MediaError
from signaling.actions import (
    Action,
    AnswerLeg,
    Claim,
    CleanVoice,
    CloseCallMedia,
    CloseConnection,
    CloseLeg,
    ConnectLegs,
    DropPhoto,
    HoldCall,
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
    StopRecording,
    StudioAction,
    TakeStill,
)
from signaling.admission import Admission
from signaling.board import Environment
from signaling.performer import Job, failed
from signaling.protocol import Resume
from signaling.results import Claimed, Offered, Result, StillTaken
from signaling.rules import CallRules
from signaling.state import Moment
from signaling.switchboard import Switchboard
from tests.fakes.client import Client
from tests.fakes.engine import MediaModel
from tests.fakes.records import MemoryStore

START_WALL = 1_780_000_000.0


class Exchange:
    """Drives one switchboard; `restart` replaces it and keeps store and engine."""

    def __init__(self, rules: CallRules | None = None) -> None:
        self.rules = rules or CallRules()
        self.now = 1000.0
        self.store = MemoryStore()
        self.media = MediaModel()
        self.clients: dict[int, Client] = {}
        """By number of the live connection."""
        self.lanes: dict[tuple[str, str], deque[Job]] = {}
        self.observed: list[Observe] = []
        self.photos: set[str] = set()
        """Pictures that were taken and not dropped."""
        self.owners: dict[str, tuple[str, str]] = {}
        """Call and session of every leg that was ever offered."""
        self._replies: deque[tuple[Client, str]] = deque()
        self._doing = False
        self._ids = itertools.count(1)
        self._connections = itertools.count(1)
        self.switchboard = self._new_switchboard()

    def _new_switchboard(self) -> Switchboard:
        environment = Environment(
            new_id=lambda kind: f"{kind}-{next(self._ids)}",
            photo_token=lambda session_id: f"photo-{session_id}",
            ice_servers=lambda session_id: [],
        )
        return Switchboard(self.rules, environment)

    @property
    def at(self) -> Moment:
        return Moment(self.now, START_WALL + self.now)

    # --- clients -------------------------------------------------------------------------------------------------

    def hello(self, client: Client, admission: Admission) -> None:
        """Raises RefusedError like the service."""
        number = next(self._connections)
        session_id, actions = self.switchboard.attach(self.at, number, admission)
        self._adopt(client, number, session_id)
        self.do(actions)

    def resume(self, client: Client, fresh: bool = False) -> None:
        number = next(self._connections)
        message = Resume(client.token, 0 if fresh else client.last_seq, fresh)
        session_id, actions = self.switchboard.resume(self.at, number, message)
        if fresh:
            client.forget()
        self._adopt(client, number, session_id)
        self.do(actions)

    def _adopt(self, client: Client, number: int, session_id: str) -> None:
        client.exchange, client.connection, client.session_id = self, number, session_id
        client.closed = None
        self.clients[number] = client

    def drop(self, client: Client) -> None:
        """The connection breaks."""
        if client.connection is None:
            return
        number, client.connection = client.connection, None
        if self.clients.pop(number, None) is not None:
            self.do(self.switchboard.detach(self.at, client.session_id, number))

    # --- performing ----------------------------------------------------------------------------------------------

    def do(self, actions: list[Action]) -> None:
        """One turn's actions; pages answer offers when it is over."""
        self._do(actions)
        if self._doing:
            return
        self._doing = True
        try:
            while self._replies:
                client, leg_id = self._replies.popleft()
                if client.connection is not None and leg_id in client.offers:
                    client.answer(leg_id)
        finally:
            self._doing = False

    def reply(self, client: Client, leg_id: str) -> None:
        """The client answers this leg's offer as soon as the turn is over."""
        self._replies.append((client, leg_id))

    def _do(self, actions: list[Action]) -> None:
        for place, action in enumerate(actions):
            match action:
                case Persist(change):
                    assert place == 0, "written before anything else of the turn"
                    self.store.write(change)
                case Send(connection, frame):
                    if connection in self.clients:
                        self.clients[connection].deliver(frame)
                case CloseConnection(connection, code):
                    client = self.clients.pop(connection, None)
                    if client is not None and client.connection == connection:
                        client.closed, client.connection = code, None
                case Observe():
                    self.observed.append(action)
                case Claim() | Release():
                    self.lanes.setdefault(("claims", action.call_id), deque()).append(action)
                case TakeStill() | DropPhoto():
                    self.lanes.setdefault(("stills", action.call_id), deque()).append(action)
                case _:
                    self.lanes.setdefault(("media", action.call_id), deque()).append(action)

    def work(self, lane: tuple[str, str]) -> None:
        """Do the lane's next job and give its result back."""
        job = self.lanes[lane].popleft()
        if not self.lanes[lane]:
            del self.lanes[lane]
        try:
            result = self._perform(job)
        except MediaError as error:
            result = failed(job, error)
        if result is not None:
            self.do(self.switchboard.result(self.at, result))

    def work_all(self) -> None:
        """Until nothing is left to do or to tell."""
        while self.lanes or self.media.happened:
            self.tell_media()
            if self.lanes:
                self.work(next(iter(self.lanes)))

    def tell_media(self) -> None:
        while self.media.happened:
            self.do(self.switchboard.media(self.at, self.media.happened.popleft()))

    def _perform(self, job: Job) -> Result | None:
        media = self.media
        match job:
            case OpenLeg(call_id, leg_id):
                return Offered(media.open_leg(LegSpec(call_id, leg_id)))
            case RestartIce(call_id, leg_id):
                return Offered(media.restart_ice(call_id, leg_id))
            case Claim(call_id, agent_id):
                return Claimed(call_id, agent_id, self.store.claim(call_id, agent_id))
            case Release(call_id):
                self.store.release(call_id)
            case AnswerLeg(call_id, leg_id, generation, sdp):
                media.accept_answer(call_id, leg_id, generation, sdp)
            case ConnectLegs(call_id, leg_ids):
                self.check_connect(call_id, leg_ids)
                media.connect(call_id, leg_ids)
            case HoldCall(call_id, held):
                media.hold(call_id, held)
            case MuteLeg(call_id, leg_id, kind, muted):
                media.mute(call_id, leg_id, kind, muted)
            case CloseLeg(call_id, leg_id):
                media.close_leg(call_id, leg_id)
            case CloseCallMedia(call_id):
                media.close_call(call_id)
            case _:
                return self._in_studio(job)
        return None

    def _in_studio(self, job: StudioAction) -> Result | None:
        media = self.media
        match job:
            case CleanVoice(call_id, leg_id, wanted):
                media.clean_voice(call_id, leg_id, wanted)
            case Play(call_id, leg_id, announcement, repeat):
                media.play(call_id, leg_id, announcement, repeat)
            case StartRecording(call_id, recording_id, audio_only, names):
                self.check_recording(call_id, recording_id)
                media.start_recording(call_id, RecordingSpec(recording_id, "", b"", audio_only, names))
            case PauseRecording(call_id, recording_id, paused):
                media.pause_recording(call_id, recording_id, paused)
            case StopRecording(call_id, recording_id):
                media.stop_recording(call_id, recording_id)
            case TakeStill(call_id, leg_id, still_id):
                found = media.snapshot(call_id, leg_id)
                photo_id = f"photo-{next(self._ids)}"
                self.photos.add(photo_id)
                return StillTaken(call_id, still_id, photo_id, found.width, found.height, found.wall_time)
            case DropPhoto(_, photo_id):
                self.photos.discard(photo_id)
        return None

    def check_connect(self, call_id: str, leg_ids: tuple[str, ...]) -> None:
        """Nobody hears anybody before the answer, and nobody but the two sides of the same call ever."""
        if not leg_ids:
            return
        assert "accepted" in self.store.names(call_id), "media before the answer"
        state = self.store.call(call_id)
        owners = [self.owners[leg_id] for leg_id in leg_ids]
        assert {owner_call for owner_call, _ in owners} == {call_id}, "a leg of another call"
        assert len(owners) == 2
        if state.phase in ("active", "on_hold"):
            assert self.store.claims[call_id] == state.agent_id, "connected without the claim"

    def check_recording(self, call_id: str, recording_id: str) -> None:
        """Nothing is recorded before the answer, or without the site, or without the customer who must be asked."""
        state, names = self.store.call(call_id), self.store.names(call_id)
        assert "accepted" in names, "a recording before the answer"
        assert state.policy.recording != "off"
        if state.policy.consent == "ask":
            assert self.store.recordings[recording_id].consent == "granted"

    # --- time and trouble ----------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass; every deadline is met when it comes, all work is done at once."""
        end = self.now + seconds
        self.work_all()
        while (due := self.switchboard.next_timeout()) is not None and due <= end:
            self.now = max(self.now, due)
            self.do(self.switchboard.tick(self.at))
            self.work_all()
        self.now = end

    def restart(self) -> None:
        """The control process is killed and starts again; workers and their media live on."""
        for client in self.clients.values():
            client.connection = None
        self.clients.clear()
        self.lanes.clear()
        self.media.happened.clear()
        self.switchboard = self._new_switchboard()
        self.do(
            self.switchboard.restore(self.at, self.store.load_open(), self.media.status(), dict(self.store.accounts))
        )
