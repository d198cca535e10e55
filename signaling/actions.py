"""What the switchboard wants done. Values only; `performer.py` is the one place that does it."""

import msgspec

from media.api import Kind
from signaling.protocol import QualityReport
from signaling.records import Change


class Persist(msgspec.Struct, frozen=True):
    """First of its turn: written before anything else of the turn is done."""

    change: Change


class Send(msgspec.Struct, frozen=True):
    """One frame to the connection, if that is still the session's."""

    connection: int
    frame: bytes


class CloseConnection(msgspec.Struct, frozen=True):
    connection: int
    code: int
    text: str


class OpenLeg(msgspec.Struct, frozen=True):
    """Answered by results.Offered or results.OpenFailed."""

    call_id: str
    leg_id: str


class AnswerLeg(msgspec.Struct, frozen=True):
    """Refusals come back as results.AnswerRefused or results.LegGone."""

    call_id: str
    leg_id: str
    generation: int
    sdp: str


class RestartIce(msgspec.Struct, frozen=True):
    """Answered by results.Offered or results.LegGone."""

    call_id: str
    leg_id: str


class ConnectLegs(msgspec.Struct, frozen=True):
    """Exactly these hear each other; failure comes back as results.JoinFailed."""

    call_id: str
    leg_ids: tuple[str, ...]


class HoldCall(msgspec.Struct, frozen=True):
    call_id: str
    held: bool


class MuteLeg(msgspec.Struct, frozen=True):
    call_id: str
    leg_id: str
    kind: Kind
    muted: bool


class CleanVoice(msgspec.Struct, frozen=True):
    call_id: str
    leg_id: str
    wanted: bool


class CloseLeg(msgspec.Struct, frozen=True):
    call_id: str
    leg_id: str


class CloseCallMedia(msgspec.Struct, frozen=True):
    call_id: str


class StartRecording(msgspec.Struct, frozen=True):
    """Failure comes back as results.RecordingBroke. `names` says whose leg is whose."""

    call_id: str
    recording_id: str
    audio_only: bool
    names: dict[str, str]


class PauseRecording(msgspec.Struct, frozen=True):
    """Failure comes back as results.RecordingBroke."""

    call_id: str
    recording_id: str
    paused: bool


class StopRecording(msgspec.Struct, frozen=True):
    call_id: str
    recording_id: str


class Play(msgspec.Struct, frozen=True):
    """What cannot be played is not: a call goes on without its music."""

    call_id: str
    leg_id: str
    announcement: str | None
    repeat: bool


class TakeStill(msgspec.Struct, frozen=True):
    """Answered by results.StillTaken or results.StillMissed."""

    call_id: str
    leg_id: str
    still_id: str


class DropPhoto(msgspec.Struct, frozen=True):
    """A picture that nothing refers to any more."""

    call_id: str
    photo_id: str


class Claim(msgspec.Struct, frozen=True):
    """Answered by results.Claimed."""

    call_id: str
    agent_id: str
    epoch: int


class Release(msgspec.Struct, frozen=True):
    call_id: str


class Observe(msgspec.Struct, frozen=True):
    """A page's own measurement, for whoever keeps quality."""

    call_id: str
    role: str
    report: QualityReport


MediaAction = (
    OpenLeg
    | AnswerLeg
    | RestartIce
    | ConnectLegs
    | HoldCall
    | MuteLeg
    | CleanVoice
    | CloseLeg
    | CloseCallMedia
    | StartRecording
    | PauseRecording
    | StopRecording
    | Play
)
StillAction = TakeStill | DropPhoto
StudioAction = CleanVoice | Play | StartRecording | PauseRecording | StopRecording | StillAction
ClaimAction = Claim | Release
Action = Persist | Send | CloseConnection | MediaAction | ClaimAction | StillAction | Observe
