"""One call's quality as REST answers it: stored and not yet stored, joined, in at most so many points."""

import asyncio
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from callserver.quality.held import HeldCall
from callserver.quality.live import shown
from callserver.quality.minutes import Means, MinuteRow
from callserver.quality.pages import StoredPage
from callserver.quality.recorder import Recorder
from callserver.quality.series import joined, points
from callserver.quality.store import SampleRow
from media.api import LegSecond
from media.quality.verdict import Verdict
from signaling.quality_values import CallQuality, LegSeries, MinuteScore, QualityEvent, RoleScore
from signaling.records import CallEvent, CallState

MAX_POINTS = 1_000
TOLD_EVENTS = frozenset(
    (
        *("accepted", "connected", "held", "resumed", "agent_lost", "leg_failed", "worker_lost", "control_restarted"),
        *("hung_up", "abandoned", "connection_lost", "media_failed", "shutdown", "crashed"),
        *("video_paused", "video_resumed", "ice_restart", "recording_started", "recording_stopped"),
    )
)


class Leg(NamedTuple):
    """One leg's whole life."""

    leg_id: str
    role: str
    browser: str
    network: str
    transport: str
    seconds: list[LegSecond]
    pages: list[StoredPage]


async def call_quality(
    recorder: Recorder, state: CallState, events: Iterable[CallEvent], limit: int = MAX_POINTS
) -> CallQuality:
    """Everything known of the call's quality."""
    call_id = state.call_id
    held = recorder.held(call_id)
    legs = legs_of(await recorder.store.samples(call_id), held)
    minutes = [*await recorder.store.minutes_of(call_id), *_running(held)]
    unstored = [*recorder.unstored_verdicts(call_id), *_open(held)]  # asked first: it may be stored meanwhile
    verdicts = [*await recorder.store.verdicts_of(call_id), *unstored]
    begin = min((leg.seconds[0].at - 1.0 for leg in legs), default=state.answered_at or state.created_at)
    end = max((leg.seconds[-1].at for leg in legs), default=begin)
    resolution = float(max(1, ceil((end - begin) / max(1, min(limit, MAX_POINTS)))))
    # An hour takes 0.2 s: in a thread, so that signaling goes on meanwhile. It works on copies only.
    series = await asyncio.to_thread(lambda: [_series(leg, legs, begin, resolution) for leg in legs])
    return CallQuality(
        call_id,
        round(begin, 3),
        round(end, 3),
        resolution,
        series,
        scores(minutes),
        [MinuteScore(row.at, row.role, row.audio, row.video, row.connection) for row in minutes],
        [QualityEvent(e.at, e.name, str(e.data.get("role", "")), e.data) for e in events if e.name in TOLD_EVENTS],
        [shown(verdict) for verdict in sorted(set(verdicts), key=lambda verdict: verdict.begin)],
    )


def legs_of(rows: Sequence[SampleRow], held: HeldCall | None) -> list[Leg]:
    """Rows and what waits for the store, by leg, in order of their beginning."""
    legs: dict[str, Leg] = {}
    for row in rows:
        leg = legs.setdefault(row.leg_id, Leg(row.leg_id, row.role, row.browser, row.network, row.transport, [], []))
        leg.seconds.extend(row.data.seconds)
        leg.pages.extend(row.data.pages)
        if row.browser or row.network:
            legs[row.leg_id] = leg._replace(browser=row.browser, network=row.network, transport=row.transport)
    for side in held.sides.values() if held is not None else ():
        for leg_id, second in list(side.unstored):
            new = Leg(leg_id, side.role, side.device.browser, side.device.network, side.transport, [], [])
            legs.setdefault(leg_id, new).seconds.append(second)
        for leg_id, page in list(side.unstored_pages):
            if leg_id in legs:
                legs[leg_id].pages.append(page)
    for leg in legs.values():
        leg.seconds.sort(key=lambda second: second.at)
        leg.pages.sort(key=lambda page: page.at)
    return sorted((leg for leg in legs.values() if leg.seconds), key=lambda leg: leg.seconds[0].at)


def _series(leg: Leg, legs: Sequence[Leg], begin: float, resolution: float) -> LegSeries:
    far = sorted(
        (second for other in legs if other.role != leg.role for second in other.seconds), key=lambda second: second.at
    )
    at, series = joined(points(leg.seconds, leg.pages, far), begin, resolution)
    return LegSeries(leg.leg_id, leg.role, leg.browser, leg.network, leg.transport, at, series)


def scores(minutes: Sequence[MinuteRow]) -> list[RoleScore]:
    """The whole call as each role had it; the worst minute by what disturbs most."""
    found = []
    for role in dict.fromkeys(row.role for row in minutes):
        rows = [row for row in minutes if row.role == role]
        worst = [score for row in rows if (score := min(_known(row.audio, row.video), default=None)) is not None]
        found.append(
            RoleScore(
                role,
                _mean(row.audio for row in rows),
                _mean(row.video for row in rows),
                _mean(row.connection for row in rows),
                min(worst, default=None),
            )
        )
    return found


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(*values)
    return round(sum(known) / len(known), 2) if known else None


def _running(held: HeldCall | None) -> list[MinuteRow]:
    rows = []
    for role, minute in held.running_minutes() if held is not None else ():
        means: Means = minute.means()
        rows.append(MinuteRow("", round(minute.at, 3), role, *means, "", "", "", "", ""))
    return rows


def _open(held: HeldCall | None) -> list[Verdict]:
    return [*held.diagnosis.current(), *held.new_ended()] if held is not None else []
