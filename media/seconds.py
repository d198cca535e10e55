"""What is measured of a leg: part of media.api, in a file of its own for its length."""

import msgspec


class LegSecond(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one second of a leg was like. Counts are of that second; `up`: from the page, `down`: to it.

    Sent and stored as an array of mostly small integers: new fields go to the end, with a default.
    """

    at: float
    """Wall clock of its end."""
    rtt_ms: int | None = None
    level: int | None = None
    """Loudest voice packet, 0 (loud) to 127 (silence), -dBov (RFC 6464)."""
    up_packets: int = 0
    """Whose fate became known, all media, before repair (transport-wide numbers)."""
    up_lost: int = 0
    up_runs: int = 0
    """Rows of packets lost one after the other."""
    up_audio_packets: int = 0
    """That should have come."""
    up_audio_missing: int = 0
    """After repair."""
    up_video_packets: int = 0
    up_video_missing: int = 0
    up_jitter_ms: int = 0
    """Of voice, of pictures where there is no voice (RFC 3550 §6.4.1)."""
    up_audio_bps: int = 0
    up_video_bps: int = 0
    up_limit_bps: int = 0
    """What the camera may send for its receivers' sake; 0: as it likes."""
    up_frames: int | None = None
    up_nacks: int = 0
    up_plis: int = 0
    down_packets: int = 0
    down_lost: int = 0
    down_runs: int = 0
    down_audio_packets: int = 0
    down_audio_residual: float = 0.0
    """Estimated share still missing after repair."""
    down_video_packets: int = 0
    down_video_residual: float = 0.0
    down_jitter_ms: int = 0
    """As the page reports it."""
    down_audio_bps: int = 0
    down_video_bps: int = 0
    down_target_bps: int = 0
    """0: not known yet."""
    down_sustained_bps: int = 0
    down_protection_bps: int = 0
    down_repair_bps: int = 0
    down_frames: int = 0
    down_freeze_ms: int = 0
    down_nacks: int = 0
    down_plis: int = 0
    copies: int = 0
    """Older frames in each voice packet."""
    parity_percent: int = 0
    paused: bool = False
    queue_ms: int = 0
    """Waiting in our pacer."""
    link_queue_ms: int = 0
    """Waiting in the link, beyond its shortest time."""


class LegStats(msgspec.Struct, frozen=True):
    """One leg's counters since it was opened; rates are over the last second."""

    call_id: str
    leg_id: str
    rtt_ms: float | None = None
    received_bps: int = 0
    sent_bps: int = 0
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost_uplink: int = 0
    packets_lost_downlink: int = 0
    """As the page reports it (RFC 3550 §6.4.1, cumulative lost)."""
    fraction_lost_uplink: float = 0.0
    fraction_lost_downlink: float = 0.0
    jitter_ms_uplink: float = 0.0
    retransmitted: int = 0
    nacks_sent: int = 0
    nacks_received: int = 0
    key_frames_requested: int = 0
    audio_level: int | None = None
    """The source's last level, 0 (loudest) to 127 (silence), in -dBov (RFC 6464)."""
    transport: str = ""
    """`udp4`, `udp6`, `tcp4` or `tcp6`."""
    seconds: tuple[LegSecond, ...] = ()
    """The seconds since the last report, oldest first."""


class WorkerLoad(msgspec.Struct, frozen=True):
    """How busy one worker of a pool is."""

    engine_id: str
    calls: int
    legs: int
    cpu_fraction: float
    loop_lag_ms: float
    datagrams_sent: int = 0
    draining: bool = False
    codec_cpu_fraction: float = 0.0
