"""A call to be recorded, in virtual time: what is sent can be told from what is decoded.

Pictures are numbered (black and white squares), and a tone begins at every whole second. Clocks drift, packets come
late or never, sender reports scatter: as much of a real call as a recorder can see.
"""

import heapq
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

import av
import numpy as np

from media.wire.ntp import ntp_from_unix

AUDIO_HZ = 48_000
VIDEO_HZ = 90_000
FRAME = 960
"""Samples of an Opus packet of 20 ms."""
TONE_SECONDS = 0.1
TONE_HZ = 1_000
SIDE = 4
"""Squares in a row of a numbered picture."""
PACKET_BYTES = 1_100


class Tapped(NamedTuple):
    """A packet as a tap gives it; the fields of `Recorder.packet` in its order."""

    leg_id: str
    kind: str
    codec: str
    source: int
    sequence: int
    timestamp: int
    arrival: float
    marker: bool
    payload: bytes


class Report(NamedTuple):
    """A sender report; the fields of `Recorder.sender_report` in its order."""

    leg_id: str
    kind: str
    ntp_time: int
    rtp_timestamp: int
    arrival: float


class Link(NamedTuple):
    """What lies between a page and us."""

    delay: float = 0.06
    jitter: float = 0.01
    """Mean of an exponential distribution, seconds."""
    loss: float = 0.0
    repaired: float = 0.8
    """Part of the lost packets that come by retransmission, 100 to 300 ms later."""


class Clocks(NamedTuple):
    """How a page's clocks run."""

    wall: float = 1_700_000_000.0
    """Its wall clock at time zero."""
    wall_ppm: float = 0.0
    sound_ppm: float = 0.0
    """The sound card's, against true time."""
    report_jitter: float = 0.003


class Numbering:
    """Pictures with their number in them."""

    def __init__(self, width: int = 64, height: int = 64, *, bit_rate: int = 60_000, fps: int = 10) -> None:
        self.width, self.height, self.fps = width, height, fps
        self._encoder = av.CodecContext.create("libvpx", "w")
        self._encoder.width, self._encoder.height = width, height
        self._encoder.pix_fmt = "yuv420p"
        self._encoder.bit_rate = bit_rate
        self._encoder.time_base = Fraction(1, fps)
        self._encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": "3000"}

    def encode(self, number: int, *, key: bool = False) -> bytes:
        """One VP8 picture that shows `number`."""
        frame = av.VideoFrame.from_ndarray(_paint(number, self.width, self.height), format="yuv420p")
        frame.pts = number
        if key:
            frame.pict_type = av.video.frame.PictureType.I
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))


