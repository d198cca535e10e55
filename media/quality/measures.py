"""What the rules look at: one leg's last seconds in a few numbers. None: not known, so no rule applies."""

from collections import deque
from collections.abc import Iterable

from media.api import LegSecond
from media.quality.page import PageView
from media.quality.scores import NO_PAGE, length, share

WINDOW = 6
"""Seconds that are looked at together: a few dozen packets say nothing of 3 % loss."""
BASE_WINDOW = 60
MIN_PACKETS = 60
MIN_LOST = 6
"""Fewer lost packets than that may be rows by chance."""
BURSTY = 1.75
"""Mean row: 50 % independent loss makes rows of 2, so more is asked for from there on."""
SILENT_LEVEL = 126
NEVER_HEARD, HEARD_BEFORE = 8, 30
"""Seconds of digital silence that mean something: at the beginning of a call, and later, when somebody only listens."""
NARROW_CAMERA_BPS = 300_000
QUEUE_MS, JITTERY_MS = 25, 40
UNSTEADY_MS, STARVED_BPS, UNSTEADY_ROOM_BPS = 14, 200_000, 350_000
VERY_UNSTEADY_MS, UNFILLED = 20, 1.5
"""Uneven delay alone makes an estimate fall; a link that has room for half as much again as is sent is not narrow."""
VOICE_QUEUE_MS = 100
"""Voice alone hardly fills a link, so an estimate says little of it; where it does, it stands in a queue like this."""
SLOWING_LOSS = 0.08
"""Independent loss from which on a page's own estimate falls, however wide the path is."""
SHOWN_QUEUE_MS = 35
"""A narrow link shows itself by a queue now and then; a rate that fell without one fell because feedback is missing,
which is the other direction's trouble."""
_HELD_BACK_BPS = 600_000

Measures = dict[str, float | None]


