"""One leg's counters as the face of the media core shows them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from media.api import LegStats
from media.bridge.audio import AudioTrack
from media.bridge.inbound import InboundTrack
from media.bridge.outbound_audio import AudioOut
from media.bridge.outbound_video import VideoOut
from media.bridge.video import VideoTrack
from media.quality.reading import Reading
from media.units import AUDIO_CLOCK_HZ

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


def read_counters(leg: "Leg", now: float) -> Reading:
    """All that is measured of a leg at this moment (about 15 µs; once a second)."""
    tracks = leg.streams.tracks
    audio = next((track for track in tracks if isinstance(track, AudioTrack)), None)
    video = next((track for track in tracks if isinstance(track, VideoTrack)), None)
    voices = [track for track in leg.outbound.values() if isinstance(track, AudioOut)]
    pictures = [track for track in leg.outbound.values() if isinstance(track, VideoOut)]
    receptions = leg.rtcp_input.receptions
    estimator, up, down = leg.rates.estimator, leg.uplink.loss, leg.rates.estimator.loss
    level, heard = (audio.loudest, audio) if audio is not None else (None, None)
    if heard is not None:
        heard.loudest = None
    sent_voice = sum(track.octets_sent for track in voices)
    source_voice = sum(track.source_octets for track in voices)
    measured = audio if audio is not None and audio.statistics.packets else video
    main = next((track for track in pictures if track.source is not None), None)
    return Reading(
        rtt=leg.uplink.round_trips.smoothed,
        level=level,
        up_packets=up.packets_total,
        up_lost=up.lost_total,
        up_runs=up.runs_total,
        up_audio_expected=audio.statistics.expected if audio is not None else 0,
        up_audio_missing=audio.statistics.cumulative_lost - audio.brought_back if audio is not None else 0,
        up_video_expected=video.statistics.expected if video is not None else 0,
        up_video_missing=video.statistics.cumulative_lost - video.brought_back if video is not None else 0,
        up_jitter=measured.statistics.jitter / measured.clock_hz if measured is not None else 0.0,
        up_audio_bytes=audio.octets_received if audio is not None else 0,
        up_video_bytes=video.octets_received + video.rtx.octets_received if video is not None else 0,
        up_limit_bps=leg.uplink.video_limit_bps,
        up_pictures=_pictures_of(video),
        up_nacks=sum(track.nack.asked for track in (audio, video) if track is not None),
        up_plis=video.key_frames.requested if video is not None else 0,
        down_packets=down.packets_total,
        down_lost=down.lost_total,
        down_runs=down.runs_total,
        down_audio_sent=sum(track.packets_sent for track in voices),
        down_audio_reported=sum(receptions[track.slot.ssrc].cumulative_lost for track in voices),
        down_video_sent=sum(track.packets_sent for track in pictures),
        down_jitter=max((receptions[v.slot.ssrc].jitter for v in voices), default=0) / AUDIO_CLOCK_HZ,
        down_audio_bytes=sent_voice,
        down_video_bytes=sum(track.octets_sent for track in pictures),
        down_protection_bytes=max(0, sent_voice - source_voice) + sum(track.protection_octets for track in pictures),
        down_repair_bytes=sum(track.resent * track.octets_sent // max(track.packets_sent, 1) for track in pictures),
        target_bps=estimator.target_bps,
        sustained_bps=estimator.sustained_bps,
        limited=estimator.confirmed,
        distances=voices[0].distances if voices else (),
        parity=main.parity if main is not None else 0.0,
        repeats=main.repeats if main is not None else 1,
        down_pictures=sum(track.frames.pictures for track in pictures),
        down_frozen=main.frames.frozen(now) if main is not None else 0.0,
        down_nacks=leg.rtcp_input.nacks_received,
        down_plis=leg.rtcp_input.key_frames_wanted,
        paused=leg.rates.allocation.video_paused,
        pacer_queue=leg.downlink.pacer.queued_seconds,
        link_queue=estimator.queue_seconds,
    )


def _pictures_of(video: VideoTrack | None) -> int | None:
    """Pictures that came, as far as somebody is sent them; None if that cannot be known."""
    counts = [out.frames.pictures for out in video.forwarder.subscribers if isinstance(out, VideoOut)] if video else []
    return max(counts, default=None)
