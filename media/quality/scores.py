"""Scores of one second: what a side hears, what it sees, and how its connection is. 1 (bad) to 5 (excellent)."""

from collections.abc import Sequence
from math import exp
from typing import NamedTuple

from media.api import LegSecond
from media.quality.emodel import burst_ratio, effective_impairment, wideband_opinion, wideband_rating
from media.quality.opus import ROBUSTNESS, impairment
from media.quality.page import PageView
from media.quality.pictures import picture_score

DEFAULT_BUFFER = 0.06
"""How long a browser lets voice wait on a calm link, seconds."""
PACKET_DELAY = 0.03
"""A frame of 20 ms, its look-ahead, and playing."""
NO_PAGE = PageView()
_LOSS_HALF, _LOSS_POWER = 0.12, 1.5
_RTT_HALF_MS = 700.0
_EVEN_MS, _UNEVEN_MS = 10, 80.0
"""Jitter that a buffer takes anyway, and how much more costs a good deal: a queue on the uplink shows in nothing else
while it fills."""
_QUEUE_HALF_MS = 400.0
_NARROW_BPS = 400_000.0
_OUTAGE_PACKETS = 5
MAX_BURST_RATIO = 1.2
"""Rows cost hardly more than single losses, once repair and concealment are counted as they are here."""
STRETCH_COST, STRETCH_HALF = 60.0, 0.02
"""What voice costs that is played slower or faster to follow the path: the most, on the scale of R, and the share that
costs half of it. The E-model has no such term; this one follows PESQ of drills (P.834.1 does the same for codecs)."""
FLOWING = 20
"""Packets of voice a second, fewer than half of a talker's: with them, silence at the listener's end is a gap."""
SILENT_ROW = 12.0
"""Packets lost in a row (a quarter of a second) from which on a browser conceals by silence, and does not count it."""


class Score(NamedTuple):
    """What one leg hears and sees; None where there was nothing to hear, to see or to tell."""

    audio: float | None
    video: float | None
    connection: float


def score(own: LegSecond, far: LegSecond | None, page: PageView = NO_PAGE) -> Score:
    """The second of a leg, with the same second of the leg it hears and what its page says."""
    return scored(own, voice_path(own, far, page), page)


def scored(own: LegSecond, path: "VoicePath | None", page: PageView = NO_PAGE) -> Score:
    """The same where the voice's path is known."""
    return Score(voice_score(path) if path is not None else None, video(own, page), connection(own))


class VoicePath(NamedTuple):
    """What the E-model needs of a stretch of time."""

    missing: float
    """Share of the voice that was not there when it was to be played."""
    burst_length: float
    bps: float
    delay: float
    """Seconds from mouth to ear."""
    stretched: float = 0.0
    """Share that was put in or taken out to play slower or faster."""


def voice_path(own: LegSecond, far: LegSecond | None, page: PageView = NO_PAGE) -> VoicePath | None:
    """One second of the way to this leg; None where no voice was sent."""
    if not own.down_audio_packets and page.concealed is None and not _stalled(far):
        return None
    burst = max(length(own.down_lost, own.down_runs), length(far.up_lost, far.up_runs) if far is not None else 1.0)
    bps = own.down_audio_bps / (1 + own.copies)
    return VoicePath(missing_voice(own, far, page), burst, bps, one_way_delay(own, far, page), page.stretched or 0.0)


def mean_path(paths: Sequence[VoicePath]) -> VoicePath | None:
    """Seconds joined: two seconds of silence in a minute are 3 % of loss in bursts, not 58 perfect seconds."""
    if not paths:
        return None
    bps = [path.bps for path in paths if path.bps]
    return VoicePath(
        sum(path.missing for path in paths) / len(paths),
        max(path.burst_length for path in paths),
        sum(bps) / len(bps) if bps else 0.0,
        sum(path.delay for path in paths) / len(paths),
        sum(path.stretched for path in paths) / len(paths),
    )