class LegWindow:
    """One leg's last seconds."""

    def __init__(self) -> None:
        self._seconds: deque[LegSecond] = deque(maxlen=WINDOW)
        self._pages: deque[PageView] = deque(maxlen=WINDOW)
        self._round_trips: deque[int] = deque(maxlen=BASE_WINDOW)
        self._queues: deque[int] = deque(maxlen=BASE_WINDOW)
        self._jitters: deque[int] = deque(maxlen=WINDOW)
        self._up_jitters: deque[int] = deque(maxlen=WINDOW)
        self._trips: deque[int | None] = deque(maxlen=WINDOW)
        self._up = [0, 0, 0]
        self._down = [0, 0, 0]
        """Packets, lost, rows of the window, kept as it moves: sums over it would be the dearest part of a second."""
        self._said = [0, 0, 0, 0, 0]
        """Pages that said anything, of a slow device, of a narrow uplink, of their camera, that it is black."""
        self._camera = [0, 0]
        """Bits of pictures that came in the window, and its seconds with a limit on them."""
        self._silent = 0
        self._heard = False
        self._unheard = 0
        self._shown = False
        """Whether pictures ever went to this page: an estimate that falls pauses them where there are none, too."""

    def add(self, second: LegSecond, page: PageView | None, *, audio_on: bool, far_jitter_ms: int = 0) -> None:
        """Take the next second; `audio_on`: the microphone should be heard; `far_jitter_ms`: what came jittery to us
        goes on as it came, and is not this leg's trouble."""
        if len(self._seconds) == WINDOW:
            self._sum(self._seconds[0], -1)
            self._hear(self._pages[0], -1)
        self._seconds.append(second)
        self._sum(second, 1)
        self._jitters.append(max(0, second.down_jitter_ms - far_jitter_ms))
        self._up_jitters.append(second.up_jitter_ms)
        self._trips.append(second.rtt_ms)
        self._pages.append(page or NO_PAGE)
        self._hear(page or NO_PAGE, 1)
        if second.rtt_ms is not None:
            self._round_trips.append(second.rtt_ms)
        self._queues.append(second.link_queue_ms)
        self._unheard = self._unheard + 1 if not second.up_audio_bps and not second.up_video_bps else 0
        self._shown = self._shown or second.down_video_packets > 0
        self._listen(second, page or NO_PAGE, audio_on)

    def _sum(self, second: LegSecond, sign: int) -> None:
        up, down = self._up, self._down
        up[0] += sign * second.up_packets
        up[1] += sign * second.up_lost
        up[2] += sign * second.up_runs
        down[0] += sign * second.down_packets
        down[1] += sign * second.down_lost
        down[2] += sign * second.down_runs
        self._camera[0] += sign * second.up_video_bps
        if second.up_limit_bps:
            self._camera[1] += sign

    def _hear(self, page: PageView, sign: int) -> None:
        if page is NO_PAGE:
            return
        said = self._said
        said[0] += sign
        if page.limited_by == "cpu":
            said[1] += sign
        elif page.limited_by == "bandwidth":
            said[2] += sign
        if page.black is not None:
            said[3] += sign
            said[4] += sign * page.black

    def _listen(self, second: LegSecond, page: PageView, audio_on: bool) -> None:
        quiet = second.level is not None and second.level >= SILENT_LEVEL
        if page.level is not None and page.level > 0.0:
            quiet = False
        if not audio_on or second.level is None:
            self._silent = 0
        elif quiet:
            self._silent += 1
        else:
            self._silent, self._heard = 0, True

    def measures(self, *, video_on: bool, lag_ms: float) -> Measures:
        """Every measure that a rule may name."""
        seconds, said = self._seconds, self._said
        up_loss, up_row = _loss(*self._up)
        down_loss, down_row = _loss(*self._down)
        latest = seconds[-1]
        rtt = _middle([trip for trip in self._trips if trip is not None])
        waits = HEARD_BEFORE if self._heard else NEVER_HEARD
        return {
            "lag_ms": lag_ms,
            "unheard_s": float(self._unheard),
            "up_random_loss": _unless(_bursty(up_loss, up_row), up_loss),
            "up_burst_loss": _unless(not _bursty(up_loss, up_row), up_loss),
            "down_random_loss": _unless(_bursty(down_loss, down_row), down_loss),
            "down_burst_loss": _unless(not _bursty(down_loss, down_row), down_loss),
            "up_jitter_ms": float(_middle(self._up_jitters)),
            "down_jitter_ms": float(_middle(self._jitters)),
            "rtt_ms": float(rtt),
            "down_room_bps": self._down_room(),
            "up_room_bps": self._up_room(rtt) if video_on and not _lossy(up_loss, up_row) else None,
            "cpu": _part(said[1], said[0]),
            "silent_s": float(self._silent) if self._silent >= waits else 0.0,
            "black": _part(said[4], said[3]) if video_on and latest.up_video_bps else None,
        }

    def _down_room(self) -> float | None:
        """What the way to the page carries, once that is known."""
        if max(self._queues) < SHOWN_QUEUE_MS:
            return None
        known = [s.down_sustained_bps for s in self._seconds if s.down_sustained_bps]
        if len(known) * 2 <= len(self._seconds):
            return None
        pictures = self._shown and any(s.down_video_packets or s.paused for s in self._seconds)
        if not pictures and _middle([s.link_queue_ms for s in self._seconds]) < VOICE_QUEUE_MS:
            return None
        room = float(_middle(known))
        jitter = _middle(self._jitters)
        if jitter >= UNSTEADY_MS and room > UNSTEADY_ROOM_BPS:
            return None
        sent = sum(s.down_audio_bps + s.down_video_bps + s.down_repair_bps for s in self._seconds) / len(self._seconds)
        return None if jitter >= VERY_UNSTEADY_MS and room > UNFILLED * sent else room

    def _up_room(self, rtt: int) -> float | None:
        """What the page's camera gets through, where something shows that it wants more: the page says so, or a queue
        on its way to us. None: nothing speaks of a narrow uplink."""
        seconds = self._seconds
        rate = self._camera[0] / len(seconds)
        limits = [s.up_limit_bps for s in seconds if s.up_limit_bps] if self._camera[1] else ()
        held_back = rate < (0.5 * min(limits) if limits else _HELD_BACK_BPS)
        if not held_back:
            return None
        jitter = _middle(self._up_jitters)
        if jitter >= UNSTEADY_MS and rate > STARVED_BPS:
            return None  # a page slows down on a path of uneven speed as well
        says = _part(self._said[2], self._said[0])
        if says is not None and says >= 0.5:
            return rate
        down_queue = sum(s.link_queue_ms for s in seconds) / len(seconds)
        queue = rtt - min(self._round_trips, default=rtt) - down_queue
        full = queue >= QUEUE_MS or jitter >= JITTERY_MS
        return rate if rate < NARROW_CAMERA_BPS and full else None


def _middle(values: Iterable[int]) -> int:
    """The lower median, 0 of nothing; statistics.median_low takes longer."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2] if ordered else 0


def _loss(packets: int, lost: int, runs: int) -> tuple[float | None, float]:
    if packets < MIN_PACKETS:
        return None, 1.0
    return share(lost, packets), length(lost, runs) if lost >= MIN_LOST else 1.0


def _bursty(loss: float | None, row: float) -> bool:
    """Rows longer than independent loss makes them, 1 / (1 - p)."""
    return loss is not None and row * (1.0 - loss) >= BURSTY


def _lossy(loss: float | None, row: float) -> bool:
    return loss is not None and loss >= SLOWING_LOSS and not _bursty(loss, row)


def _unless(condition: bool, value: float | None) -> float | None:
    return None if condition else value


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
