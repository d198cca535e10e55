"""What a direction of a call was worth: from what one caller sent and the other received to plain figures.

PESQ is ITU-T P.862.2 (wide band), STOI Taal et al. 2011. A freeze is as in the WebRTC statistics: a gap between
frames longer than max(3 times the average, average + 150 ms).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from callserver.drill.caller import SPEECH_RATE, Caller
from callserver.drill.picture import psnr

SEGMENT_SECONDS = 8.0
WARM_UP_SECONDS = 1.0
_FRAME = SPEECH_RATE // 100
_MAX_LAG_SECONDS = 4.0
Signal = NDArray[np.float64]


class AudioFigures(msgspec.Struct):
    pesq: float | None
    stoi: float | None
    concealed_pct: float | None
    delay_ms: float | None
    gap_max_ms: float | None


class VideoFigures(msgspec.Struct):
    fps: float | None
    freezes: int | None
    freeze_s: float | None
    gap_max_s: float | None
    psnr: float | None
    delay_ms: float | None
    paused_s: float | None
    size: str = ""


class Direction(msgspec.Struct):
    audio: AudioFigures
    video: VideoFigures
    kbps: float | None
    protection_kbps: float | None
    timeline: list[dict[str, float]] = []
    """A row a second, for the chart: kbps, fps."""
    outage_max_ms: float | None = None
    """The longest time in which nothing at all came over the emulated link."""


def unmeasured() -> Direction:
    """Of a call that could not be: every figure is null."""
    none = None
    return Direction(
        AudioFigures(none, none, none, none, none),
        VideoFigures(none, none, none, none, none, none, none),
        kbps=none,
        protection_kbps=none,
    )


def measure_audio(
    sender: Caller,
    receiver: Caller,
    start: float,
    end: float,
    stats: Sequence[dict[str, Any]],
    before: Sequence[dict[str, Any]] = (),
) -> AudioFigures:
    """Compare what was spoken with what was heard between two times (loop seconds).

    `stats`, `before`: the receiver's statistics at the end and at the start; what it concealed earlier, before anybody
    spoke, is not counted.
    """
    reference, heard = _aligned_timelines(sender, receiver, start, end)
    scores: list[tuple[float, float]] = []
    delays: list[float] = []
    longest_gap = 0.0
    step = int(SEGMENT_SECONDS * SPEECH_RATE)
    for offset in range(SPEECH_RATE, max(len(heard) - step // 2, 0), step):
        segment = heard[offset : offset + step]
        lag = _lag(reference, segment, offset)
        if lag is None:
            continue
        delays.append(lag / SPEECH_RATE * 1000.0)
        matching = reference[offset - lag : offset - lag + len(segment)]
        length = min(len(matching), len(segment))
        longest_gap = max(longest_gap, _longest_silence(matching[:length], segment[:length]))
        if length >= step // 2:
            scores.append(_scores(matching[:length], segment[:length]))
    ended, began = _inbound(stats, "audio"), _inbound(before, "audio")
    received, concealed = (
        ended.get(name, 0) - began.get(name, 0) for name in ("totalSamplesReceived", "concealedSamples")
    )
    return AudioFigures(
        pesq=_rounded(np.mean([s[0] for s in scores]) if scores else None, 2),
        stoi=_rounded(np.mean([s[1] for s in scores]) if scores else None, 3),
        concealed_pct=_rounded(100.0 * concealed / received if received else None, 2),
        delay_ms=_rounded(np.median(delays) if delays else None, 0),
        gap_max_ms=_rounded(longest_gap, 0) if delays else None,
    )


def _aligned_timelines(sender: Caller, receiver: Caller, start: float, end: float) -> tuple[Signal, Signal]:
    """Both signals on the loop's clock from `start`, 16 kHz: sample n was spoken, or came out, at start + n/16000."""
    count = int((end - start) * SPEECH_RATE)
    assert sender.spoken_at is not None
    speech = sender._speech.astype(np.float64)
    first = int((start - sender.spoken_at) * SPEECH_RATE)
    period = len(speech) - _FRAME - (len(speech) - _FRAME) % _FRAME
    reference = speech[(first + np.arange(count)) % period]
    chunks = [c for c in receiver.heard.chunks if start <= c[0] <= end]
    if not chunks:
        return reference, np.zeros(0)
    pieces = []
    for _, data, rate, channels in chunks:
        samples = np.frombuffer(data, np.int16).reshape(-1, channels)[:, 0].astype(np.float64)
        pieces.append(samples.reshape(-1, rate // SPEECH_RATE).mean(axis=1) if rate > SPEECH_RATE else samples)
    heard = np.concatenate(pieces)
    lead = int((chunks[0][0] - start) * SPEECH_RATE)
    return reference, np.concatenate([np.zeros(lead), heard])[:count]


def _lag(reference: Signal, segment: Signal, offset: int) -> int | None:
    """By how many samples the segment (at `offset`) is later than the reference, by cross-correlation."""
    begin = max(0, offset - int(_MAX_LAG_SECONDS * SPEECH_RATE))
    window = reference[begin : offset + len(segment)]
    size = 1 << int(np.ceil(np.log2(len(window) + len(segment))))
    if not np.any(segment):
        return None
    correlation = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(segment, size)), size)
    candidates = correlation[: offset - begin + 1]
    return int(offset - begin - np.argmax(candidates))


