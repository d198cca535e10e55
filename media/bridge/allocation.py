"""How a leg's target is split: voice and its copies first, then pictures, repair and parity; and when pictures stop.

Pure decisions from what is known of the leg; bridge/downlink applies them. Bit rates are those of the link: RTP packets
and LINK_OVERHEAD_BYTES for each.
"""

from math import sqrt
from typing import NamedTuple

from media.send.red import choose_distances

LINK_OVERHEAD_BYTES = 28 + 16
"""IPv4, UDP and the SRTP tag: what a packet costs on the link beside its RTP bytes."""
AUDIO_PACKETS_PER_SECOND = 50
MIN_VIDEO_BPS = 30_000
"""Below this a moving picture is not worth its bits: the leg goes to voice only …"""
RESUME_VIDEO_BPS = 50_000
RESUME_SECONDS = 2.0
"""… and comes back when this much was free for so long …"""
EARLY_SECONDS, MAX_RESUME_SECONDS = 10.0, 16.0
"""… twice as long each time if it did not last: pictures that come and go are worse than none …"""
AMPLE_RESUME_BPS, AMPLE_RESUME_SECONDS = 300_000, 0.6
"""… or so much for a moment: a probe has shown that the link is wide again."""
NARROW_BPS = 60_000
"""Below this target headers of 20 ms packets are too dear: frames are joined …"""
VERY_NARROW_BPS = 36_000
SHARED_NARROW_BPS = 180_000
"""… and below this one too, if that leaves pictures what they need."""
PARTING = 1.2
"""They are parted again only when there is so much more: a receiver's jitter buffer stretches voice for each change."""
DRAINING_SHARE = 0.8
MAX_PARITY = 1.0
REPAIR_FASTER_THAN_PARITY_SECONDS = 0.06
NOTICEABLE_LOSS, RARE_LOSS = 0.01, 0.002
REPAIR_TOO_LATE_SECONDS = 0.3
"""From this round trip on copies and parity must do without retransmission, so that rare losses count as noticeable."""
REPEATED_REPAIR_LOSS, REPEATED_AGAIN_LOSS = 0.12, 0.4
"""From this loss on a retransmission leaves twice, and three times: asking once more would cost another round trip."""
UNHEARD_LOSS = 0.08
"""Of requests: from here on pictures must come whole without them."""
FRAMES_PER_SECOND = 30
_PACKET_BITS = 1_100 * 8


class LinkView(NamedTuple):
    """What is known of a leg's downlink. Fractions 0..1, seconds, bits per second."""

    target_bps: float
    loss: float
    burst_length: float
    rtt: float
    audio_bps: float
    """What the voice needs at 20 ms a packet, headers included, without copies."""
    audio_payload_bps: float
    """Its payload only: the price of one copy."""
    video_max_bps: float = float("inf")
    """More than that no source sends: what is left over may protect."""
    sustained_bps: float = 0.0
    """What the link carries once its queue has drained; the target if that is more."""
    asking_loss: float = 0.0
    """Of the way back, on which the page asks for what it lacks."""


class Allocation(NamedTuple):
    """What to do with the target."""

    distances: tuple[int, ...]
    """Copies of voice (media/send/red.py)."""
    join_frames: int
    """20 ms frames in one packet: 1, 2 or 3."""
    video_bps: float
    """For the source's encoder; 0 while paused."""
    parity: float
    """Parity packets a video packet."""
    video_paused: bool
    repeats: int = 1
    """How often a retransmission leaves."""