def missing_voice(own: LegSecond, far: LegSecond | None, page: PageView) -> float:
    """Share of voice that was not there when it was to be played: what the page says, else what we estimate. A page
    counts long gaps as silence: those we know."""
    if _stalled(far):
        return 1.0
    up = 0.0 if far is None else share(far.up_audio_missing, far.up_audio_packets)
    estimate = 1.0 - (1.0 - up) * (1.0 - own.down_audio_residual)
    if page.concealed is None:
        return estimate
    gap_up = up if far is not None and length(far.up_lost, far.up_runs) >= SILENT_ROW else 0.0
    gap_down = own.down_audio_residual if length(own.down_lost, own.down_runs) >= SILENT_ROW else 0.0
    silenced = page.silenced or 0.0 if own.down_audio_packets >= FLOWING else 0.0
    return max(min(1.0, page.concealed + silenced), gap_up, gap_down)


def _stalled(far: LegSecond | None) -> bool:
    return far is not None and not far.up_audio_packets and not far.up_audio_bps


def voice_score(path: VoicePath, *, conversation: bool = True) -> float:
    """MOS after the wide-band E-model; with `conversation` False of listening only, without what delay costs."""
    burst = min(burst_ratio(path.missing, path.burst_length), MAX_BURST_RATIO)
    factor = effective_impairment(impairment(path.bps), ROBUSTNESS, path.missing, burst)
    factor += STRETCH_COST * path.stretched / (path.stretched + STRETCH_HALF)
    return round(wideband_opinion(wideband_rating(path.delay if conversation else 0.0, factor)), 2)


def one_way_delay(own: LegSecond, far: LegSecond | None, page: PageView) -> float:
    """Seconds from mouth to ear: half of both round trips, framing, and the time in the listener's buffer."""
    trips = ((own.rtt_ms or 0) + (far.rtt_ms or 0 if far is not None else 0)) / 2000.0
    waited = page.buffer_ms / 1000.0 if page.buffer_ms is not None else DEFAULT_BUFFER + own.down_jitter_ms / 500.0
    return trips + PACKET_DELAY + min(waited, 2.0)


def video(own: LegSecond, page: PageView = NO_PAGE) -> float | None:
    """None while nobody sends pictures to this leg; 1 while they are paused for want of rate."""
    if own.paused:
        return 1.0
    fps = page.fps if page.fps is not None else float(own.down_frames)
    if not own.down_video_packets or not own.down_frames:
        return 1.0 if own.down_freeze_ms >= 900 else None
    frozen = max(own.down_freeze_ms / 1000.0, page.frozen or 0.0)
    return round(picture_score(own.down_video_bps, fps, frozen, page.height), 2)


def connection(own: LegSecond) -> float:
    """How much the network of this leg hurts, both ways, before repair."""
    if not own.up_audio_packets and not own.up_video_packets and not own.up_audio_bps and not own.up_video_bps:
        return 1.0
    good = 1.0 / (1.0 + ((own.rtt_ms or 0) / _RTT_HALF_MS) ** 2)
    if own.up_lost or own.down_lost:
        loss = max(raw_loss(own.up_lost, own.up_packets), raw_loss(own.down_lost, own.down_packets))
        good /= 1.0 + (loss / _LOSS_HALF) ** _LOSS_POWER
    if own.up_jitter_ms > _EVEN_MS:
        good *= exp((_EVEN_MS - own.up_jitter_ms) / _UNEVEN_MS)
    if own.link_queue_ms:
        good *= exp(-own.link_queue_ms / _QUEUE_HALF_MS)
    if 0 < own.down_sustained_bps < _NARROW_BPS:
        good *= (own.down_sustained_bps / _NARROW_BPS) ** 0.5
    return round(1.0 + 4.0 * good, 2)


def raw_loss(lost: int, packets: int) -> float:
    """Share lost on the way; of a handful of packets nothing can be said."""
    return share(lost, packets) if packets >= _OUTAGE_PACKETS else 0.0


def share(part: int, whole: int) -> float:
    """0 to 1; 0 of nothing."""
    return min(1.0, part / whole) if whole > 0 else 0.0


def length(lost: int, runs: int) -> float:
    """Mean number lost in a row."""
    return max(1.0, lost / runs) if runs > 0 else 1.0
