"""One leg's counters as the face of the media core shows them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from media.api import LegStats
from media.bridge.audio import AudioTrack
from media.bridge.inbound import InboundTrack
from media.bridge.video import VideoTrack

if TYPE_CHECKING:
    from media.bridge.leg import Leg


def read_stats(leg: "Leg") -> LegStats:
    """Gather the counters of a leg's streams; fractions are weighted by packets, jitter is audio's if there is any."""
    tracks = leg.streams.tracks
    videos = [track for track in tracks if isinstance(track, VideoTrack)]
    audio = next((track for track in tracks if isinstance(track, AudioTrack)), None)
    outbound = list(leg.outbound.values())
    receptions = leg.rtcp_input.receptions
    round_trip = leg.uplink.round_trips.smoothed
    return LegStats(
        call_id=leg.call_id,
        leg_id=leg.leg_id,
        rtt_ms=None if round_trip is None else round(round_trip * 1000, 1),
        received_bps=leg.received_rate.bps,
        sent_bps=leg.sent_rate.bps,
        packets_received=sum(stream.statistics.packets for stream in leg.streams.all()),
        packets_sent=sum(track.packets_sent for track in outbound),
        packets_lost_uplink=sum(max(0, track.statistics.cumulative_lost) for track in tracks),
        packets_lost_downlink=sum(max(0, reception.cumulative_lost) for reception in receptions.values()),
        fraction_lost_uplink=_mean((track.statistics.fraction_lost, track.statistics.expected) for track in tracks),
        fraction_lost_downlink=_mean(
            (receptions[track.slot.ssrc].fraction_lost, track.packets_sent) for track in outbound
        ),
        jitter_ms_uplink=_jitter_ms(audio, videos),
        retransmitted=sum(track.resent for track in outbound),
        nacks_sent=sum(track.nack.asked for track in videos),
        nacks_received=leg.rtcp_input.nacks_received,
        key_frames_requested=sum(track.key_frames.requested for track in videos),
        audio_level=audio.audio_level if audio is not None else None,
    )


def _mean(weighted: Iterable[tuple[float, int]]) -> float:
    pairs = list(weighted)
    return sum(value * weight for value, weight in pairs) / (sum(weight for _, weight in pairs) or 1)


def _jitter_ms(audio: InboundTrack | None, videos: list[VideoTrack]) -> float:
    heard = [track for track in (audio, *videos) if track is not None and track.statistics.packets]
    return heard[0].statistics.jitter * 1000 / heard[0].clock_hz if heard else 0.0
