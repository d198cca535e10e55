"""One leg's counters at one moment, as the bridge keeps them anyway. What follows from two of them is in monitor.py."""

from typing import NamedTuple


class Reading(NamedTuple):
    """Counters grow for ever, gauges are of now. Seconds, bits per second, bytes; fractions 0..1."""

    rtt: float | None = None
    level: int | None = None
    """The loudest voice packet since the last reading, -dBov."""
    # From the page: fates of all packets by transport-wide number, before repair.
    up_packets: int = 0
    up_lost: int = 0
    up_runs: int = 0
    up_audio_expected: int = 0
    up_audio_missing: int = 0
    """After copies and retransmission; may fall when something comes late."""
    up_video_expected: int = 0
    up_video_missing: int = 0
    up_jitter: float = 0.0
    up_audio_bytes: int = 0
    up_video_bytes: int = 0
    up_limit_bps: float = float("inf")
    up_pictures: int | None = None
    up_nacks: int = 0
    up_plis: int = 0
    # To the page.
    down_packets: int = 0
    down_lost: int = 0
    down_runs: int = 0
    down_audio_sent: int = 0
    down_audio_reported: int = 0
    """Lost of these after the page's receiver reports, which come every second to every five."""
    down_video_sent: int = 0
    down_jitter: float = 0.0
    down_audio_bytes: int = 0
    down_video_bytes: int = 0
    down_protection_bytes: int = 0
    down_repair_bytes: int = 0
    target_bps: float = 0.0
    sustained_bps: float = 0.0
    limited: bool = False
    """The rate is known, not assumed."""
    distances: tuple[int, ...] = ()
    parity: float = 0.0
    repeats: int = 1
    down_pictures: int = 0
    down_frozen: float = 0.0
    down_nacks: int = 0
    down_plis: int = 0
    paused: bool = False
    pacer_queue: float = 0.0
    link_queue: float = 0.0
