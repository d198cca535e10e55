"""What an engine and its codec worker say to each other, between tapped packets (media/wire/tapped.py).

Arrival times are this machine's monotonic clock, which both processes read.
"""

import msgspec

from media.api import Kind, RecordingSpec, RecordingState
from media.errors import WireError


class OpenTap(msgspec.Struct, frozen=True, tag="open_tap"):
    """Packets of this number are this leg's from now on."""

    tap: int
    call_id: str
    leg_id: str
    kind: Kind


class ForgetCall(msgspec.Struct, frozen=True, tag="forget_call"):
    """No more packets come from its taps; recordings that run are stopped."""

    call_id: str


class SenderReport(msgspec.Struct, frozen=True, tag="sender_report"):
    tap: int
    ntp_time: int
    rtp_timestamp: int
    arrival: float


class StartRecording(msgspec.Struct, frozen=True, tag="start_recording"):
    """Begin a file, or name legs of one that runs."""

    call_id: str
    spec: RecordingSpec


class PauseRecording(msgspec.Struct, frozen=True, tag="pause_recording"):
    recording_id: str
    paused: bool


class StopRecording(msgspec.Struct, frozen=True, tag="stop_recording"):
    recording_id: str


class TakeStill(msgspec.Struct, frozen=True, tag="take_still"):
    """Answer with the newest picture of the tap, or the next one."""

    still: int
    tap: int


class EndStills(msgspec.Struct, frozen=True, tag="end_stills"):
    """Decode the tap no more."""

    tap: int


class StartTranscode(msgspec.Struct, frozen=True, tag="start_transcode"):
    """Decode the tap and encode it at this rate, as VP8 or as H.264; packets come back under the number."""

    number: int
    tap: int
    bps: int
    h264: bool = False


class StartCleaning(msgspec.Struct, frozen=True, tag="start_cleaning"):
    """Decode the tap's voice and encode it with less noise, until StopTranscode; packets come back under the number,
    their sequence number counts 20 ms, their timestamp is the source's of that sound."""

    number: int
    tap: int


class ChangeRate(msgspec.Struct, frozen=True, tag="change_rate"):
    number: int
    bps: int


class MakeKeyFrame(msgspec.Struct, frozen=True, tag="make_key_frame"):
    number: int


class StopTranscode(msgspec.Struct, frozen=True, tag="stop_transcode"):
    number: int


Making = StartTranscode | StartCleaning | ChangeRate | MakeKeyFrame | StopTranscode
"""What concerns media that are made anew."""
FromEngine = (
    OpenTap
    | ForgetCall
    | SenderReport
    | StartRecording
    | PauseRecording
    | StopRecording
    | TakeStill
    | EndStills
    | Making
)


class Beat(msgspec.Struct, frozen=True, tag="beat"):
    """Once a second: the worker lives. The first one says that it is ready."""

    cpu_fraction: float
    """Cores in use."""
    counters: dict[str, int]
    recordings: dict[str, tuple[float, int]]
    """recording_id -> seconds, bytes of the running part."""


class Recorded(msgspec.Struct, frozen=True, tag="recorded"):
    """What became of a recording; seconds and bytes are the running part's."""

    recording_id: str
    state: RecordingState
    reason: str
    seconds: float
    size_bytes: int


class KeyFrameWanted(msgspec.Struct, frozen=True, tag="key_frame_wanted"):
    call_id: str
    leg_id: str


class Still(msgspec.Struct, frozen=True, tag="still"):
    still: int
    media_type: str
    image: bytes
    width: int
    height: int
    wall_time: float


class TranscodeEnded(msgspec.Struct, frozen=True, tag="transcode_ended"):
    """By itself: too slow, or what comes cannot be decoded."""

    number: int
    reason: str


class Logged(msgspec.Struct, frozen=True, tag="logged"):
    """A line for the log, which the engine writes."""

    level: int
    text: str
    call_id: str = ""
    leg_id: str = ""


FromWorker = Beat | Recorded | KeyFrameWanted | Still | TranscodeEnded | Logged

_ENCODER = msgspec.msgpack.Encoder()
_FROM_ENGINE: msgspec.msgpack.Decoder[FromEngine] = msgspec.msgpack.Decoder(FromEngine)
_FROM_WORKER: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


def encode(message: FromEngine | FromWorker) -> bytes:
    """The body of a frame."""
    return _ENCODER.encode(message)


def from_engine(body: bytes) -> FromEngine:
    """Parse a body on the worker's side; raise WireError."""
    try:
        return _FROM_ENGINE.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a message of an engine: {error}") from error


def from_worker(body: bytes) -> FromWorker:
    """Parse a body on the engine's side; raise WireError."""
    try:
        return _FROM_WORKER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a message of a codec worker: {error}") from error
