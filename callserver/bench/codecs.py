"""`callserver bench codecs`: what encoding and decoding cost, in this process, on one core."""

import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import msgspec
import numpy as np
from numpy.typing import NDArray

from callserver.bench import BenchError
from callserver.bench.noise import CleanFigures, LiveFigures, measure_clean_voice, measure_live_voice
from callserver.drill.picture import FPS, HEIGHT, WIDTH, Picture, psnr
from media.codecs import opus, vpx
from media.codecs.opus import (
    FEC_SPEECH_BPS,
    FRAME_SAMPLES,
    SPEECH_RATE_HZ,
    OpusDecoder,
    OpusEncoder,
    OpusSettings,
    Pcm,
)
from media.codecs.packetise import packetise
from media.codecs.pictures import PictureDecoder, VideoCodec
from media.codecs.resample import Resampler
from media.codecs.transcode import PictureSource, Rendition, Transcoder
from media.codecs.vp8 import Vp8Encoder
from media.units import AUDIO_CLOCK_HZ

SPEECH = Path(__file__).parents[1] / "drill" / "speech.wav"
SPEECH_BPS, FEC_LOSS = 32_000, 0.1
SOURCE_BPS = 1_500_000
TARGETS_BPS = (1_000_000, 500_000, 150_000)


class OpusFigures(msgspec.Struct, frozen=True):
    """Microseconds of CPU for 20 ms of speech, in 16 kHz unless told otherwise."""

    library: str
    encode_us: float
    """At 32 kbps, as everywhere but in `fec_light_us`."""
    decode_us: float
    conceal_us: float
    encode_decode_us: float
    fec_light_us: float
    """Encode and decode with in-band FEC as for a path that loses 10 %, at 48 kbps and complexity 1."""
    fec_us: float
    """The same at 32 kbps and complexity 4."""
    full_rate_us: float
    """Encode and decode in 48 kHz, without FEC."""
    full_rate_fec_us: float


class TranscodeFigures(msgspec.Struct, frozen=True):
    """640x480 at 30 frames a second, VP8 in, VP8 or H.264 out: assembled, decoded, scaled, encoded, in packets."""

    codec: str
    target_bps: int
    core_share: float
    ms_a_picture: float
    sent_bps: int
    size: str
    fps: float
    psnr: float


class CodecsReport(msgspec.Struct, frozen=True):
    opus: OpusFigures
    vp8_library: str
    vp8_encode_ms: float
    """A 640x480 picture at 1 Mbps."""
    vp8_decode_ms: float
    transcode: list[TranscodeFigures]
    clean_voice: CleanFigures | None
    """Null without the extra [voice]."""
    live_voice: LiveFigures | None
    """Null without the extra [voice]."""


def codecs(seconds: float, *, say: Callable[[str], None]) -> CodecsReport:
    """Measure over `seconds` of sound and of pictures; raise BenchError for less than one."""
    if seconds < 1:
        raise BenchError("the bench needs a second or more")
    say("Opus")
    speech = load_speech(seconds)
    sound = _opus(speech)
    say("noise suppression")
    clean = measure_clean_voice(speech)
    live = measure_live_voice(speech)
    say("pictures")
    scene = _Scene.make(seconds)
    encode_ms, decode_ms = _vp8(scene)
    transcode = []
    for codec, targets in ((VideoCodec.VP8, TARGETS_BPS), (VideoCodec.H264, TARGETS_BPS[1:])):
        for target in targets:
            say(f"transcoding to {codec} at {target // 1000} kbps")
            transcode.append(_transcode(scene, codec, target))
    return CodecsReport(sound, vpx.version(), encode_ms, decode_ms, transcode, clean, live)


def load_speech(seconds: float) -> Pcm:
    """The drill's speech at 48 kHz, repeated as often as needed."""
    with wave.open(str(SPEECH)) as file:
        recorded = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        resampler = Resampler(file.getframerate(), 48_000)
    sound = np.concatenate((resampler.push(recorded), resampler.end()))
    count = round(seconds * 50) * FRAME_SAMPLES
    return np.resize(sound, count).astype(np.int16)


def _frames(pcm: Pcm, samples: int) -> list[Pcm]:
    return [pcm[at : at + samples] for at in range(0, len(pcm) - samples + 1, samples)]


