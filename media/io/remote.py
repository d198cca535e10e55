"""The words of the MediaEngine protocol on a stream: framing, messages, error codes. No I/O here.

A frame is a 32-bit big-endian length and that many bytes of msgpack. The client speaks first (`ClientHello`), the
server answers with `ServerHello`; after that the client sends `Ask`s and the server `Reply`s, `Failure`s and
`Happened`s in any order. A request's tag is the name of the engine's method and its fields are the arguments.
The same words serve a worker on a Unix socket and, later, a remote node over TLS.
"""

from struct import Struct
from typing import Protocol

import msgspec

from media.api import Kind, LegSpec, MediaEngine, MediaEvent, RecordingSpec
from media.errors import (
    CapacityError,
    CodecError,
    EngineLostError,
    MediaError,
    NegotiationError,
    UnavailableError,
    UnknownLegError,
    WireError,
)

PROTOCOL_VERSION = 3
"""Raised whenever a change would be misread by the other side; hellos that differ end the connection."""

MAX_FRAME_BYTES = 1 << 20
"""Longest frame either side takes; the reports of 150 calls are about a tenth of it."""

_LENGTH = Struct("!I")


class ClientHello(msgspec.Struct, frozen=True, tag="hello"):
    version: int = PROTOCOL_VERSION


class ServerHello(msgspec.Struct, frozen=True, tag="hello"):
    """Who serves: `index` is None for a warm spare that has no port yet."""

    version: int
    engine_id: str
    pid: int
    index: int | None = None
    port: int | None = None


class OpenLeg(msgspec.Struct, frozen=True, tag="open_leg"):
    spec: LegSpec


class AcceptAnswer(msgspec.Struct, frozen=True, tag="accept_answer"):
    call_id: str
    leg_id: str
    generation: int
    sdp: str


class RestartIce(msgspec.Struct, frozen=True, tag="restart_ice"):
    call_id: str
    leg_id: str


class Connect(msgspec.Struct, frozen=True, tag="connect"):
    call_id: str
    leg_ids: tuple[str, ...]


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    call_id: str
    held: bool


class Mute(msgspec.Struct, frozen=True, tag="mute"):
    call_id: str
    leg_id: str
    kind: Kind
    muted: bool


class CleanVoice(msgspec.Struct, frozen=True, tag="clean_voice"):
    call_id: str
    leg_id: str
    wanted: bool


class StartRecording(msgspec.Struct, frozen=True, tag="start_recording"):
    call_id: str
    spec: RecordingSpec


class PauseRecording(msgspec.Struct, frozen=True, tag="pause_recording"):
    call_id: str
    recording_id: str
    paused: bool


class StopRecording(msgspec.Struct, frozen=True, tag="stop_recording"):
    call_id: str
    recording_id: str


class TakeSnapshot(msgspec.Struct, frozen=True, tag="snapshot"):
    call_id: str
    leg_id: str


class Play(msgspec.Struct, frozen=True, tag="play"):
    call_id: str
    leg_id: str
    announcement: str | None
    repeat: bool


class CloseLeg(msgspec.Struct, frozen=True, tag="close_leg"):
    call_id: str
    leg_id: str


class CloseCall(msgspec.Struct, frozen=True, tag="close_call"):
    call_id: str


class Status(msgspec.Struct, frozen=True, tag="status"):
    pass


class Stats(msgspec.Struct, frozen=True, tag="stats"):
    call_id: str


class Activate(msgspec.Struct, frozen=True, tag="activate"):
    """Bind `port` (0: any free one) and become worker `index`; the result is the port."""

    index: int
    port: int


class Drain(msgspec.Struct, frozen=True, tag="drain"):
    """Take no new calls; exit when empty or after `timeout` seconds."""

    timeout: float


StudioRequest = CleanVoice | StartRecording | PauseRecording | StopRecording | TakeSnapshot | Play
CallRequest = OpenLeg | AcceptAnswer | RestartIce | Connect | Hold | Mute | StudioRequest | CloseLeg | CloseCall | Stats
Request = CallRequest | Status | Activate | Drain


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    id: int
    request: Request


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """The answer; `value` is decoded with the type that the question has as its result."""

    id: int
    value: msgspec.Raw


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    id: int
    code: str
    text: str


