"""From counters to seconds: what grew between two readings of a leg. One object a leg, read about once a second."""

from media.api import LegSecond
from media.quality.hearing import DIGITAL
from media.quality.reading import Reading
from media.quality.residual import picture_residual, voice_residual

INTERVAL = 1.0
MAX_KEPT = 30
"""Seconds that wait for their reader; the oldest go."""
LEAST_WINDOW = 0.5
LEAST_GAP = 25
"""Packets of voice, half a second, that must be missing unseen: less is the two reports' different times."""
ALARMING_LOSS, ALARMING_MS = 0.03, 20
ALARMING_SILENCE = 60
"""Seconds in a row: of a longer silence nothing new is to be told."""
_MAX_BPS = 1 << 40
_RESTARTED = 50
"""A count that falls by more than that began anew with another stream."""


class LegMonitor:
    """Feed it readings in order; take the seconds."""

    def __init__(self, reading: Reading, now: float) -> None:
        self._before = reading
        self._since = now
        self._audio_missing = _Settled(reading.up_audio_missing)
        self._video_missing = _Settled(reading.up_video_missing)
        self._unseen = _Unseen(reading.down_audio_reported)
        self._seconds: list[LegSecond] = []
        self._silent = 0
        self.alarming = False
        """Whether the last second was so that it should not wait for its reader."""
        self.due = now + INTERVAL

    def take(self, reading: Reading, now: float, wall_time: float) -> LegSecond | None:
        """The second that ends now; None if the last one ended only just."""
        elapsed = now - self._since
        if elapsed < LEAST_WINDOW:
            return None
        second = self._second(self._before, reading, elapsed, wall_time)
        self._before, self._since, self.due = reading, now, now + INTERVAL
        self._seconds.append(second)
        self._silent = self._silent + 1 if second.level is not None and second.level >= DIGITAL else 0
        self.alarming = 0 < self._silent <= ALARMING_SILENCE or _alarming(second)
        if len(self._seconds) > MAX_KEPT:
            del self._seconds[0]
        return second

    @property
    def waiting(self) -> bool:
        """Whether there are seconds to take."""
        return bool(self._seconds)

    def drain(self) -> tuple[LegSecond, ...]:
        """The seconds since the last call, oldest first."""
        seconds, self._seconds = tuple(self._seconds), []
        return seconds

    def _second(self, old: Reading, new: Reading, elapsed: float, wall_time: float) -> LegSecond:
        bits = 8 / elapsed
        lost, packets, runs = new.down_lost - old.down_lost, new.down_packets - old.down_packets, new.down_runs
        loss = min(1.0, lost / packets) if packets > 0 else 0.0
        burst = lost / (runs - old.down_runs) if runs > old.down_runs else 1.0
        frames = None if new.up_pictures is None or old.up_pictures is None else new.up_pictures - old.up_pictures
        voices = max(0, new.down_audio_sent - old.down_audio_sent)
        gap = self._unseen.share(new.down_audio_reported, voices, loss)
        return LegSecond(
            round(wall_time, 3),
            None if new.rtt is None else _ms(new.rtt),
            new.level,
            max(0, new.up_packets - old.up_packets),
            max(0, new.up_lost - old.up_lost),
            max(0, new.up_runs - old.up_runs),
            max(0, new.up_audio_expected - old.up_audio_expected),
            self._audio_missing.grown(new.up_audio_missing),
            max(0, new.up_video_expected - old.up_video_expected),
            self._video_missing.grown(new.up_video_missing),
            _ms(new.up_jitter),
            _rate(new.up_audio_bytes - old.up_audio_bytes, bits),
            _rate(new.up_video_bytes - old.up_video_bytes, bits),
            _bounded(new.up_limit_bps),
            None if frames is None else max(0, frames),
            max(0, new.up_nacks - old.up_nacks),
            max(0, new.up_plis - old.up_plis),
            max(0, packets),
            max(0, lost),
            max(0, runs - old.down_runs),
            voices,
            round(max(gap, voice_residual(loss, burst, new.distances)), 4),
            max(0, new.down_video_sent - old.down_video_sent),
            round(picture_residual(loss, new.rtt or 0.1, new.repeats, new.parity), 4),
            _ms(new.down_jitter),
            _rate(new.down_audio_bytes - old.down_audio_bytes, bits),
            _rate(new.down_video_bytes - old.down_video_bytes, bits),
            _bounded(new.target_bps) if new.limited else 0,
            _bounded(new.sustained_bps) if new.limited else 0,
            _rate(new.down_protection_bytes - old.down_protection_bytes, bits),
            _rate(new.down_repair_bytes - old.down_repair_bytes, bits),
            max(0, new.down_pictures - old.down_pictures),
            min(1000, _ms(new.down_frozen - old.down_frozen)),
            max(0, new.down_nacks - old.down_nacks),
            max(0, new.down_plis - old.down_plis),
            len(new.distances),
            round(new.parity * 100),
            new.paused,
            _ms(new.pacer_queue),
            _ms(new.link_queue),
        )


class _Unseen:
    """Voice in gaps so long that the page's transport-wide feedback leaves them out (libwebrtc forgets after half a
    second): what its receiver reports count as lost beyond what that feedback told. Known a few seconds late."""

    __slots__ = ("_owed", "_reported", "_sent", "_told")

    def __init__(self, reported: int) -> None:
        self._reported = reported
        self._sent, self._told, self._owed = 0, 0.0, 0.0

    def share(self, reported: int, sent: int, loss: float) -> float:
        """Of the voice of this second that counts as lost in a gap."""
        self._sent += sent
        self._told += loss * sent
        if reported != self._reported:
            more = min(reported - self._reported, self._sent) - self._told
            if more >= LEAST_GAP:
                self._owed += more
            self._reported, self._sent, self._told = reported, 0, 0.0
        if self._owed <= 0.0 or sent <= 0:
            return 0.0
        now = min(self._owed, float(sent))
        self._owed -= now
        return now / sent


class _Settled:
    """A count of missing packets that falls when they come late: what is missing now and was a second ago is lost."""

    __slots__ = ("_before", "_counted")

    def __init__(self, count: int) -> None:
        self._before = self._counted = count

    def grown(self, count: int) -> int:
        settled, self._before = min(self._before, count), count
        new = settled - self._counted
        if new > 0 or new < -_RESTARTED:
            self._counted = settled
        return max(0, new)


def _alarming(second: LegSecond) -> bool:
    """Roughly where the rules of the verdict begin; what is told early is judged there."""
    return (
        second.up_lost > ALARMING_LOSS * second.up_packets
        or second.down_lost > ALARMING_LOSS * second.down_packets
        or second.up_jitter_ms >= ALARMING_MS
        or second.link_queue_ms >= ALARMING_MS
        or not (second.up_audio_bps or second.up_video_bps)
    )


def _rate(octets: int, bits: float) -> int:
    return max(0, round(octets * bits))


def _ms(seconds: float) -> int:
    """Milliseconds, 0 to a minute, whatever comes."""
    return round(min(seconds, 60.0) * 1000) if seconds > 0.0 else 0


def _bounded(bps: float) -> int:
    """0 stands for "no limit"."""
    return round(bps) if 0 < bps < _MAX_BPS else 0