def _cost(work: Callable[[], object]) -> float:
    """CPU seconds of this thread."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def _opus(sound: Pcm) -> OpusFigures:
    narrow = _at_speech_rate(sound)
    encode, decode, conceal = _opus_cost(narrow, opus.speech(SPEECH_BPS))
    light = _opus_cost(narrow, opus.speech(FEC_SPEECH_BPS, FEC_LOSS))
    fec = _opus_cost(narrow, opus.speech(SPEECH_BPS, FEC_LOSS))
    wide = _opus_cost(sound, opus.speech(SPEECH_BPS), AUDIO_CLOCK_HZ)
    wide_fec = _opus_cost(sound, opus.speech(SPEECH_BPS, FEC_LOSS), AUDIO_CLOCK_HZ)
    both = [round(sum(cost[:2]), 1) for cost in ((encode, decode), light, fec, wide, wide_fec)]
    return OpusFigures(opus.version(), round(encode, 1), round(decode, 1), round(conceal, 1), *both)


def _opus_cost(sound: Pcm, settings: OpusSettings, rate_hz: int = SPEECH_RATE_HZ) -> tuple[float, float, float]:
    """Microseconds to encode, to decode and to conceal 20 ms."""
    frames = _frames(sound, rate_hz // 50)
    each = 1e6 / len(frames)
    encoder, decoder = OpusEncoder(settings, rate_hz), OpusDecoder(rate_hz)
    packets: list[bytes] = []
    encode = _cost(lambda: packets.extend(encoder.encode(frame) for frame in frames)) * each
    decode = _cost(lambda: [decoder.decode(packet) for packet in packets]) * each
    conceal = _cost(lambda: [decoder.conceal() for _ in frames]) * each
    return encode, decode, conceal


def _at_speech_rate(sound: Pcm) -> Pcm:
    resampler = Resampler(AUDIO_CLOCK_HZ, SPEECH_RATE_HZ)
    return np.concatenate((resampler.push(sound), resampler.end()))


class _Scene(NamedTuple):
    """The drill's moving picture, and what a page sends of it."""

    luma: list[NDArray[np.uint8]]
    pictures: list[av.VideoFrame]
    sent: list[list[bytes]]
    """Payloads of VP8, by picture."""

    @classmethod
    def make(cls, seconds: float) -> "_Scene":
        source = Picture()
        numbers = range(round(seconds * FPS))
        packed = [np.frombuffer(source.i420(n), np.uint8).reshape(HEIGHT * 3 // 2, WIDTH) for n in numbers]
        pictures = [av.VideoFrame.from_ndarray(frame, "yuv420p") for frame in packed]
        page = Vp8Encoder(SOURCE_BPS)
        encoded = [page.encode(picture, n * 3000) for n, picture in enumerate(pictures)]
        sent = [[] if frame is None else packetise(frame, n) for n, frame in enumerate(encoded)]
        return cls([frame[:HEIGHT] for frame in packed], pictures, sent)


def _vp8(scene: _Scene) -> tuple[float, float]:
    """Milliseconds to encode and to decode one picture."""
    encoder, decoder = Vp8Encoder(1_000_000), PictureDecoder(VideoCodec.VP8)
    frames: list[bytes] = []

    def encode() -> None:
        for number, picture in enumerate(scene.pictures):
            frame = encoder.encode(picture, number * 3000)
            if frame is not None:
                frames.append(frame.data)

    encoding = _cost(encode) / len(scene.pictures)
    decoding = _cost(lambda: [decoder.decode(frame) for frame in frames]) / len(frames)
    return round(encoding * 1e3, 2), round(decoding * 1e3, 2)


def _transcode(scene: _Scene, codec: VideoCodec, target_bps: int) -> TranscodeFigures:
    rendition = Rendition(target_bps, codec)
    transcoder = Transcoder(PictureSource(VideoCodec.VP8), rendition)
    receiver = PictureSource(codec)
    sequence = sent = 0
    cost = 0.0
    qualities = []
    for number, payloads in enumerate(scene.sent):
        now = number / FPS
        start = time.thread_time()
        for at, payload in enumerate(payloads):
            transcoder.insert(sequence & 0xFFFF, number * 3000, at == len(payloads) - 1, payload, now)
            sequence += 1
        packets = transcoder.poll(now)
        cost += time.thread_time() - start
        for packet in packets:
            sent += len(packet.payload)
            receiver.insert(packet.sequence, packet.timestamp, packet.marker, packet.payload, now)
        shown = receiver.poll(now)
        if shown is not None:
            seen = np.asarray(shown.picture.to_ndarray()[: shown.picture.height], np.uint8)
            qualities.append(psnr(scene.luma[number], seen))
    seconds = len(scene.pictures) / FPS
    step = rendition.step
    return TranscodeFigures(
        codec=codec,
        target_bps=target_bps,
        core_share=round(cost / seconds, 3),
        ms_a_picture=round(cost / len(scene.pictures) * 1e3, 2),
        sent_bps=round(sent * 8 / seconds),
        size="" if step is None else f"{step.width}x{step.height}",
        fps=round(len(qualities) / seconds, 1),
        psnr=round(float(np.mean(qualities)), 1) if qualities else 0.0,
    )
