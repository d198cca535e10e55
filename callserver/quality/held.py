"""What the recorder holds of a call in progress: its sides' newest seconds, scores, minutes and verdicts."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from callserver.quality.minutes import MINUTE, MinuteOfRole, MinuteRow
from callserver.quality.pages import FRESH, Device, PageClock, StoredPage
from media.api import LegSecond, LegStats
from media.quality.diagnosis import Diagnosis, Side
from media.quality.page import PageView
from media.quality.scores import FLOWING, NO_PAGE, Score, VoicePath, connection, scored, video, voice_path
from media.quality.verdict import Verdict
from signaling.records import CallState

SPARK_SECONDS = 120
SPARK_STEP = 2
MAX_WAITING = 4
"""Seconds of one side that wait for the other side's of the same time."""
MAX_KEPT = 1_200
"""Seconds of one side that wait for the store: more than the store ever takes, unless it is broken."""
HEARD_OF_SECOND = 0.5
"""A second is silent if that much of it is: nobody was to be heard before the answer."""
_FAIR, _POOR = 3.6, 2.6
"""Scores below which /ops colours a row."""


def grade(score: float) -> int:
    """0 good, 1 fair, 2 poor."""
    return (score < _FAIR) + (score < _POOR)


class Newest(NamedTuple):
    """A side's last second. The voice's score, the dearest, is made when somebody looks."""

    second: LegSecond
    path: VoicePath | None
    page: PageView

    @property
    def score(self) -> Score:
        return scored(self.second, self.path, self.page)


class HeldSide:
    """One role of a call, whichever leg carries it."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.leg_id = ""
        self.generation = 0
        """Of the leg's offer: it grows with every ICE restart."""
        self.transport = ""
        self.device = Device()
        self.clock = PageClock()
        self.page: StoredPage | None = None
        self._viewed: tuple[StoredPage, PageView] | None = None
        self.waiting: deque[LegSecond] = deque(maxlen=MAX_WAITING)
        self.newest: Newest | None = None
        self.quiet_at = 0.0
        """The newest second in which hardly any voice was sent to it: silence of then was no gap."""
        self.connections: deque[float] = deque(maxlen=SPARK_SECONDS)
        self.unstored: deque[tuple[str, LegSecond]] = deque(maxlen=MAX_KEPT)
        """(leg id, second)."""
        self.unstored_pages: deque[tuple[str, StoredPage]] = deque(maxlen=MAX_KEPT)
        self.grade = 0
        """Of the newest second's connection."""
        self.audio_on = self.video_on = True
        self.minute: MinuteOfRole | None = None

    def page_at(self, at: float) -> StoredPage | None:
        """What the page says, if that is still about now."""
        page = self.page
        return page if page is not None and abs(at - page.at) <= FRESH else None

    def view(self, second: LegSecond) -> PageView | None:
        """What the page says of about this second; of silence only if voice flowed all the time it speaks of."""
        if self.newest is None or second.down_audio_packets < FLOWING:
            self.quiet_at = second.at
        page = self.page_at(second.at)
        if page is None:
            return None
        if self._viewed is None or self._viewed[0] is not page:
            self._viewed = page, page.view()
        view = self._viewed[1]
        return view._replace(silenced=None) if view.silenced and page.at - page.seconds < self.quiet_at else view

    def spark(self) -> list[float | None]:
        """The connection over the last two minutes, the worse second of each step, oldest first."""
        values = list(self.connections)
        begin = len(values) % SPARK_STEP
        return [min(values[i : i + SPARK_STEP]) for i in range(begin, len(values), SPARK_STEP)]


