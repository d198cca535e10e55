"""One leg's counters as the face of the media core shows them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

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
    """All that is measured of a leg at this moment (about 8 µs; once a second). One loop over its tracks, fields by
    their place: this and the second made of it are a third of what measuring costs."""
    audio: AudioTrack | None = None
    video: VideoTrack | None = None
    for track in leg.streams.tracks:
        if audio is None and isinstance(track, AudioTrack):
            audio = track
        elif video is None and isinstance(track, VideoTrack):
            video = track
    heard = seen = NO_RECEPTION
    level: int | None = None
    if audio is not None:
        level, audio.loudest = audio.loudest, None
        statistics = audio.statistics
        heard = Received(statistics.expected, statistics.cumulative_lost - audio.brought_back, audio.octets_received)
    if video is not None:
        statistics = video.statistics
        octets = video.octets_received + video.rtx.octets_received
        seen = Received(statistics.expected, statistics.cumulative_lost - video.brought_back, octets)
    measured = audio if audio is not None and audio.statistics.packets else video
    voice, pictures = _voice_sent(leg), _pictures_sent(leg, now)
    estimator, up, down = leg.rates.estimator, leg.uplink.loss, leg.rates.estimator.loss
    return Reading(
        leg.uplink.round_trips.smoothed,
        level,
        up.packets_total,
        up.lost_total,
        up.runs_total,
        heard.expected,
        heard.missing,
        seen.expected,
        seen.missing,
        measured.statistics.jitter / measured.clock_hz if measured is not None else 0.0,
        heard.octets,
        seen.octets,
        leg.uplink.video_limit_bps,
        _pictures_of(video),
        (audio.nack.asked if audio is not None else 0) + (video.nack.asked if video is not None else 0),
        video.key_frames.requested if video is not None else 0,
        down.packets_total,
        down.lost_total,
        down.runs_total,
        voice.packets,
        voice.reported,
        pictures.packets,
        voice.jitter / AUDIO_CLOCK_HZ,
        voice.octets,
        pictures.octets,
        voice.protection + pictures.protection,
        pictures.repair,
        estimator.target_bps,
        estimator.sustained_bps,
        estimator.confirmed,
        voice.distances,
        pictures.parity,
        pictures.repeats,
        pictures.pictures,
        pictures.frozen,
        leg.rtcp_input.nacks_received,
        leg.rtcp_input.key_frames_wanted,
        leg.rates.allocation.video_paused,
        leg.downlink.pacer.queued_seconds,
        estimator.queue_seconds,
    )


class Received(NamedTuple):
    """Of one track from the page: packets expected, still missing, octets that came."""

    expected: int = 0
    missing: int = 0
    octets: int = 0


NO_RECEPTION = Received()


class VoiceSent(NamedTuple):
    packets: int
    octets: int
    protection: int
    reported: int
    """Lost after the page's reports."""
    jitter: float
    distances: tuple[int, ...]


class PicturesSent(NamedTuple):
    packets: int
    octets: int
    protection: int
    repair: int
    pictures: int
    frozen: float
    parity: float
    repeats: int


def _voice_sent(leg: "Leg") -> VoiceSent:
    packets = octets = source = reported = 0
    jitter = 0.0
    distances: tuple[int, ...] | None = None
    for track in leg.outbound.values():
        if isinstance(track, AudioOut):
            packets += track.packets_sent
            octets += track.octets_sent
            source += track.source_octets
            reception = leg.rtcp_input.receptions[track.slot.ssrc]
            reported += reception.cumulative_lost
            jitter = max(jitter, reception.jitter)
            distances = track.distances if distances is None else distances
    return VoiceSent(packets, octets, max(0, octets - source), reported, jitter, distances or ())


def _pictures_sent(leg: "Leg", now: float) -> PicturesSent:
    packets = octets = protection = repair = pictures = 0
    main: VideoOut | None = None
    for track in leg.outbound.values():
        if isinstance(track, VideoOut):
            packets += track.packets_sent
            octets += track.octets_sent
            protection += track.protection_octets
            repair += track.resent * track.octets_sent // max(track.packets_sent, 1)
            pictures += track.frames.pictures
            main = track if main is None and track.source is not None else main
    if main is None:
        return PicturesSent(packets, octets, protection, repair, pictures, 0.0, 0.0, 1)
    return PicturesSent(
        packets, octets, protection, repair, pictures, main.frames.frozen(now), main.parity, main.repeats
    )


def _pictures_of(video: VideoTrack | None) -> int | None:
    """Pictures that came, as far as somebody is sent them; None if that cannot be known."""
    counts = [out.frames.pictures for out in video.forwarder.subscribers if isinstance(out, VideoOut)] if video else []
    return max(counts, default=None)