def _longest_silence(reference: Signal, heard: Signal) -> float:
    """The longest stretch, in ms, in which something was said and nothing heard."""
    count = min(len(reference), len(heard)) // _FRAME
    loud = np.sqrt(np.mean(reference[: count * _FRAME].reshape(count, _FRAME) ** 2, axis=1)) > 200
    quiet = np.sqrt(np.mean(heard[: count * _FRAME].reshape(count, _FRAME) ** 2, axis=1)) < 20
    longest = run = 0
    for missing in loud & quiet:
        run = run + 1 if missing else 0
        longest = max(longest, run)
    return longest * 10.0


def pesq_score(reference: NDArray[np.int16], heard: NDArray[np.int16]) -> float:
    """PESQ (wide band, 16 kHz) of two signals of one length; needs the extra `bench`."""
    from pesq import PesqError, pesq

    try:
        return float(pesq(SPEECH_RATE, reference, heard, "wb"))
    except PesqError:
        return 1.0  # nothing recognisable arrived


def _scores(reference: Signal, heard: Signal) -> tuple[float, float]:
    from pystoi import stoi

    quality = pesq_score(reference.astype(np.int16), heard.astype(np.int16))
    return quality, float(stoi(reference, heard, SPEECH_RATE))


def measure_video(sender: Caller, receiver: Caller, start: float, end: float, paused: float = 0.0) -> VideoFigures:
    """Judge the numbered pictures received between two times (loop seconds)."""
    seen: set[int] = set()
    times: list[float] = []
    delays: list[float] = []
    for at, number in receiver.heard.frames:
        if not start <= at <= end or (number is not None and number in seen):
            continue
        times.append(at)
        if number is not None:
            seen.add(number)
            if number in sender.shown:
                delays.append((at - sender.shown[number]) * 1000.0)
    edges = [start, *times, end]
    gaps = np.diff(edges)
    average = (end - start) / max(len(times), 1)
    threshold = max(3 * average, average + 0.15)
    frozen = gaps[gaps > threshold] if len(times) > 1 else gaps
    quality = [psnr(sender.picture.luma(n), luma) for n, luma in receiver.heard.samples if n in seen]
    return VideoFigures(
        fps=round(len(times) / (end - start), 1),
        freezes=len(frozen),
        freeze_s=round(float(np.sum(frozen)), 2),
        gap_max_s=round(float(np.max(gaps)), 2),
        psnr=_rounded(np.mean(quality) if quality else None, 1),
        delay_ms=_rounded(np.median(delays) if delays else None, 0),
        paused_s=round(paused, 1),
        size=max(receiver.heard.sizes, key=lambda s: receiver.heard.sizes[s], default=""),
    )


def _inbound(stats: Sequence[dict[str, Any]], kind: str) -> dict[str, Any]:
    entries = [s for s in stats if s.get("type") == "inbound-rtp" and s.get("kind") == kind]
    return max(entries, key=lambda s: s.get("packetsReceived", 0), default={})


def played(before: Sequence[dict[str, Any]], stats: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How the voice was played between two statistics: per cent made up, per cent stretched or hurried, ms held."""
    ended, began = _inbound(stats, "audio"), _inbound(before, "audio")

    def grown(*names: str) -> float:
        return float(sum(ended.get(name, 0) - began.get(name, 0) for name in names))

    samples, emitted = grown("totalSamplesReceived"), grown("jitterBufferEmittedCount")
    stretched = grown("removedSamplesForAcceleration", "insertedSamplesForDeceleration")
    return {
        "concealed_pct": round(100.0 * grown("concealedSamples") / samples, 1) if samples > 0 else 0.0,
        "stretched_pct": round(100.0 * stretched / samples, 1) if samples > 0 else 0.0,
        "held_ms": round(1000.0 * grown("jitterBufferDelay") / emitted, 0) if emitted > 0 else 0.0,
    }


def received_bytes(stats: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """All RTP bytes received by a caller and those of them that were protection or repair."""
    total = repair = 0
    for entry in stats:
        if entry.get("type") == "inbound-rtp":
            total += entry.get("bytesReceived", 0) + entry.get("headerBytesReceived", 0)
            repair += entry.get("retransmittedBytesReceived", 0) + entry.get("fecBytesReceived", 0)
    return total, repair


def _rounded(value: Any, digits: int) -> float | None:
    return None if value is None else round(float(value), digits)
