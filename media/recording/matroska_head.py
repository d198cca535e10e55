"""The head of a file that a reader presents: EBML header, info, tracks, cues (RFC 9559, WebM container guidelines)."""

from collections.abc import Sequence

from media.recording.ebml import element, fixed, number, text, unsigned
from media.recording.tracks import AUDIO, H264, OPUS, VP8, TrackInfo

_CODEC_IDS = {OPUS: "A_OPUS", VP8: "V_VP8", H264: "V_MPEG4/ISO/AVC"}
_CHANNELS = 2
_PRE_SKIP = 312
"""Samples by which a decoder's output lags behind what was captured (libopus, RFC 7845 §4.2)."""
_OPUS_HEAD = b"OpusHead\x01" + bytes((_CHANNELS,)) + _PRE_SKIP.to_bytes(2, "little") + b"\x80\xbb\0\0" + b"\0\0\0"
_CODEC_DELAY_NS = _PRE_SKIP * 1_000_000_000 // 48_000
_PRE_ROLL_NS = 80_000_000
_MILLISECOND_NS = 1_000_000
_SEGMENT = b"\x18\x53\x80\x67\x01"

Cue = tuple[int, int, int]
"""(time in ms, track, offset of the cluster among the clusters)"""


def media_type(tracks: Sequence[TrackInfo]) -> str:
    """What an HTTP response should say."""
    if any(track.codec == H264 for track in tracks):
        return "video/x-matroska"
    return "audio/webm" if all(track.kind == AUDIO for track in tracks) else "video/webm"


def build_head(tracks: Sequence[TrackInfo], duration_ms: int, cues: Sequence[Cue], clusters_bytes: int) -> bytes:
    """Everything before the first cluster; the clusters follow at once and are `clusters_bytes` long."""
    kind = "matroska" if media_type(tracks) == "video/x-matroska" else "webm"
    version = unsigned("4286", 1) + unsigned("42F7", 1) + unsigned("42F2", 4) + unsigned("42F3", 8)
    ebml = element("1A45DFA3", version + text("4282", kind) + unsigned("4287", 4) + unsigned("4285", 2))
    info = element(
        "1549A966",
        unsigned("2AD7B1", _MILLISECOND_NS)
        + number("4489", float(duration_ms))
        + text("4D80", "callserver")
        + text("5741", "callserver"),
    )
    entries = element("1654AE6B", b"".join(_track_entry(track) for track in tracks))
    before = len(info) + len(entries) + len(_cues(cues, 0))
    content = info + entries + _cues(cues, before)
    return ebml + _SEGMENT + (len(content) + clusters_bytes).to_bytes(7) + content


def _track_entry(track: TrackInfo) -> bytes:
    entry = unsigned("D7", track.number) + unsigned("73C5", track.number) + unsigned("9C", 0)
    entry += text("536E", track.side) + text("86", _CODEC_IDS[track.codec])
    if track.kind == AUDIO:
        entry += unsigned("83", 2) + element("63A2", _OPUS_HEAD)
        entry += unsigned("56AA", _CODEC_DELAY_NS) + unsigned("56BB", _PRE_ROLL_NS)
        entry += element("E1", number("B5", 48_000.0) + unsigned("9F", _CHANNELS))
    else:
        entry += unsigned("83", 1) + (element("63A2", track.private) if track.private else b"")
        entry += element("E0", unsigned("B0", track.width) + unsigned("BA", track.height))
    return element("AE", entry)


def _cues(cues: Sequence[Cue], before: int) -> bytes:
    """Cue points; `before`: bytes between the segment's content and the first cluster."""
    if not cues:
        return b""
    points = [
        element("BB", fixed("B3", time_ms) + element("B7", unsigned("F7", track) + fixed("F1", before + offset)))
        for time_ms, track, offset in cues
    ]
    return element("1C53BB6B", b"".join(points))