class Allocator:
    """One per leg. Call `split` whenever the estimator spoke."""

    def __init__(self) -> None:
        self.paused = False
        self._joined = 1
        self._room_since: float | None = None
        self._ample_since: float | None = None
        self._patience = RESUME_SECONDS
        self._resumed_at: float | None = None

    def split(self, view: LinkView, now: float) -> Allocation:
        """Divide the target. While a queue drains the pacer has much less, the source is told to send a little less:
        it would need seconds to come back from that."""
        draining = view.target_bps < view.sustained_bps
        view = view._replace(target_bps=max(view.target_bps, view.sustained_bps))
        if view.rtt > REPAIR_TOO_LATE_SECONDS and view.loss >= RARE_LOSS:
            view = view._replace(loss=max(view.loss, NOTICEABLE_LOSS))
        parting = _join_frames(view._replace(target_bps=view.target_bps / PARTING))
        joined = self._joined = max(_join_frames(view), min(self._joined, parting))
        audio = max(view.audio_bps - _saved_headers(joined), view.audio_payload_bps)
        spare = max(view.target_bps - audio, 0.0)
        copies = spare * (0.9 if view.target_bps < 4 * audio else 0.5) / max(view.audio_payload_bps, 1.0)
        distances = choose_distances(view.loss, view.burst_length, copies)
        left = max(0.0, spare - len(distances) * view.audio_payload_bps)
        repeats = 1
        if view.burst_length < 2.0 or view.loss >= REPEATED_AGAIN_LOSS:
            repeats += (view.loss >= REPEATED_REPAIR_LOSS) + (view.loss >= REPEATED_AGAIN_LOSS)
        repair = repeats * view.loss / (1.0 - min(view.loss, 0.7))
        parity = parity_ratio(view.loss, view.burst_length, view.rtt, left)
        if parity:
            spare_ratio = left / view.video_max_bps - 1.0 - repair
            deviations = 2.0 if view.asking_loss < UNHEARD_LOSS else 3.0
            ample = ample_parity(view.loss, view.burst_length, view.video_max_bps, deviations)
            parity = max(parity, min(spare_ratio, ample))
        video = left / (1.0 + parity + repair)
        self._pause_or_resume(video, now)
        video *= DRAINING_SHARE if draining else 1.0
        if self.paused:
            return Allocation(distances, joined, 0.0, 0.0, True)
        return Allocation(distances, joined, video, parity, False, repeats)

    def _pause_or_resume(self, video_bps: float, now: float) -> None:
        if not self.paused:
            self.paused = video_bps < MIN_VIDEO_BPS
            self._room_since = self._ample_since = None
            if self.paused:
                early = self._resumed_at is not None and now - self._resumed_at < EARLY_SECONDS
                self._patience = min(2 * self._patience, MAX_RESUME_SECONDS) if early else RESUME_SECONDS
        elif video_bps < RESUME_VIDEO_BPS:
            self._room_since = self._ample_since = None
            return
        self._room_since = now if self._room_since is None else self._room_since
        if video_bps < AMPLE_RESUME_BPS:
            self._ample_since = None
        elif self._ample_since is None:
            self._ample_since = now
        ample = self._ample_since is not None and now - self._ample_since >= AMPLE_RESUME_SECONDS
        if ample or now - self._room_since >= self._patience:
            self.paused = False
            self._resumed_at = now


def _join_frames(view: LinkView) -> int:
    """20 ms frames a packet: more where headers would eat what voice or pictures need."""
    if view.target_bps < VERY_NARROW_BPS:
        return 3
    video = view.target_bps - view.audio_bps
    short = video < 2 * RESUME_VIDEO_BPS and video + _saved_headers(2) > MIN_VIDEO_BPS
    return 2 if view.target_bps < NARROW_BPS or (short and view.target_bps < SHARED_NARROW_BPS) else 1


def parity_ratio(loss: float, burst_length: float, rtt: float, left_bps: float) -> float:
    """Parity packets a video packet: none on a clean link or where a retransmission is as fast; more with loss.

    Sized so that most frames need no retransmission: the expected losses and a margin that grows with bursts.
    """
    if loss < NOTICEABLE_LOSS or (rtt < REPAIR_FASTER_THAN_PARITY_SECONDS and loss < 0.05):
        return 0.0
    if left_bps < 2 * MIN_VIDEO_BPS:
        return 0.0  # the bits are worth more as pictures
    if rtt > REPAIR_TOO_LATE_SECONDS:
        return ample_parity(loss, burst_length, left_bps)
    margin = 1.3 + 0.1 * min(burst_length - 1.0, 5.0)
    return min(margin * loss / (1.0 - min(loss, 0.6)), MAX_PARITY)


def ample_parity(loss: float, burst_length: float, video_bps: float, deviations: float = 2.0) -> float:
    """Parity with which 97 of 100 pictures need no retransmission: expected losses and two deviations of them. Three
    where what asks for a retransmission gets lost as well."""
    packets = max(3.0, video_bps / FRAMES_PER_SECOND / _PACKET_BITS) if video_bps < float("inf") else 3.0
    loss = min(loss, 0.6)
    deviation = sqrt(packets * loss * (1.0 - loss) * min(burst_length, 6.0))
    return min((packets * loss + deviations * deviation) / packets / (1.0 - loss), MAX_PARITY)


def _saved_headers(joined: int) -> float:
    """Bits per second of headers that joining frames saves (RTP header, extensions, IP, UDP, tag)."""
    packets = AUDIO_PACKETS_PER_SECOND * (1.0 - 1.0 / joined)
    return packets * 8 * (LINK_OVERHEAD_BYTES + 24)
