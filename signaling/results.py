"""What came of the actions: inputs of the switchboard, beside client messages and media events."""

import msgspec

from media.api import Offer
from signaling.protocol import ErrorCode


class Offered(msgspec.Struct, frozen=True):
    """A leg was opened, or its ICE restarted (same leg, higher generation)."""

    offer: Offer


class OpenFailed(msgspec.Struct, frozen=True):
    """`full`: no worker takes the call now; otherwise the worker was lost while opening."""

    call_id: str
    leg_id: str
    full: bool


class AnswerRefused(msgspec.Struct, frozen=True):
    call_id: str
    leg_id: str
    generation: int
    code: ErrorCode
    text: str


class LegGone(msgspec.Struct, frozen=True):
    """The engine does not know the leg (any more)."""

    call_id: str
    leg_id: str


class JoinFailed(msgspec.Struct, frozen=True):
    call_id: str


class Claimed(msgspec.Struct, frozen=True):
    call_id: str
    agent_id: str
    won: bool


class RecordingBroke(msgspec.Struct, frozen=True):
    """A recording could not be started or paused."""

    call_id: str
    recording_id: str
    reason: str


class StillTaken(msgspec.Struct, frozen=True):
    """A picture of the stream, stored as this photo."""

    call_id: str
    still_id: str
    photo_id: str
    width: int
    height: int
    taken_at: float


class StillMissed(msgspec.Struct, frozen=True):
    call_id: str
    still_id: str
    reason: str


Result = (
    Offered | OpenFailed | AnswerRefused | LegGone | JoinFailed | Claimed | RecordingBroke | StillTaken | StillMissed
)
