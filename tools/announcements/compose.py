"""Make the files in media/announcements: `python -m tools.announcements.compose`.

Speech is read by espeak-ng (the program is GPL; sound that it makes is not covered by its licence), music and ring-back
are synthesized here. Everything is brought to -23 LUFS (EBU R 128).
"""

import io
import json
import subprocess
import sys
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.signal import resample_poly

from media.codecs.pictures import PictureDecoder, VideoCodec
from media.codecs.vp8 import Vp8Encoder
from tools.announcements import music
from tools.announcements.loudness import loudness, normalised

Sound = NDArray[np.float64]

RATE = 48_000
PACKET = 960
TARGET_LUFS = -23.0
FOLDER = Path(__file__).parents[2] / "media" / "announcements"
TEXTS = Path(__file__).with_name("texts.json")
VOICES = {"en": "en-us", "es": "es", "de": "de", "fr": "fr", "pt-BR": "pt-br", "ar": "ar", "id": "id", "zh-CN": "cmn"}
WORDS_A_MINUTE = "150"
SPEECH_BPS, MUSIC_BPS = 24_000, 48_000
LEAD, TAIL = 0.15, 0.3
"""Seconds of silence around speech: a page's jitter buffer begins with the first packet."""
PICTURE_SIZE = (640, 360)


def speech(text: str, language: str) -> Sound:
    """The text, spoken."""
    command = ["espeak-ng", "-v", VOICES[language], "-s", WORDS_A_MINUTE, "--stdin", "--stdout"]
    spoken = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout  # noqa: S603 - ours
    with wave.open(io.BytesIO(spoken)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
        ratio = Fraction(RATE, file.getframerate())
    heard = resample_poly(samples, ratio.numerator, ratio.denominator)
    return np.concatenate([np.zeros(round(LEAD * RATE)), heard, np.zeros(round(TAIL * RATE))])


def write_opus(path: Path, sound: Sound, bps: int, *, loop: bool = False) -> None:
    """Opus in Ogg, mono, packets of 20 ms. A `loop` is a whole number of packets; what is written is its second time
    round, so that its beginning follows its end as the encoder meant it."""
    options = {"application": "audio" if loop else "voip", "frame_duration": "20", "vbr": "constrained"}
    samples = np.round(sound[: len(sound) // PACKET * PACKET] * 32767).astype(np.int16)
    leave_out = len(samples) // PACKET if loop else 0
    with av.open(str(path), "w", format="ogg") as file:
        stream = file.add_stream("libopus", RATE, options=options)
        stream.bit_rate = bps
        stream.layout = "mono"
        stream.format = "s16"
        packets = []
        for at in range(0, len(samples) * (2 if loop else 1), PACKET):
            part = samples[None, at % len(samples) : at % len(samples) + PACKET]
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for number, packet in enumerate(packets[leave_out : 2 * leave_out or None]):
            packet.pts = packet.dts = number * PACKET
            file.mux(packet)


def hold_picture() -> Image.Image:
    """Two bars in a ring on a calm ground: says "pause" in every language."""
    width, height = (4 * side for side in PICTURE_SIZE)
    image = Image.new("RGB", (width, height), (30, 42, 66))
    middle_x, middle_y, radius = width // 2, height // 2, height // 4
    draw = ImageDraw.Draw(image)
    box = (middle_x - radius, middle_y - radius, middle_x + radius, middle_y + radius)
    draw.ellipse(box, fill=(44, 62, 96), outline=(214, 226, 244), width=radius // 14)
    bar, gap, tall = radius // 5, radius // 7, radius // 2
    for left in (middle_x - gap - bar, middle_x + gap):
        draw.rounded_rectangle((left, middle_y - tall, left + bar, middle_y + tall), bar // 3, fill=(214, 226, 244))
    return image.resize(PICTURE_SIZE, Image.Resampling.LANCZOS)


def write_still(path: Path, image: Image.Image) -> None:
    """An IVF of two frames: the key frame, and one that updates nothing, so that it may be repeated."""
    picture = av.VideoFrame.from_image(image).reformat(format="yuv420p")
    encoder = Vp8Encoder(4_000_000, temporal_layers=2)  # every second frame is no reference
    key, same = encoder.encode(picture, 0, key_frame=True), encoder.encode(picture, 3000)
    if key is None or same is None or same.is_reference:
        raise ValueError("the encoder left a frame out")
    _check_that_it_stays(key.data, same.data)
    header = b"DKIF" + bytes((0, 0, 32, 0)) + b"VP80"
    header += b"".join(side.to_bytes(2, "little") for side in PICTURE_SIZE)
    header += (1).to_bytes(4, "little") * 2 + (2).to_bytes(4, "little") + bytes(4)
    body = b"".join(
        len(data).to_bytes(4, "little") + number.to_bytes(8, "little") + data
        for number, data in enumerate((key.data, same.data))
    )
    path.write_bytes(header + body)


def _check_that_it_stays(key: bytes, same: bytes) -> None:
    decoder = PictureDecoder(VideoCodec.VP8)
    decoder.decode(key)
    shown = [decoder.decode(same) for _ in range(100)]
    first, last = shown[0], shown[-1]
    if first is None or last is None or np.any(first.to_ndarray() != last.to_ndarray()):
        raise ValueError("the picture does not stay as it is")
    print(f"hold picture: {len(key)} and {len(same)} bytes")


def write_at_target(path: Path, sound: Sound, bps: int, *, loop: bool = False) -> None:
    """Write it so that what comes out of a decoder is as loud as it should be: Opus takes a little off speech."""
    target = TARGET_LUFS
    for _ in range(3):
        write_opus(path, normalised(sound, target), bps, loop=loop)
        with av.open(str(path)) as file:
            heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)]).astype(float)
        target += TARGET_LUFS - loudness(heard)


def main() -> None:
    """Write everything."""
    FOLDER.mkdir(exist_ok=True)
    write_at_target(FOLDER / "waiting.opus", music.waiting(), MUSIC_BPS, loop=True)
    write_at_target(FOLDER / "ring_back.opus", music.ring_back(), SPEECH_BPS, loop=True)
    for name, texts in json.loads(TEXTS.read_text()).items():
        for language, text in texts.items():
            write_at_target(FOLDER / f"{name}.{language}.opus", speech(text, language), SPEECH_BPS)
    write_still(FOLDER / "hold_picture.ivf", hold_picture())


if __name__ == "__main__":
    sys.exit(main())
