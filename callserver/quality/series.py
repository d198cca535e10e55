"""From seconds and pages' reports to named series of at most so many points (meanings in callserver/ops/README.md)."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import ceil
from typing import Literal, NamedTuple

from callserver.quality.pages import StoredPage
from media.api import LegSecond
from media.quality.page import PageView
from media.quality.scores import NO_PAGE, Score, length, score, share

Value = float | None
Join = Literal["mean", "sum", "max", "min"]


class Point(NamedTuple):
    """Everything known of one second of a leg."""

    second: LegSecond
    page: PageView
    score: Score
    lag_ms: float | None = None


class Series(NamedTuple):
    read: Callable[[Point], Value]
    join: Join = "mean"


def _flag(value: bool | None) -> Value:
    return None if value is None else float(value)


def _loss(lost: int, packets: int) -> Value:
    return round(share(lost, packets), 4) if packets else None


SERIES: dict[str, Series] = {
    "up_loss": Series(lambda p: _loss(p.second.up_lost, p.second.up_packets)),
    "down_loss": Series(lambda p: _loss(p.second.down_lost, p.second.down_packets)),
    "up_audio_loss": Series(lambda p: _loss(p.second.up_audio_missing, p.second.up_audio_packets)),
    "up_video_loss": Series(lambda p: _loss(p.second.up_video_missing, p.second.up_video_packets)),
    "down_audio_loss": Series(lambda p: p.second.down_audio_residual if p.second.down_audio_packets else None),
    "down_video_loss": Series(lambda p: p.second.down_video_residual if p.second.down_video_packets else None),
    "up_burst": Series(lambda p: round(length(p.second.up_lost, p.second.up_runs), 2)),
    "down_burst": Series(lambda p: round(length(p.second.down_lost, p.second.down_runs), 2)),
    "up_jitter_ms": Series(lambda p: float(p.second.up_jitter_ms)),
    "down_jitter_ms": Series(lambda p: float(p.second.down_jitter_ms)),
    "rtt_ms": Series(lambda p: p.second.rtt_ms, "max"),
    "up_audio_bps": Series(lambda p: float(p.second.up_audio_bps)),
    "up_video_bps": Series(lambda p: float(p.second.up_video_bps)),
    "down_audio_bps": Series(lambda p: float(p.second.down_audio_bps)),
    "down_video_bps": Series(lambda p: float(p.second.down_video_bps)),
    "up_limit_bps": Series(lambda p: float(p.second.up_limit_bps) if p.second.up_limit_bps else None),
    "down_target_bps": Series(lambda p: float(p.second.down_target_bps) if p.second.down_target_bps else None),
    "down_sustained_bps": Series(lambda p: float(p.second.down_sustained_bps) if p.second.down_sustained_bps else None),
    "down_protection_bps": Series(lambda p: float(p.second.down_protection_bps)),
    "down_repair_bps": Series(lambda p: float(p.second.down_repair_bps)),
    "up_fps": Series(lambda p: p.second.up_frames),
    "down_fps": Series(lambda p: float(p.second.down_frames)),
    "down_freeze": Series(lambda p: p.second.down_freeze_ms / 1000.0, "max"),
    "up_nacks": Series(lambda p: float(p.second.up_nacks), "sum"),
    "down_nacks": Series(lambda p: float(p.second.down_nacks), "sum"),
    "up_plis": Series(lambda p: float(p.second.up_plis), "sum"),
    "down_plis": Series(lambda p: float(p.second.down_plis), "sum"),
    "paused": Series(lambda p: float(p.second.paused), "max"),
    "queue_ms": Series(lambda p: float(p.second.queue_ms), "max"),
    "link_queue_ms": Series(lambda p: float(p.second.link_queue_ms), "max"),
    "level": Series(lambda p: p.second.level, "min"),
    "c_concealed": Series(lambda p: p.page.concealed),
    "c_buffer_ms": Series(lambda p: p.page.buffer_ms),
    "c_fps": Series(lambda p: p.page.fps),
    "c_height": Series(lambda p: p.page.height, "min"),
    "c_freeze": Series(lambda p: p.page.frozen, "max"),
    "c_fps_sent": Series(lambda p: p.page.fps_sent),
    "c_height_sent": Series(lambda p: p.page.height_sent, "min"),
    "c_cpu": Series(lambda p: None if p.page is NO_PAGE else float(p.page.limited_by == "cpu"), "max"),
    "c_silent": Series(lambda p: None if p.page.level is None else float(p.page.level <= 0.0), "max"),
    "c_black": Series(lambda p: _flag(p.page.black), "max"),
    "mos": Series(lambda p: p.score.audio, "min"),
    "video": Series(lambda p: p.score.video, "min"),
    "connection": Series(lambda p: p.score.connection, "min"),
}


def values(point: Point) -> dict[str, Value]:
    """Every series at one second."""
    return {name: series.read(point) for name, series in SERIES.items()}


def points(seconds: Sequence[LegSecond], pages: Sequence[StoredPage], far: Sequence[LegSecond]) -> list[Point]:
    """Join a leg's seconds with what its page said of the same time and with the leg it hears. All in order of time."""
    ends = [page.at for page in pages]
    views = [page.view() for page in pages]
    others = [second.at for second in far]
    found = []
    for second in seconds:
        place = bisect_left(ends, second.at)
        covers = place < len(pages) and pages[place].at - pages[place].seconds <= second.at
        view = views[place] if covers else NO_PAGE
        nearest = _nearest(others, second.at)
        heard = far[nearest] if nearest is not None else None
        found.append(Point(second, view, score(second, heard, view)))
    return found


def _nearest(times: Sequence[float], at: float) -> int | None:
    """The index of the time closest to `at`, at most a second and a half away."""
    place = bisect_left(times, at)
    near = [index for index in (place - 1, place) if 0 <= index < len(times) and abs(times[index] - at) <= 1.5]
    return min(near, key=lambda index: abs(times[index] - at), default=None)


def joined(found: Sequence[Point], begin: float, resolution: float) -> tuple[list[float], dict[str, list[Value]]]:
    """Ends of the points and every series, points of `resolution` seconds from `begin` on; `found` in order of time."""
    places = [max(0, ceil((point.second.at - begin) / resolution - 1e-9) - 1) for point in found]
    starts = [index for index, place in enumerate(places) if not index or place != places[index - 1]]
    groups = [slice(*pair) for pair in pairwise([*starts, len(found)])]
    ends = [round(found[group.stop - 1].second.at, 3) for group in groups]
    return ends, {name: _column(list(map(series.read, found)), groups, series.join) for name, series in SERIES.items()}


def _column(read: list[Value], groups: Sequence[slice], how: Join) -> list[Value]:
    """One series in points. Most of a call's 44 never change: these are not looked at piece by piece."""
    if read and read.count(read[0]) == len(read) and (how != "sum" or not read[0]):
        return [_join(read[:1], how)] * len(groups)
    if how in ("max", "min") and None not in read:
        extreme = max if how == "max" else min
        return [extreme(read[group]) for group in groups]  # type: ignore[type-var]
    return [_join(read[group], how) for group in groups]


def _join(found: list[Value], how: Join) -> Value:
    known = [value for value in found if value is not None]
    if not known:
        return None
    if how == "max":
        return max(known)
    if how == "min":
        return min(known)
    return round(sum(known) / (len(known) if how == "mean" else 1), 4)