def _paint(number: int, width: int, height: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    bits = [(number >> at) & 1 for at in range(SIDE * SIDE)]
    cells = np.array([235 if bit else 16 for bit in bits], np.uint8).reshape(SIDE, SIDE)
    picture[:height] = np.kron(cells, np.ones((height // SIDE, width // SIDE), np.uint8))
    return picture


def number_in(luma: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> int:
    """The number that a decoded picture shows."""
    height, width = luma.shape
    cells = luma.reshape(SIDE, height // SIDE, SIDE, width // SIDE).mean(axis=(1, 3)).ravel() > 128
    return sum(1 << at for at, bit in enumerate(cells) if bit)


class Tones:
    """Opus packets of a voice that beeps at every whole second of true time."""

    def __init__(self, ppm: float = 0.0, *, hz: int = TONE_HZ) -> None:
        self._per_second = AUDIO_HZ * (1 + ppm / 1e6)
        self._hz = hz
        self._encoder = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate = AUDIO_HZ
        self._encoder.layout = "mono"
        self._encoder.format = "s16"
        self._encoder.bit_rate = 24_000
        self._encoder.options = {"application": "voip", "frame_duration": "20"}
        self._encoder.time_base = Fraction(1, AUDIO_HZ)

    def encode(self, index: int) -> bytes:
        """The packet of samples index * 960 and on."""
        seconds = (index * FRAME + np.arange(FRAME)) / self._per_second
        on = (seconds % 1.0 < TONE_SECONDS) & (seconds >= 1.0)
        sound = (8_000 * np.sin(2 * np.pi * self._hz * seconds) * on).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = AUDIO_HZ
        frame.pts = index * FRAME
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))


class Page:
    """One leg's packets and reports, in the order of their arrival."""

    def __init__(
        self,
        leg_id: str,
        *,
        pictures: Numbering | None,
        clocks: Clocks = Clocks(),  # noqa: B008 - a value
        link: Link = Link(),  # noqa: B008
        seed: int = 1,
        begins: float = 0.0,
        ends: float = 10.0,
        hz: int = TONE_HZ,
    ) -> None:
        self.leg_id = leg_id
        self.pictures = pictures
        self.key_wanted = True
        self.sources = {"audio": seed * 1000 + 1, "video": seed * 1000 + 2}
        self._tones = Tones(clocks.sound_ppm, hz=hz)
        self._clocks, self._link = clocks, link
        self._dice = random.Random(seed)  # noqa: S311 - the same every time
        self._begins, self._ends = begins, ends
        self._sequences = {"audio": self._dice.randrange(65_536), "video": self._dice.randrange(65_536)}
        self._bases = {"audio": self._dice.randrange(1 << 32), "video": self._dice.randrange(1 << 32)}
        self._picture_id = 0

    def traffic(self) -> Iterator[Tapped | Report]:
        """Everything that arrives, by arrival time."""
        waiting: list[tuple[float, int, Tapped | Report]] = []
        count = 0
        for moment, make in heapq.merge(self._voice(), self._camera(), self._reports(), key=lambda pair: pair[0]):
            for item in make():
                count += 1
                heapq.heappush(waiting, (item.arrival, count, item))
            while waiting and waiting[0][0] <= moment + self._link.delay:
                yield heapq.heappop(waiting)[2]
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _voice(self) -> "Iterator[tuple[float, Callable[[], list[Tapped | Report]]]]":
        per_second = AUDIO_HZ * (1 + self._clocks.sound_ppm / 1e6)
        index = int(self._begins * per_second / FRAME)
        while (moment := index * FRAME / per_second) < self._ends:
            yield moment + 0.02, lambda index=index, moment=moment: self._voice_packet(index, moment)  # type: ignore[misc]
            index += 1

    def _voice_packet(self, index: int, moment: float) -> list[Tapped | Report]:
        payload = self._tones.encode(index)
        return self.send("audio", "opus", index * FRAME, moment + 0.02, [payload]) if payload else []

    def _camera(self) -> "Iterator[tuple[float, Callable[[], list[Tapped | Report]]]]":
        if self.pictures is None:
            return
        fps = self.pictures.fps
        number = int(self._begins * fps)
        while (moment := number / fps) < self._ends:
            yield moment + 0.01, lambda number=number, moment=moment: self._picture_packets(number, moment)  # type: ignore[misc]
            number += 1

    def _picture_packets(self, number: int, moment: float) -> list[Tapped | Report]:
        assert self.pictures is not None
        data = self.pictures.encode(number, key=self.key_wanted)
        self.key_wanted = False
        payloads = self.payloads(data)
        wall_ticks = int(moment * (1 + self._clocks.wall_ppm / 1e6) * VIDEO_HZ)
        return self.send("video", "vp8", wall_ticks, moment + 0.01, payloads)

    def payloads(self, picture: bytes) -> list[bytes]:
        """A VP8 picture as RTP payloads (RFC 7741), with a picture ID of 15 bits."""
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        pieces = [picture[at : at + PACKET_BYTES] for at in range(0, len(picture), PACKET_BYTES)]
        tail = b"\x80" + (0x8000 | self._picture_id).to_bytes(2)
        return [(b"\x80" if at else b"\x90") + tail + piece for at, piece in enumerate(pieces)]

    def _reports(self) -> "Iterator[tuple[float, Callable[[], list[Tapped | Report]]]]":
        moment = self._begins + 0.7
        while moment < self._ends:
            yield moment, lambda moment=moment: self._report_pair(moment)  # type: ignore[misc]
            moment += self._dice.uniform(0.8, 1.5)

    def _report_pair(self, moment: float) -> list[Tapped | Report]:
        out: list[Tapped | Report] = []
        clocks = self._clocks
        for kind in ("audio", "video"):
            wall = clocks.wall + moment * (1 + clocks.wall_ppm / 1e6)
            ppm, hz = (clocks.sound_ppm, AUDIO_HZ) if kind == "audio" else (clocks.wall_ppm, VIDEO_HZ)
            noise = self._dice.gauss(0, clocks.report_jitter)
            ticks = int((moment + noise) * (1 + ppm / 1e6) * hz) + self._bases[kind]
            out.append(Report(self.leg_id, kind, ntp_from_unix(wall), ticks & 0xFFFFFFFF, moment + self._link.delay))
        return out

    def send(self, kind: str, codec: str, ticks: int, moment: float, payloads: list[bytes]) -> list[Tapped | Report]:
        """Packets of one picture or piece of sound, as the link lets them arrive."""
        out: list[Tapped | Report] = []
        for at, payload in enumerate(payloads):
            sequence = self._sequences[kind] = (self._sequences[kind] + 1) & 0xFFFF
            arrival = moment + at * 1e-4 + self._link.delay + self._dice.expovariate(1 / self._link.jitter)
            if self._dice.random() < self._link.loss:
                if self._dice.random() >= self._link.repaired:
                    continue
                arrival += self._dice.uniform(0.1, 0.3)
            timestamp = (ticks + self._bases[kind]) & 0xFFFFFFFF
            marker = at == len(payloads) - 1 if kind == "video" else False
            out.append(
                Tapped(self.leg_id, kind, codec, self.sources[kind], sequence, timestamp, arrival, marker, payload)
            )
        return out