class HeldCall:
    """`minute` and `verdict` take what is finished."""

    def __init__(self, state: CallState, minute: Callable[[MinuteRow], None]) -> None:
        self.state = state
        self.sides: dict[str, HeldSide] = {}
        self.diagnosis = Diagnosis()
        self.worker = ""
        self._minute = minute
        self._began: float | None = None
        self._graded = 0
        """How often a side's grade changed."""
        self._seen = -1

    def side(self, role: str) -> HeldSide:
        """Made on first use."""
        found = self.sides.get(role)
        if found is None:
            found = self.sides[role] = HeldSide(role)
        return found

    @property
    def newest_at(self) -> float:
        """The end of the last second that was looked at, wall-clock."""
        return max((side.newest.second.at for side in self.sides.values() if side.newest is not None), default=0.0)

    def take(self, role: str, stats: LegStats) -> None:
        """The seconds of the role's leg since the last report."""
        side = self.side(role)
        if stats.leg_id != side.leg_id:
            if side.leg_id:
                self.diagnosis.forget(role)
                self.diagnosis.note(role, "new_leg")
            side.leg_id = stats.leg_id
            side.waiting.clear()
        if stats.transport.startswith("tcp") and side.transport.startswith("udp"):
            self.diagnosis.note(role, "tcp")
        side.transport = stats.transport
        side.waiting.extend(stats.seconds)
        side.unstored.extend((stats.leg_id, second) for second in stats.seconds)

    def advance(self, lag_ms: float) -> bool:
        """Score and diagnose the seconds of which every side is here, or nobody waits for any more."""
        moved = False
        while (pair := self._next()) is not None:
            moved = True
            self._observe(pair, lag_ms)
        return moved

    def page_said(self, side: HeldSide) -> bool:
        """The side's page reported: whether that is a trouble nobody knew of."""
        page = side.page
        return page is not None and self.diagnosis.say(side.role, page.view(), video_on=side.video_on)

    def changed(self) -> bool:
        """Whether something to be seen at a glance, a trouble or a side's grade, is not as it was the last time."""
        before, self._seen = self._seen, self._graded + self.diagnosis.changes
        return before != self._seen

    def _next(self) -> list[tuple[HeldSide, LegSecond]] | None:
        filled = [side for side in self.sides.values() if side.waiting]
        if not filled:
            return None
        if len(filled) < len(self.sides) and not any(len(side.waiting) == MAX_WAITING for side in filled):
            return None
        return [(side, side.waiting.popleft()) for side in filled]

    def _observe(self, pair: list[tuple[HeldSide, LegSecond]], lag_ms: float) -> None:
        sides, answered = [], self.state.answered_at or 0.0
        for index, (side, second) in enumerate(pair):
            far = pair[not index][1] if len(pair) > 1 else None
            view = side.view(second)
            page = view or NO_PAGE
            side.newest = Newest(second, voice_path(second, far, page), page)
            score = self._count(side, side.newest)
            side.connections.append(score)
            if side.grade != (now := grade(score)):
                side.grade = now
                self._graded += 1
            spoken = side.audio_on and second.at >= answered + HEARD_OF_SECOND
            sides.append(Side(side.role, second, view, spoken, side.video_on))
        self.diagnosis.observe(sides, lag_ms)

    def _count(self, side: HeldSide, newest: Newest) -> float:
        """Into the minute; returns the score of the connection."""
        second = newest.second
        if self._began is None:
            self._began = second.at - 1.0
        if side.minute is None or second.at - 1.0 >= side.minute.at + MINUTE:
            self._finish(side)
            side.minute = MinuteOfRole(self._began + max(0.0, second.at - 1.0 - self._began) // MINUTE * MINUTE)
        score = connection(second)
        side.minute.add(newest.path, video(second, newest.page), score, second)
        return score

    def _finish(self, side: HeldSide) -> None:
        if side.minute is not None:
            state, browser, network = self.state, side.device.browser, side.device.network
            means = side.minute.means()
            begin = round(side.minute.at, 3)
            who = (browser, network, state.country, state.agent_id, state.site_id)
            self._minute(MinuteRow(state.call_id, begin, side.role, *means, *who))
            side.minute = None

    def running_minutes(self) -> Iterator[tuple[str, MinuteOfRole]]:
        """Minutes that are not over yet."""
        for side in self.sides.values():
            if side.minute is not None:
                yield side.role, side.minute

    def new_verdicts(self) -> list[Verdict]:
        """Verdicts that ended since the last time."""
        return self.diagnosis.take()

    def new_ended(self) -> list[Verdict]:
        """Verdicts that ended and were not handed out yet."""
        return list(self.diagnosis.ended)

    def close(self) -> None:
        """The call is over: finish minutes and verdicts."""
        for side in self.sides.values():
            self._finish(side)
        self.diagnosis.close()
