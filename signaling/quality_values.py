"""Quality data as the pages and REST show it; meanings and units in callserver/ops/README.md.

Times are wall-clock seconds of the server. None: not known. Scores 1.0 (bad) to 5.0 (excellent).
"""

from typing import Any

import msgspec


class Verdict(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What was wrong, where, since when, and what was done about it."""

    from_: float
    to: float
    side: str
    direction: str
    kind: str
    severity: str
    value: float | None = None
    heard_by: list[str] = []
    did: list[str] = []
    tell: str = ""
    title: str = ""


class LegSeries(msgspec.Struct, frozen=True):
    """One leg over its life; every list of `series` is as long as `at`."""

    leg_id: str
    role: str
    browser: str = ""
    network: str = ""
    transport: str = ""
    at: list[float] = []
    series: dict[str, list[float | None]] = {}


class RoleScore(msgspec.Struct, frozen=True):
    """The whole call as one role heard and saw it."""

    role: str
    audio: float | None = None
    video: float | None = None
    connection: float | None = None
    worst_minute: float | None = None


class MinuteScore(msgspec.Struct, frozen=True):
    at: float
    role: str
    audio: float | None = None
    video: float | None = None
    connection: float | None = None


class QualityEvent(msgspec.Struct, frozen=True):
    """Something the server decided or noticed."""

    at: float
    name: str
    role: str = ""
    data: dict[str, Any] = {}


class CallQuality(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """The answer of GET /api/v1/calls/{call_id}/quality."""

    call_id: str
    from_: float
    to: float
    resolution: float
    legs: list[LegSeries] = []
    scores: list[RoleScore] = []
    minutes: list[MinuteScore] = []
    events: list[QualityEvent] = []
    verdicts: list[Verdict] = []


class LiveLeg(msgspec.Struct, frozen=True):
    leg_id: str
    role: str
    browser: str = ""
    network: str = ""
    transport: str = ""
    state: str = ""
    spark: list[float | None] = []
    now: dict[str, float | None] = {}


class LiveCall(msgspec.Struct, frozen=True):
    call_id: str
    site_id: str
    phase: str
    media: str
    created_at: float
    answered_at: float | None = None
    customer: str = ""
    agent_id: str = ""
    agent_name: str = ""
    language: str = ""
    country: str = ""
    worker: str = ""
    legs: list[LiveLeg] = []
    verdicts: list[Verdict] = []


class Live(msgspec.Struct, frozen=True):
    at: float
    calls: list[LiveCall] = []
