"""Which recordings are due to be deleted: a pure decision. What is due loses its key first (keys.destroy_key)."""

from collections.abc import Iterable

import msgspec

SECONDS_PER_DAY = 86_400.0


class Held(msgspec.Struct, frozen=True):
    """What the decision needs to know of a recording."""

    recording_id: str
    ended_at: float | None
    """Unix seconds; None while it is running."""
    size_bytes: int = 0
    protected: bool = False
    """Somebody needs it (a dispute, evidence): it is never due by itself."""
    days: float | None = None
    """Its site's rule, where it has one; else the general one."""


class Policy(msgspec.Struct, frozen=True):
    """How long recordings are kept."""

    days: float = 30.0
    most_bytes: int | None = None
    """Of all together; beyond that the oldest go first, however young."""


class Due(msgspec.Struct, frozen=True):
    recording_id: str
    reason: str
    """`age` or `space`."""


def due(recordings: Iterable[Held], policy: Policy, wall_time: float) -> list[Due]:
    """What must go at `wall_time`, the oldest first. Running and protected recordings stay, but count for space."""
    kept_bytes = 0
    gone: list[Due] = []
    candidates: list[tuple[float, Held]] = []
    for recording in recordings:
        kept_bytes += recording.size_bytes
        if recording.ended_at is not None and not recording.protected:
            candidates.append((recording.ended_at, recording))
    candidates.sort(key=lambda pair: pair[0])
    for ended_at, recording in candidates:
        days = policy.days if recording.days is None else recording.days
        too_old = wall_time - ended_at > days * SECONDS_PER_DAY
        too_much = policy.most_bytes is not None and kept_bytes > policy.most_bytes
        if too_old or too_much:
            gone.append(Due(recording.recording_id, "age" if too_old else "space"))
            kept_bytes -= recording.size_bytes
    return gone
