"""The recorder: takes what workers and pages measure, keeps calls in progress, tells sides what helps, writes in bulk.

Its methods are called from the control process' one loop and never wait; only `run` does. A store that cannot be
written costs samples, never a call.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from callserver.quality.advice import advise
from callserver.quality.held import HeldCall, HeldSide
from callserver.quality.live import live_call
from callserver.quality.minutes import MinuteRow
from callserver.quality.news import News
from callserver.quality.pages import Device, StoredPage, device, read
from callserver.quality.store import Batch, QualityStore, SampleData, SampleRow, VerdictRow
from media.api import StatsReported
from media.quality.verdict import Verdict
from signaling.call import ANSWERED
from signaling.protocol import QualityReport
from signaling.quality import Reading
from signaling.quality_values import Live
from signaling.state import Call

logger = logging.getLogger(__name__)

STORE_EVERY = 5.0
PURGE_EVERY = 3600.0
PURGE_PAUSE = 1.0
MAX_PURGES = 600
MAX_UNSTORED = 50_000
"""Rows of minutes and verdicts that wait while the store cannot be written; the oldest go."""
DAY = 86_400.0

Advise = Callable[[str, str, Reading], None]


class Recorder:
    """One a control process. `calls` are those that are not ended, `advise(call_id, role, reading)` tells a page."""

    def __init__(
        self,
        store: QualityStore,
        calls: Callable[[], Mapping[str, Call]],
        advise: Advise,
        *,
        wall_clock: Callable[[], float] = time.time,
        keep_days: float = 14.0,
        keep_minutes_days: float = 365.0,
    ) -> None:
        self.store = store
        self.news = News()
        """Of what /ops shows at a glance."""
        self.failures = 0
        """Batches that could not be written."""
        self._calls, self._advise, self._wall_clock = calls, advise, wall_clock
        self._keep, self._keep_minutes = keep_days * DAY, keep_minutes_days * DAY
        self._held: dict[str, HeldCall] = {}
        self._minutes: deque[MinuteRow] = deque(maxlen=MAX_UNSTORED)
        self._verdicts: deque[VerdictRow] = deque(maxlen=MAX_UNSTORED)

    # --- what comes in -------------------------------------------------------------------------------------------

    def reported(self, report: StatsReported) -> None:
        """What a worker measured."""
        calls = self._calls()
        touched: dict[str, tuple[HeldCall, Call]] = {}
        for stats in report.legs:
            call = calls.get(stats.call_id)
            found = call.of_leg(stats.leg_id) if call is not None else None
            if call is None or found is None or call.state.phase not in ANSWERED or not call.joined:
                continue
            one, leg = found
            if leg is not one.current:
                continue
            held = self._hold(call)
            held.worker = report.engine_id
            side = held.side(one.role)
            talking = call.state.phase == "active"
            side.audio_on = talking and one.sending[0]
            side.video_on = talking and one.sending[1] and call.state.media == "video"
            if leg.generation > side.generation and stats.leg_id == side.leg_id:
                held.diagnosis.note(one.role, "ice_restart")
            side.generation = leg.generation
            held.take(one.role, stats)
            touched[stats.call_id] = held, call
        for call_id, (held, _) in touched.items():
            if held.advance(report.loop_lag_ms):
                self._tell(call_id, held)

    def page_reported(self, call_id: str, role: str, report: QualityReport) -> None:
        """What a page measured of itself."""
        held = self._held.get(call_id)
        side = held.sides.get(role) if held is not None else None
        if side is None or side.leg_id != report.leg_id:
            return  # before the first second, or of a leg that is no more
        page = read(report, side.clock, self._wall_clock())
        if side.page is None or page.at > side.page.at:
            side.page = page
            side.unstored_pages.append((report.leg_id, page))
            side.device = device(report)
            if held is not None and held.page_said(side):
                self._tell(call_id, held)

    def _hold(self, call: Call) -> HeldCall:
        held = self._held.get(call.call_id)
        if held is None:
            held = self._held[call.call_id] = HeldCall(call.state, self._minutes.append)
        held.state = call.state
        return held

    def _tell(self, call_id: str, held: HeldCall) -> None:
        if held.changed():
            self.news.tell()
        verdicts, now = held.diagnosis.holding(), held.newest_at
        for role in held.sides:
            self._advise(call_id, role, advise(role, verdicts, now))

    # --- what is asked -------------------------------------------------------------------------------------------

    def live(self, now: float) -> Live:
        """All answered calls as /ops shows them; `now` is wall-clock seconds."""
        calls = self._calls()
        return Live(
            now,
            [
                live_call(calls[call_id].state, held, calls[call_id])
                for call_id, held in self._held.items()
                if call_id in calls
            ],
        )

    def held(self, call_id: str) -> HeldCall | None:
        """A call in progress, with what is not stored yet."""
        return self._held.get(call_id)

    def unstored_verdicts(self, call_id: str) -> list[Verdict]:
        """Verdicts that are over and wait for the store."""
        return [row.verdict for row in self._verdicts if row.call_id == call_id]

    # --- what goes out -------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write now and then, and forget what is too old, until cancelled."""
        purged = 0.0
        while True:
            await asyncio.sleep(STORE_EVERY)
            await self.flush()
            if time.monotonic() - purged > PURGE_EVERY:
                purged = time.monotonic()
                await self._purge()

    async def flush(self) -> None:
        """Write all that has come in."""
        calls = self._calls()
        for call_id in [call_id for call_id in self._held if call_id not in calls]:
            held = self._held.pop(call_id)
            held.close()
            self._collect(call_id, held)
            await self._write(samples_of(call_id, held.sides.values()))
        samples = [row for call_id, held in self._held.items() for row in samples_of(call_id, held.sides.values())]
        for call_id, held in self._held.items():
            self._collect(call_id, held)
        await self._write(samples)

    def _collect(self, call_id: str, held: HeldCall) -> None:
        self._verdicts.extend(VerdictRow(call_id, verdict) for verdict in held.new_verdicts())

    async def _write(self, samples: list[SampleRow]) -> None:
        """Samples that cannot be written are lost, minutes and verdicts wait."""
        batch = Batch(samples, list(self._minutes), list(self._verdicts))
        if not batch:
            return
        try:
            await self.store.write(batch)
        except Exception as error:
            self.failures += 1
            if self.failures in (1, 10, 100):
                logger.error("quality could not be stored", exc_info=error)
            return
        for _ in batch.minutes:
            self._minutes.popleft()
        for _ in batch.verdicts:
            self._verdicts.popleft()

    async def _purge(self) -> None:
        now = self._wall_clock()
        try:
            for _ in range(MAX_PURGES):
                if not await self.store.purge(now - self._keep, now - self._keep_minutes):
                    break
                await asyncio.sleep(PURGE_PAUSE)
        except Exception as error:
            logger.warning("old quality data could not be deleted", exc_info=error)


def samples_of(call_id: str, sides: Iterable[HeldSide]) -> list[SampleRow]:
    """Take what waits of a call's sides as rows, one a leg."""
    rows = []
    for side in sides:
        by_leg: dict[str, SampleData] = {}
        while side.unstored:
            leg_id, second = side.unstored.popleft()
            by_leg.setdefault(leg_id, SampleData([])).seconds.append(second)
        pages: dict[str, list[StoredPage]] = {}
        while side.unstored_pages:
            leg_id, page = side.unstored_pages.popleft()
            pages.setdefault(leg_id, []).append(page)
        for leg_id, data in by_leg.items():
            found: Device = side.device
            end = data.seconds[-1].at
            content = SampleData(data.seconds, pages.get(leg_id, []))
            rows.append(
                SampleRow(call_id, leg_id, side.role, end, found.browser, found.network, side.transport, content)
            )
    return rows
