"""What REST says about recordings, stills and jobs."""

import msgspec

from signaling.chat import PHOTO_PATH
from signaling.http.library import Contents, Job
from signaling.records import Recording, Still


class RecordingInfo(msgspec.Struct, frozen=True):
    """A recording of a call; `state` is starting, on, paused, ended, failed or deleted."""

    recording_id: str
    call_id: str
    state: str
    by: str
    """`agent` or `policy`: who wanted it."""
    consent: str
    """`notice`: the customer was told; `granted`: they agreed."""
    audio_only: bool
    created_at: float
    started_at: float | None
    ended_at: float | None
    due_at: float
    """When retention deletes it."""
    seconds: float
    size_bytes: int
    parts: int
    reason: str
    """Why it failed."""
    deleted_at: float | None
    deleted_by: str

    @classmethod
    def of(cls, recording: Recording) -> "RecordingInfo":
        return cls(**{name: getattr(recording, name) for name in cls.__struct_fields__})


class RecordingList(msgspec.Struct, frozen=True):
    """Oldest first."""

    recordings: list[RecordingInfo]


class RecordingDetail(msgspec.Struct, frozen=True):
    recording: RecordingInfo
    contents: Contents | None
    """None: deleted, or `problem` says why it cannot be read."""
    problem: str
    problem_code: str
    """no_key, wrong_key, damaged, not_found or unavailable; empty: none."""
    export: Job | None


class JobAnswer(msgspec.Struct, frozen=True):
    job: Job | None
    """None: none was started since the server did."""


class StillInfo(msgspec.Struct, frozen=True):
    """A snapshot; `photo` is its path on this server."""

    still_id: str
    side: str
    shot: str
    photo: str
    width: int
    height: int
    asked_at: float
    taken_at: float
    source: str
    """`stream` or `camera`."""

    @classmethod
    def of(cls, still: Still) -> "StillInfo":
        names = ("still_id", "side", "shot", "width", "height", "asked_at", "taken_at", "source")
        return cls(photo=PHOTO_PATH + still.photo_id, **{name: getattr(still, name) for name in names})


class StillList(msgspec.Struct, frozen=True):
    stills: list[StillInfo]
