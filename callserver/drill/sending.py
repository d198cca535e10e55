"""What our pages send within what their own connection carries: web/shared/sending.js in Python, law by law."""

import re
from dataclasses import dataclass
from math import inf

LOOK_SECONDS = 0.5
SMALLER = ((4, 90_000), (2, 220_000))
"""By how much to divide width and height below how many bits a second."""
NARROW_BPS, THIN_BPS = 350_000, 90_000
"""Estimates below which the voice goes once, and below which in long frames."""
START_BPS, UNMOVED = 100_000, 1.05
"""What the server's offer makes every connection begin with (media/io/offer.py), and how far up it creeps by itself.
An estimate that has not left there says nothing yet, nor does one that grows."""
VOICE_BPS = 80_000
"""Below it a picture is left out once the connection is full, and tried again later.

libwebrtc's estimate goes no lower than the least its encoders make, 57 to 84 kbit/s: it cannot tell 40 from 80."""
AGAIN = 1.3
"""How much more a step back up takes."""
SPARED, COSTS = 0.85, (100_000, 46_000, 30_000, 30_000)
"""What of the estimate we use, and what the voice takes of that on the wire in each step."""
FLAT_BPS, FELL, GROWTH = 250_000, 0.8, 1.005
"""Below the first we keep under what an estimate had reached before it fell by more than the second; that grows by the
third a look (1 % a second). An estimate that is followed up to where it falls makes a queue every ten seconds."""
CAUTIOUS_SECONDS = 3.0
"""After the answer: until then nobody knows what a narrow connection carries, pictures of nothing have not tried it."""
AMPLE_BPS = 1_200_000
"""An estimate beyond which the voice does not count."""
LEAST_VIDEO_BPS = 20_000
UNTRIED_BPS, UNHEARD_BPS, TRIED_BPS = 250_000, 1_000_000, 200_000
"""The first until the browser's first probes have told what the connection carries, or already more than the third; the
second until somebody sees us. libwebrtc probes with twice what encoders may make at most, and again when that grows
(probe_controller.cc), but only once there is a packet as large: the first picture after the answer. Where that is 8 kB
it stands in front of the voice for half a second at 150 kbit/s; where it does not come the estimate of a good
connection grows by 8 % a second only. So what may be made grows with the answer where there is room for the probe."""
FAIR_AUDIO_BPS, WEAK_AUDIO_BPS, WEAKEST_AUDIO_BPS = 24_000, 20_000, 12_000
"""Wide-band Opus still sounds natural at the first two and is understood at the third (RFC 6716 §2.1.1)."""
QUEUE_SECONDS = 0.3
"""A round trip so much longer than the shortest tells that the connection is full."""
STILL_SECONDS, THIN_SECONDS, WIDER_SECONDS = 1.0, 2.5, 5.0
"""How long it is full before pictures wait, how long thin before frames are long (a step is heard), how long wide again
before a step back up."""
WORTH_A_WORD_SECONDS = 2.0
"""How long pictures wait before both sides are told."""
SHORT_PATIENCE, PATIENCE, MOST_PATIENCE = 5.0, 20.0, 80.0
"""Seconds until pictures are tried again where they fitted before, where they did not, and at most: no estimate grows
far beside a voice alone, nothing tells that a tunnel is over. A try that fails costs the voice half a second."""
ROOMY_BPS = 54_000
"""An estimate beside a voice alone that 40 kbit/s do not reach: the voice gets the most of the three; below it we wait
twice as long before pictures are tried."""
CALM_SECONDS = 20.0
"""Without a queue, from which on lost packets say nothing of what a connection carries."""
LOW_BPS, LIFT, LIFT_SECONDS, HELD, FAILED_SECONDS = 1_300_000, 2.0, 1.0, 0.5, 5.0
"""Estimates of a lossy connection below which it is multiplied, and again after so long if that much of it held, or so
long if not: with what is sent again and parity, pictures worth having take twice their rate."""
_START = re.compile(r"(x-google-start-bitrate=)\d+")
_AUDIO = re.compile(r"^(m=audio \d+ \S+) (\d+) (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class WayOut:
    """What the browser's statistics and the server say of a connection's way out."""

    available_bps: float | None
    round_trip: float | None
    """Seconds."""
    told_full: bool = False
    """The server sees a queue."""
    lossy: bool = False
    """The server misses packets by chance: what we hold back would hold the estimate back as well."""
    pictures: bool = True
    """Whether any are sent: a voice alone does not try what the connection carries."""


@dataclass(frozen=True)
class Limits:
    """For setParameters. 0: as you like."""

    audio_bps: int
    video_bps: int
    downscale: int
    pictures: bool
    voice: bool
    heard: bool
    """Whether somebody sees and hears us: until then the size stays, or libwebrtc, which at less than 300 kbit/s begins
    with 320x240, stays there for long (video_stream_encoder.cc)."""


def downscale(bps: float, before: int) -> int:
    """By how much to divide width and height for a picture of so many bits a second.

    Many small pictures say more than few large ones; libwebrtc goes no lower than 320x180 by itself.
    """
    for factor, below in SMALLER:
        if bps < below * (AGAIN if before >= factor else 1.0):
            return factor
    return 1


class Sending:
    """Steps: 0 as the server offers, 1 the voice once, 2 in frames of 60 ms, 3 without pictures."""

    def __init__(self) -> None:
        self.step = 0
        self.heard = False
        """Whether anybody has heard us yet. Before, silence (55 kbit/s with its headers) leaves only with room:
        an encoder that runs is heard 30 ms sooner."""
        self._available = 0.0
        self._settled = False
        self._ceiling = self._shortest = inf
        self._narrowed = self._live = self._fitted = False
        self._live_since = self._full_since = self._thin_since = self._above_since = inf
        self._paused_at = self._tried_at = -inf
        self._patience = PATIENCE
        self._downscale = 1
        self._cautious = True
        self._start_bps = 0
        """What the browser is told to take for its estimate; 0: as the server offers."""
        self._lifted_at = self._full_at = -inf

    def look(self, way: WayOut, live: bool, now: float) -> None:
        """Every LOOK_SECONDS. `live`: somebody hears us already."""
        available = way.available_bps or 0.0
        known = available if way.pictures or available < START_BPS else 0.0
        before = self._available
        self._measured(known or before)
        self._live = live
        self._live_since = min(self._live_since, now) if live else inf
        self._shortest = min(self._shortest, way.round_trip or inf)
        full = way.told_full or (way.round_trip or 0.0) > self._shortest + QUEUE_SECONDS
        self._full_since = min(self._full_since, now) if full else inf
        self._fitted = self._fitted or (live and not full and self._available >= NARROW_BPS)
        self._full_at = now if full else self._full_at
        wanted = self._wanted(full, now)
        if way.lossy and now - self._full_at >= CALM_SECONDS:
            self.step = wanted = 0
            self._lift(now)
        creeps = known >= START_BPS and max(known, before) <= UNMOVED * START_BPS
        self._settled = self._settled or full or (0.0 < known <= UNMOVED * before and not creeps)
        if wanted > self.step and self._settled:
            self._narrower(wanted, now)
        elif self.step == 3:
            self._try(full, now)
        else:
            self._wider(full, now)
        untried = self._narrowed and (now - self._live_since < CAUTIOUS_SECONDS or not live)
        fell = self._ceiling < inf and self._available < FLAT_BPS
        self._cautious = not way.lossy and (fell or (untried and self._available < NARROW_BPS))

    def _lift(self, now: float) -> None:
        """Packets are lost by chance and none stands in a queue: an estimate that loss holds down is set anew.

        Where probes of five packets do not come through libwebrtc adds 8 % a second to what it began with.
        """
        tried = now - max(self._live_since, self._lifted_at)
        patience = LIFT_SECONDS if self._available >= HELD * self._start_bps else FAILED_SECONDS
        if 0 < self._available < LOW_BPS and (tried >= patience or not self._start_bps):
            before = self._start_bps
            self._start_bps = int(LIFT * self._available / 1000) * 1000
            self._start_bps += 1000 * (self._start_bps == before)
            self._lifted_at = now

    def _measured(self, available: float) -> None:
        """An estimate that fell tells what the connection carried: we stay below for a while, each try is heard."""
        if self._available < FLAT_BPS and available < FELL * self._available:
            self._ceiling = self._available
        self._available = available
        self._ceiling = self._ceiling * GROWTH if available < FLAT_BPS else inf

    def _wanted(self, full: bool, now: float) -> int:
        if full:
            trying = now - self._tried_at < PATIENCE
            return 3 if not self._live or trying or now - self._full_since >= STILL_SECONDS else 2
        self._thin_since = min(self._thin_since, now) if 0 < self._available < THIN_BPS else inf
        if now - self._thin_since >= (THIN_SECONDS if self._live else 0.0):
            return 2
        return int(0 < self._available < NARROW_BPS)

    def _narrower(self, step: int, now: float) -> None:
        self.step, self._narrowed, self._above_since = step, True, inf
        if step == 3:
            failed = now - self._tried_at < PATIENCE
            first = SHORT_PATIENCE if self._fitted else PATIENCE
            self._patience = min(2 * self._patience, MOST_PATIENCE) if failed else first
            self._paused_at = now

    def _try(self, full: bool, now: float) -> None:
        patience = self._patience * (2 if 0 < self._available < ROOMY_BPS else 1)
        if not full and (self._available >= VOICE_BPS or now - self._paused_at >= patience):
            self.step, self._tried_at = 2, now

    def _wider(self, full: bool, now: float) -> None:
        if not self.step or full or 0 < self._available <= (NARROW_BPS, THIN_BPS)[self.step - 1] * AGAIN:
            self._above_since = inf
            return
        self._above_since = min(self._above_since, now)
        if now - self._above_since >= (WIDER_SECONDS if self._narrowed else 0.0):
            self.step, self._above_since = self.step - 1, inf

    def waits(self, now: float) -> bool:
        """Whether our pictures wait, for so long that it is worth a word."""
        since = max(self._paused_at, self._live_since)
        return self.step == 3 and self._live and now - since >= WORTH_A_WORD_SECONDS

    def limits(self, audio_bps: int, video_bps: int) -> Limits:
        """Within what the server wishes for the far side's sake (bit/s, 0: as you like)."""
        room = size = video_bps or inf
        untried = not self._settled and not self.heard and self._available < TRIED_BPS
        if not self.heard:
            room = min(room, UNTRIED_BPS if untried else UNHEARD_BPS)
        if not untried and 0 < self._available < AMPLE_BPS:
            own = max(min(self._available, self._ceiling) * SPARED - COSTS[self.step], LEAST_VIDEO_BPS)
            size = min(size, own)
            if self._cautious:
                room = min(room, own)
        self._downscale = SMALLER[0][0] if self.step > 1 else downscale(size, self._downscale)
        return Limits(
            self._voice_bps(audio_bps),
            0 if room == inf else int(room),
            self._downscale,
            self.step < 3,
            self.heard or self._available > NARROW_BPS,
            self.heard,
        )

    def _voice_bps(self, wished: int) -> int:
        if not self.step:
            return wished
        most = WEAK_AUDIO_BPS
        if self.step == 3:
            alone = FAIR_AUDIO_BPS if self._available >= ROOMY_BPS else WEAK_AUDIO_BPS
            most = alone if self._full_since == inf else WEAKEST_AUDIO_BPS
        return min(most, wished or most)

    def shaped(self, offer: str) -> str:
        """The server's offer as we answer it: with Opus before RED the voice is sent once, with a frame length as told.

        A start bitrate that differs from the one before becomes the estimate (rtp_bitrate_configurator.cc).
        libwebrtc's allocation does not count what RED adds: on a narrow connection its own voice fills the queue.
        """
        if self._start_bps:
            offer = _START.sub(rf"\g<1>{self._start_bps // 1000}", offer)
        if self.step == 0:
            return offer
        once = _AUDIO.sub(r"\1 \3 \2", offer)
        return once.replace("minptime=10", "minptime=10;ptime=60") if self.step > 1 else once