class Happened(msgspec.Struct, frozen=True, tag="happened"):
    event: MediaEvent


FromClient = ClientHello | Ask
FromServer = ServerHello | Reply | Failure | Happened

_ENCODER = msgspec.msgpack.Encoder()
_FROM_CLIENT: msgspec.msgpack.Decoder[FromClient] = msgspec.msgpack.Decoder(FromClient)
_FROM_SERVER: msgspec.msgpack.Decoder[FromServer] = msgspec.msgpack.Decoder(FromServer)

_CODES: dict[str, type[MediaError]] = {
    "negotiation": NegotiationError,
    "unknown_leg": UnknownLegError,
    "engine_lost": EngineLostError,
    "capacity": CapacityError,
    "wire": WireError,
    "unavailable": UnavailableError,
    "codec": CodecError,
    "media": MediaError,
}
_NAMES = {error: code for code, error in _CODES.items()}
_MAX_ERROR_TEXT = 2000


class ServedEngine(MediaEngine, Protocol):
    """What a worker offers beside its calls."""

    async def activate(self, index: int, port: int) -> int:
        """Bind the port, 0: any free one, and return it; a repeat does nothing. Raise MediaError if it cannot."""

    async def drain(self, timeout: float) -> None:  # noqa: ASYNC109 - how long calls may go on, not our patience
        """Take no new calls from now on; the process exits when empty or after `timeout` seconds."""


def call_of(request: Request) -> str | None:
    """Return the call a request is about, None for the ones about the whole engine."""
    if isinstance(request, OpenLeg):
        return request.spec.call_id
    if isinstance(request, Status | Activate | Drain):
        return None
    return request.call_id


def failure(request_id: int, error: Exception) -> Failure:
    """Describe an exception; what is no MediaError is our own fault and travels as a bare `media`."""
    if isinstance(error, MediaError):
        return Failure(request_id, _NAMES.get(type(error), "media"), str(error)[:_MAX_ERROR_TEXT])
    return Failure(request_id, "media", f"internal error: {type(error).__name__}: {error}"[:_MAX_ERROR_TEXT])


def error_of(answer: Failure) -> MediaError:
    """The exception a Failure stands for; an unknown code (a newer server) is a plain MediaError."""
    return _CODES.get(answer.code, MediaError)(answer.text)


def encode(message: FromClient | FromServer) -> bytes:
    """One frame; raise WireError if it is longer than the other side takes."""
    body = _ENCODER.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise WireError(f"a message of {len(body)} bytes is longer than the {MAX_FRAME_BYTES} allowed")
    return _LENGTH.pack(len(body)) + body


def encode_value(value: object) -> msgspec.Raw:
    """The encoded result of a request, ready for a Reply."""
    return msgspec.Raw(_ENCODER.encode(value))


def decode_from_client(body: bytes) -> FromClient:
    """Parse a frame's body on the server's side; raise WireError."""
    try:
        return _FROM_CLIENT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a message of a client: {error}") from error


def decode_from_server(body: bytes) -> FromServer:
    """Parse a frame's body on the client's side; raise WireError."""
    try:
        return _FROM_SERVER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not a message of a server: {error}") from error


class FrameSplitter:
    """Cuts a byte stream into frames. Never holds more than one frame and one read."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take what arrived and return the bodies that are complete; raise WireError for a length out of bounds."""
        buffer = self._buffer
        buffer += data
        bodies = []
        position = 0
        while len(buffer) - position >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, position)
            if length > MAX_FRAME_BYTES:
                raise WireError(f"a frame of {length} bytes is longer than the {MAX_FRAME_BYTES} allowed")
            end = position + _LENGTH.size + length
            if len(buffer) < end:
                break
            bodies.append(bytes(buffer[position + _LENGTH.size : end]))
            position = end
        del buffer[:position]
        return bodies
