"""What pages say of themselves, checked and put on the server's clock. A page may lie, be silent or have a wrong clock:
what cannot be so is unknown, and no page can say anything about a time at which it did not speak."""

import math
import re
from collections import deque
from typing import NamedTuple

import msgspec

from media.quality.page import PageView
from signaling.protocol import QualityReport

OLDEST = 30.0
"""A report is about at most that long ago: older ones were held back by a page that slept."""
FRESH = 12.0
"""Seconds a report stands for what is now."""
OFFSETS = 12
_BROWSER = re.compile(r"^[A-Za-z]{2,20}(?: \d{1,4})?$")
NETWORKS = frozenset({"wifi", "cellular", "ethernet", "bluetooth", "wimax", "other", "2g", "3g", "4g", "5g"})
LIMITS = frozenset({"cpu", "bandwidth", "other"})


class StoredPage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One report as it is stored; `at` on the server's clock, the rest as media.quality.page.PageView."""

    at: float
    seconds: float
    concealed: float | None = None
    buffer_ms: float | None = None
    fps: float | None = None
    height: int | None = None
    frozen: float | None = None
    fps_sent: float | None = None
    height_sent: int | None = None
    limited_by: str = ""
    level: float | None = None
    black: bool | None = None
    silenced: float | None = None
    stretched: float | None = None

    def view(self) -> PageView:
        """As the scores and rules take it."""
        return PageView(
            self.concealed,
            self.buffer_ms,
            self.fps,
            self.height,
            self.frozen,
            self.fps_sent,
            self.height_sent,
            self.limited_by,
            self.level,
            self.black,
            self.silenced,
            self.stretched,
        )


class Device(NamedTuple):
    """What a page runs on; empty: not said, or nothing we know."""

    browser: str = ""
    network: str = ""


class PageClock:
    """The difference of a page's clock and ours: the least of some reports' (received - stamped) is the difference and
    the shortest way; longer ones waited."""

    def __init__(self) -> None:
        self._offsets: deque[float] = deque(maxlen=OFFSETS)

    def place(self, stamped: float | None, received: float) -> float:
        """Our wall time of a report stamped with the page's clock; when it came, if the stamp cannot be so."""
        if stamped is None or not math.isfinite(stamped) or not 0.0 <= stamped < 1e11:
            return received
        self._offsets.append(received - stamped)
        at = stamped + min(self._offsets)
        if at < received - OLDEST:
            self._offsets.clear()  # its clock jumped, or it is playing with us
            return received
        return min(at, received)


def read(report: QualityReport, clock: PageClock, received: float) -> StoredPage:
    """The report, checked; `received` is wall-clock seconds."""
    seconds = _number(report.seconds, 0.5, 60.0) or 5.0
    frozen = _number(report.freeze_ms, 0.0, 60_000.0)
    return StoredPage(
        round(clock.place(report.at, received), 3),
        round(seconds, 2),
        _number(report.concealed, 0.0, 1.0),
        _number(report.buffer_ms, 0.0, 10_000.0),
        _number(report.fps_received, 0.0, 240.0),
        _whole(report.height, 4320),
        None if frozen is None else min(1.0, frozen / 1000.0 / seconds),
        _number(report.fps_sent, 0.0, 240.0),
        _whole(report.height_sent, 4320),
        report.limitation if report.limitation in LIMITS else "",
        _number(report.level, 0.0, 1.0),
        report.black,
        _number(report.silenced, 0.0, 1.0),
        _number(report.stretched, 0.0, 1.0),
    )


def device(report: QualityReport) -> Device:
    """Browser and network from small sets: they become labels and groups."""
    browser = report.browser if _BROWSER.match(report.browser) else ""
    return Device(browser, report.network if report.network in NETWORKS else "")


def _number(value: float | None, least: float, most: float) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) and least <= value <= most else None


def _whole(value: int | None, most: int) -> int | None:
    return value if value is not None and 0 < value <= most else None
