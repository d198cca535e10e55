"""What the rules look at: one leg's last seconds in a few numbers. None: not known, so no rule applies."""

from collections import deque
from collections.abc import Iterable

from media.api import LegSecond
from media.quality.hearing import SAID, Hearing
from media.quality.page import PageView
from media.quality.rules import RULES
from media.quality.scores import NO_PAGE, length, share
from media.quality.unevenness import Unevenness

WINDOW = 6
"""Seconds that are looked at together: a few dozen packets say nothing of 3 % loss."""
BASE_WINDOW = 60
RECENT = 4
"""Seconds whose round trips tell of a queue now; of pictures' starving the whole window tells."""
MIN_PACKETS = 60
MIN_LOST = 6
"""Fewer lost packets than that may be rows by chance."""
BURSTY = 1.75
"""Mean row: 50 % independent loss makes rows of 2, so more is asked for from there on."""
NARROW_CAMERA_BPS = 300_000
QUEUE_MS, JITTERY_MS = 25, 40
UNSTEADY_MS, STARVED_BPS, UNSTEADY_ROOM_BPS = 14, 200_000, 350_000
VERY_UNSTEADY_MS, UNFILLED = 20, 1.5
"""Uneven delay alone makes an estimate fall; a link that has room for half as much again as is sent is not narrow."""
UNEVEN_SECONDS, WHOLE_VOICE, WAVE_JITTER_MS, UNEVEN_FROM = 3, 0.75, 50, 5
"""Delay that goes up and down for so long, by so much at most, while all of the voice comes, is the path's: a queue
that fills holds voice back."""
WAVERING_MS, WAVE_MS = 22, 600
"""The same on the way to a page: a link makes voice as uneven only with a longer queue than this."""
VOICE_QUEUE_MS = 100
"""Voice alone hardly fills a link, so an estimate says little of it; where it does, it stands in a queue like this."""
SLOWING_LOSS = 0.08
"""Loss from which on a page's own estimate falls, however wide the path is: independent, or in rows without a queue."""
SHOWN_QUEUE_MS = 35
"""A narrow link shows itself by a queue now and then; a rate that fell without one fell because feedback is missing,
which is the other direction's trouble."""
STANDING_QUEUE_MS = 300
"""More than jitter makes: behind such a queue the last second's estimate is believed, not only the window's."""
WHOLE_LINES, WHOLE_FPS = 360, 12
"""Less of a picture is a trouble even of a camera that never gave more."""
_HELD_BACK_BPS, _SLOWED_CAMERA_BPS = 600_000, 450_000
FLOW_WINDOW, FLOW_RANK, LEAST_FLOWS = 20, 3, 4
"""Seconds that tell what a page sends when nothing holds it back: the third best of them, once there are four."""
CHOKED = 0.6
"""Share of that from which on an uplink may be choked."""
SLOW_VOICE, FILLING_MS = 0.55, 20
"""A queue that fills makes a second of voice take longer than a second: fewer packets of it come, none is lost, and
each waited longer than the one before. Loss, jitter and silence look different. Then the page slows down."""
FULL_QUEUE_MS, LOST_LATELY = 100, 3
UNSEEN = 12
"""Seconds after its pictures were paused for others, or these had gone, in which a page sends little by itself."""
LEAST_CARRIED_BPS = 15_000
"""Less is an outage."""
SERIAL_MS = 4_300_000
"""Jitter of voice, times bit/s, that sharing a narrow link with packets of pictures makes: half of what one of them
takes (150 kbit/s: 29 ms)."""
LIMITED = 30
"""Seconds after we limited its pictures in which a page sends what it then might: a browser grows by 8 % a second."""
WANTING = 12
"""Seconds for which a page says that its uplink is narrow before it is believed without a queue or starved pictures:
browsers say so for the first seconds of calls on wide links."""
FADING = 0.95
"""A round trip is smoothed: of a queue towards the page so much is left in it a second later."""

NOTHING = LegSecond(0.0)

Measures = dict[str, float | None]

_NARROW_BPS = next(rule.poor for rule in RULES if rule.measure == "down_room_bps")
_FROM = {rule.measure: rule.fair for rule in RULES}
_LEAST_LOSS = min(value for name, value in _FROM.items() if name.endswith("_loss"))
_LEAST_JITTER = min(_FROM["up_jitter_ms"], _FROM["down_jitter_ms"], FILLING_MS, UNSTEADY_MS)
_LONG_TRIP, _LATE = _FROM["rtt_ms"], _FROM["lag_ms"]


