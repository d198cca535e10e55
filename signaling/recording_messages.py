"""Messages about recordings, stills and verifications; part of the unions in `protocol.py`."""

from typing import Annotated, Literal

import msgspec

from signaling.values import Id

Shot = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[a-z0-9_]*$")]
"""What a still of a verification shows: `front`, `label`, `defect` …; empty outside verifications."""


class RecordingSet(msgspec.Struct, frozen=True, tag="recording.set"):
    """Agent: record from now on, pause (for card numbers), or stop. What came of it is in the call's view."""

    call_id: Id
    state: Literal["on", "paused", "off"]


class RecordingConsent(msgspec.Struct, frozen=True, tag="recording.consent"):
    """Customer: the answer to being asked (`recording.state` is `asking`)."""

    call_id: Id
    granted: bool


class StillTake(msgspec.Struct, frozen=True, tag="still.take"):
    """Agent: a picture of one side, now, at full resolution. It comes into the chat under this `id`, perhaps twice:
    from the stream at once, and larger when the customer's page has sent what its camera can."""

    call_id: Id
    id: Id
    side: Literal["customer", "agent"] = "customer"
    shot: Shot = ""


class VerificationSet(msgspec.Struct, frozen=True, tag="verification.set"):
    """Agent: begin a verification (`on`), ask for the next shot, or end it."""

    call_id: Id
    on: bool
    shot: Shot = ""


class StillWanted(msgspec.Struct, frozen=True, tag="still.wanted"):
    """Customer's page: take a picture with the camera at its full resolution and upload it with
    POST /api/v1/calls/{call_id}/stills/{id}. A page that cannot does nothing."""

    seq: int
    call_id: str
    id: str
    shot: str = ""


class StillFailed(msgspec.Struct, frozen=True, tag="still.failed"):
    """Agent: no picture of the stream could be had. The page's own may still come."""

    seq: int
    call_id: str
    id: str
    reason: str
