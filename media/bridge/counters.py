"""What went wrong on the packet path, counted. One object may be shared by all bridges of an engine."""


class Counters:
    """Monotonic counters. Plain attributes, because the packet path increments them."""

    __slots__ = (
        "audio_recovered",
        "losses_concealed",
        "packets_after_close",
        "packets_dropped_codec",
        "packets_dropped_late",
        "packets_dropped_waiting_key_frame",
        "packets_duplicate",
        "retransmissions_refused",
        "retransmissions_sent",
        "rtcp_dropped_rate",
        "rtcp_malformed",
        "rtp_malformed",
        "rtp_unknown_ssrc",
        "sequence_restarts",
        "ssrc_changes",
        "video_rebuilt",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    audio_recovered: int
    losses_concealed: int
    packets_after_close: int
    packets_dropped_codec: int
    packets_dropped_late: int
    packets_dropped_waiting_key_frame: int
    packets_duplicate: int
    retransmissions_refused: int
    retransmissions_sent: int
    rtcp_dropped_rate: int
    rtcp_malformed: int
    rtp_malformed: int
    rtp_unknown_ssrc: int
    sequence_restarts: int
    ssrc_changes: int
    video_rebuilt: int

    def as_dict(self) -> dict[str, int]:
        """Name -> count, for EngineStatus.counters."""
        return {name: getattr(self, name) for name in self.__slots__}