class LegWindow:
    """One leg's last seconds; `hearing` is of the leg's side, and older."""

    def __init__(self, hearing: Hearing | None = None) -> None:
        self._hearing = hearing or Hearing()
        self._seconds: deque[LegSecond] = deque(maxlen=WINDOW)
        self._pages: deque[PageView] = deque(maxlen=WINDOW)
        self._longer: deque[LegSecond] = deque(maxlen=BASE_WINDOW)
        self._jitters: deque[int] = deque(maxlen=WINDOW)
        """Of the way to the page, without what came so."""
        self._unevenness = Unevenness()
        self._up = [0, 0, 0]
        self._down = [0, 0, 0]
        """Packets, lost, rows of the window, kept as it moves: sums over it would be the dearest part of a second."""
        self._said = [0, 0, 0, 0]
        """Pages that said anything, of a slow device, of a narrow uplink, of a black camera."""
        self._camera_bits = 0
        """Of pictures that came in the window."""
        self._wanting = 0
        """Seconds in a row that the page said its uplink is narrow and no limit of ours explained it."""
        self._echo = 0.0
        """What queues towards the page may still hold in the round trip, ms."""
        self._unheard = 0
        self._base: int | None = None
        """The shortest round trip of the base window."""
        self._count = 0
        """Of seconds; those below are the counts up to which something holds."""
        self._uneasy = self._queued = self._unseen = self._squeezed = self._narrowed = 0
        """Late packets, a long way, a queue towards the page, that nobody saw its pictures, a queue from there may
        count; the way to the page is known to be narrow, whatever its jitter."""
        self._choked_at = -1
        """The last second in which the uplink was seen to be choked."""
        self._tallest = 0
        """Lines of the largest picture that the page said it sent."""
        self._shown = False
        """Whether pictures ever went to this page: an estimate that falls pauses them where there are none, too."""

    def add(
        self,
        second: LegSecond,
        page: PageView | None,
        *,
        audio_on: bool,
        far_jitter_ms: int = 0,
        unseen: bool = False,
    ) -> None:
        """Take the next second; `audio_on`: the microphone should be heard; `far_jitter_ms`: what came jittery to us
        goes on as it came, and is not this leg's trouble; `unseen`: its pictures are paused for
        those who see them, or nobody is there to see them."""
        page = page or NO_PAGE
        if len(self._seconds) == WINDOW:
            self._sum(self._seconds[0], second)
            if self._pages[0] is not NO_PAGE:
                self._hear(self._pages[0], -1)
        else:
            self._sum(NOTHING, second)
        if page is not NO_PAGE:
            self._hear(page, 1)
            self._wanting = self._wanting + 1 if page.limited_by == "bandwidth" and not second.up_limit_bps else 0
        self._pages.append(page)
        self._seconds.append(second)
        self._echo = max(FADING * self._echo, second.link_queue_ms)
        jitter = self._unevenness.own(second.down_jitter_ms, far_jitter_ms)
        self._jitters.append(jitter)
        late = jitter >= _LEAST_JITTER or second.up_jitter_ms >= _LEAST_JITTER
        self._count += 1
        if self._travel(second) or late:
            self._uneasy = self._count + WINDOW
        if second.link_queue_ms >= SHOWN_QUEUE_MS:
            self._queued = self._count + BASE_WINDOW
        if unseen:
            self._unseen = self._count + UNSEEN
        self._unheard = 0 if second.up_audio_bps or second.up_video_bps else self._unheard + 1
        if second.down_video_packets:
            self._shown = True
        self._hearing.add(second.level, audio_on=audio_on)

    def _travel(self, second: LegSecond) -> bool:
        """Keep the shortest round trip; whether this one is long, for this path or at all."""
        rtt, longer = second.rtt_ms, self._longer
        gone = longer[0].rtt_ms if len(longer) == BASE_WINDOW else None
        longer.append(second)
        if rtt is not None and (self._base is None or rtt <= self._base):
            self._base = rtt
        elif gone is not None and gone == self._base:
            self._base = min([one.rtt_ms for one in longer if one.rtt_ms is not None], default=None)
        if rtt is None or self._base is None:
            return False
        return rtt >= _LONG_TRIP or rtt - self._base >= FULL_QUEUE_MS

    def calm(self, lag_ms: float) -> bool:
        """Whether no rule can hold, so that nobody need ask for the measures: most seconds of most calls."""
        up, down, said = self._up, self._down, self._said
        if max(self._uneasy, self._queued) > self._count or self._unheard >= 2 or self._hearing.seconds >= SAID:
            return False
        if said[1] or said[2] or said[3] or lag_ms >= _LATE:
            return False
        if up[1] >= _LEAST_LOSS * up[0] > 0 or down[1] >= _LEAST_LOSS * down[0] > 0:
            return False
        if self._camera_bits >= NARROW_CAMERA_BPS * len(self._seconds):
            return True
        trips = [one.rtt_ms for one in self._seconds if one.rtt_ms is not None]
        return not trips or self._base is None or max(trips) - self._base < QUEUE_MS

    def _sum(self, gone: LegSecond, new: LegSecond) -> None:
        up, down = self._up, self._down
        up[0] += new.up_packets - gone.up_packets
        down[0] += new.down_packets - gone.down_packets
        self._camera_bits += new.up_video_bps - gone.up_video_bps
        if new.up_lost or gone.up_lost:
            up[1] += new.up_lost - gone.up_lost
            up[2] += new.up_runs - gone.up_runs
        if new.down_lost or gone.down_lost:
            down[1] += new.down_lost - gone.down_lost
            down[2] += new.down_runs - gone.down_runs

    def _hear(self, page: PageView, sign: int) -> None:
        said = self._said
        said[0] += sign
        if page.limited_by == "cpu":
            said[1] += sign
        elif page.limited_by == "bandwidth":
            said[2] += sign
        if page.black:
            said[3] += sign
        if page.height_sent and page.height_sent > self._tallest:
            self._tallest = page.height_sent

    @property
    def at(self) -> float:
        """The end of the last second."""
        return self._seconds[-1].at

    def say(self, page: PageView) -> None:
        """The page says something new of the last second."""
        if self._pages[-1] is not NO_PAGE:
            self._hear(self._pages[-1], -1)
        self._pages[-1] = page
        self._hear(page, 1)

    def measures(self, *, video_on: bool, lag_ms: float) -> Measures:
        """Every measure that a rule may name; None as well where it is too little for any."""
        up_loss, up_row = _loss(*self._up)
        down_loss, down_row = _loss(*self._down)
        up_bursty, down_bursty = _bursty(up_loss, up_row), _bursty(down_loss, down_row)
        room = self._choked() if video_on else None
        if room is None and video_on and self._count >= self._unseen and not _lossy(up_loss, up_row):
            room = self._up_room()
        uneasy = self._count < self._uneasy
        return {
            "lag_ms": lag_ms,
            "unheard_s": float(self._unheard),
            "up_random_loss": None if up_bursty else up_loss,
            "up_burst_loss": up_loss if up_bursty else None,
            "down_random_loss": None if down_bursty else down_loss,
            "down_burst_loss": down_loss if down_bursty else None,
            "up_jitter_ms": self._up_jitter() if uneasy else None,
            "down_jitter_ms": float(_middle(self._jitters)) if uneasy else None,
            "rtt_ms": self._trip() if uneasy else None,
            "down_room_bps": self._down_room() if self._count < self._queued else None,
            "up_room_bps": room,
            "cpu": self._slow() if self._said[1] else 0.0 if self._said[0] else None,
            "silent_s": self._silent_s(),
            "black": self._black() if video_on else None,
        }

    def device(self, *, video_on: bool) -> Measures:
        """Those of them that a word of the page may change at once: it looked twice before it said so."""
        return {"silent_s": self._silent_s(), "black": self._black() if video_on else None}

    def _silent_s(self) -> float:
        return self._hearing.silent_s(self._pages[-1].level) if self._hearing.seconds else 0.0

    def _black(self) -> float | None:
        black = self._pages[-1].black
        return None if black is None or not self._seconds[-1].up_video_bps else float(black)

    def _slow(self) -> float:
        """The part of the window in which the device was slow, half at least if its newest word says so."""
        part = self._said[1] / self._said[0]
        return max(0.5, part) if self._pages[-1].limited_by == "cpu" else part

    def _up_jitter(self) -> float:
        return float(_middle([second.up_jitter_ms for second in self._seconds]))

    def _trip(self, seconds: int = WINDOW) -> float:
        lately = list(self._seconds)[-seconds:]
        return float(_middle([second.rtt_ms for second in lately if second.rtt_ms is not None]))

    def _down_room(self) -> float | None:
        """What the way to the page carries, once that is known."""
        known = [s.down_sustained_bps for s in self._seconds if s.down_sustained_bps]
        if len(known) * 2 <= len(self._seconds):
            return None
        pictures = self._shown and any(s.down_video_packets or s.paused for s in self._seconds)
        if not pictures and _middle([s.link_queue_ms for s in self._seconds]) < VOICE_QUEUE_MS:
            return None
        room, latest = float(_middle(known)), self._seconds[-1]
        if pictures and latest.link_queue_ms >= STANDING_QUEUE_MS and latest.down_sustained_bps:
            room = min(room, float(latest.down_sustained_bps))
        jitter = _middle(self._jitters)
        if self._count < self._narrowed and max(jitter, self._jitters[-1]) <= SERIAL_MS / room:
            return room
        if self._wavering(jitter, room):
            return None
        if room <= _NARROW_BPS:
            self._narrowed = self._count + BASE_WINDOW
        return room

    def _wavering(self, jitter: int, room: float) -> bool:
        """Whether uneven delay alone explains so low an estimate."""
        seconds = self._seconds
        if self._jitters[-1] >= WAVERING_MS and max(s.link_queue_ms for s in seconds) < WAVE_MS:
            return True
        if jitter >= UNSTEADY_MS and room > UNSTEADY_ROOM_BPS:
            return True
        sent = sum(s.down_audio_bps + s.down_video_bps + s.down_repair_bps for s in seconds) / len(seconds)
        return jitter >= VERY_UNSTEADY_MS and room > UNFILLED * sent

    def _choked(self) -> float | None:
        """What a queue lets through that fills or overflows on the way to us: told by the last second alone, before
        the queue is full and loses in rows, and before a page has reported."""
        latest = self._seconds[-1]
        if self._count >= self._uneasy or len(self._longer) < LEAST_FLOWS:
            return None
        before = list(self._longer)[-FLOW_WINDOW:]
        filling = latest.up_jitter_ms >= FILLING_MS and not latest.up_lost
        if filling and self._choked_at != self._count - 1:
            filling = latest.up_audio_packets < SLOW_VOICE * _usual([one.up_audio_packets for one in before])
        if not filling and not self._overflows():
            return None
        self._squeezed = self._count + BASE_WINDOW
        flows = [one.up_audio_bps + one.up_video_bps for one in before]
        usual, limit = _usual(flows), self._limit()
        usual = min(usual, limit) if limit else usual
        if not LEAST_CARRIED_BPS <= flows[-1] <= CHOKED * usual:
            return None
        self._choked_at = self._count
        return float(flows[-1])

    def _overflows(self) -> bool:
        """Whether packets are lost, or were a moment ago, behind a queue that makes the round trip longer."""
        seconds = self._seconds
        trip, base = seconds[-1].rtt_ms, self._base
        if trip is None or base is None or trip - base - self._echo < FULL_QUEUE_MS:
            return False
        return any(seconds[-ago].up_lost for ago in range(1, min(LOST_LATELY, len(seconds)) + 1))

    def _up_room(self) -> float | None:
        """What the page's camera gets through, where something shows that it wants more: the page says so, or a queue
        on its way to us. None: nothing speaks of a narrow uplink."""
        seconds = self._seconds
        rate = self._camera_bits / len(seconds)
        limit = self._limit()
        held_back = rate < (0.5 * limit if limit else _HELD_BACK_BPS)
        if not held_back:
            return None
        jitter = self._up_jitter()
        if (jitter >= UNSTEADY_MS and rate > STARVED_BPS) or self._uneven_up():
            return None  # a page slows down on a path of uneven speed as well
        queue = self._trip(RECENT) - (self._base or 0) - self._echo
        full = queue >= QUEUE_MS or jitter >= JITTERY_MS
        says = _part(self._said[2], self._said[0])
        if says is not None and says >= 0.5 and not self._whole_picture():
            slowed_by_loss = queue < QUEUE_MS and share(self._up[1], self._up[0]) >= SLOWING_LOSS
            shown = full or self._count < self._squeezed or rate <= STARVED_BPS
            believed = shown or self._wanting >= WANTING
            return rate if rate <= _SLOWED_CAMERA_BPS and believed and not slowed_by_loss else None
        return rate if rate < NARROW_CAMERA_BPS and full else None

    def _limit(self) -> int:
        """The least that we allowed the page's pictures lately; 0: as much as it likes."""
        lately = list(self._longer)[-LIMITED:]
        return min([second.up_limit_bps for second in lately if second.up_limit_bps], default=0)

    def _whole_picture(self) -> bool:
        """Whether the page sends all the lines it ever sent, and pictures enough: a browser says "bandwidth" for a
        while after a narrow beginning, and a calm picture needs little."""
        page = self._pages[-1]
        lines, pictures = page.height_sent or 0, page.fps_sent or 0.0
        return lines >= max(self._tallest, WHOLE_LINES) and pictures >= WHOLE_FPS

    def _uneven_up(self) -> bool:
        """Whether the delay on the way to us goes up and down with all of the voice coming through."""
        seconds = list(self._seconds)
        if self._count < self._squeezed or len(self._longer) < UNEVEN_FROM:
            return False
        if not VERY_UNSTEADY_MS <= min(second.up_jitter_ms for second in seconds[-UNEVEN_SECONDS:]) < WAVE_JITTER_MS:
            return False
        usual = _usual([one.up_audio_packets for one in list(self._longer)[-FLOW_WINDOW:]])
        came = sum(second.up_audio_packets for second in seconds[-UNEVEN_SECONDS:])
        return came >= WHOLE_VOICE * UNEVEN_SECONDS * usual > 0


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


def _usual(values: list[int]) -> int:
    """What there is when nothing holds it back."""
    return sorted(values)[-FLOW_RANK]


def _part(part: int, whole: int) -> float | None:
    return part / whole if whole else None
