"""One voice's room in the codec worker, its clock turned by hand."""

from itertools import pairwise

import numpy as np
import pytest

from callserver.bench.codecs import load_speech
from media.api import Kind
from media.codecs.opus import FRAME_SAMPLES, OpusDecoder, OpusEncoder, OpusSettings, Pcm
from media.errors import CodecError
from media.io import codec_cleaning, codec_words as words
from media.io.codec_cleaning import CleaningRoom
from media.wire.tapped import OPUS, FrameReader, TappedPacket

FIRST = 0xFFFF_0000
"""The source's first timestamp: it wraps in the third second."""


class Workshop:
    """A room, what goes into it and what comes out."""

    def __init__(self) -> None:
        self.now = 100.0
        self.said: list[words.FromWorker] = []
        self.frames = FrameReader()
        self.packets: list[TappedPacket] = []
        source = words.OpenTap(4, "call", "leg", Kind.AUDIO)
        self.room = CleaningRoom(source, self.said.append, self._sent, lambda: self.now)
        self.room.work(words.StartCleaning(9, 4))
        self.sent = 0

    def _sent(self, frame: bytes) -> None:
        for packet in self.frames.feed(frame):
            assert isinstance(packet, TappedPacket)
            self.packets.append(packet)

    def hear(self, payload: bytes) -> None:
        """The source sends 20 ms, and they pass."""
        timestamp = (FIRST + self.sent * FRAME_SAMPLES) & 0xFFFFFFFF
        self.sent += 1
        self.room.work(TappedPacket(OPUS, False, False, 4, 0, self.sent, timestamp, self.now, payload))
        self.wait(0.02)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.005)):
            self.now += 0.005
            self.room.idle(self.now)


def encoded(sound: Pcm) -> list[bytes]:
    encoder = OpusEncoder(OpusSettings(complexity=1, bandwidth_hz=20_000))
    return [encoder.encode(sound[at : at + FRAME_SAMPLES]) for at in range(0, len(sound), FRAME_SAMPLES)]


def decoded(payloads: list[bytes]) -> Pcm:
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(payload) for payload in payloads])


def quietest(sound: Pcm) -> float:
    """Level of the pauses in dB: the tenth of all 20 ms that are the quietest, the first two seconds left out."""
    pieces = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)[100:]
    levels = np.sort(np.mean(pieces.astype(np.float64) ** 2, axis=1))
    return float(10 * np.log10(max(levels[: len(levels) // 10].mean(), 1.0)))


def test_noise_goes_words_stay_and_the_numbering_is_that_of_time() -> None:
    workshop = Workshop()
    speech = load_speech(4.0)
    noise = np.random.default_rng(3).normal(0, 300, len(speech))
    noisy = encoded(np.clip(speech + noise, -32768, 32767).astype(np.int16))
    for payload in noisy:
        workshop.hear(payload)
    numbers = [packet.sequence for packet in workshop.packets]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) >= len(noisy) - 6
    behind = [FIRST + (packet.sequence - numbers[0]) * FRAME_SAMPLES - packet.timestamp for packet in workshop.packets]
    late = [value & 0xFFFFFFFF for value in behind]
    assert max(late[20:]) - min(late[20:]) < 2 * FRAME_SAMPLES, "the source's own timestamps, wrapped as they wrap"
    before, after = decoded(noisy), decoded([packet.payload for packet in workshop.packets])
    assert quietest(after) < quietest(before) - 10
    assert 0.3 < np.abs(after.astype(np.float64)).max() / np.abs(before.astype(np.float64)).max() < 1.5
    assert workshop.said == []


def test_a_source_that_pauses_is_followed_and_one_that_stops_costs_nothing() -> None:
    workshop = Workshop()
    payloads = encoded(load_speech(1.0))
    for payload in payloads:
        workshop.hear(payload)
    workshop.wait(1.5)
    made = len(workshop.packets)
    workshop.wait(5.0)
    assert len(workshop.packets) == made
    workshop.sent += 325
    for payload in payloads:
        workshop.hear(payload)
    assert len(workshop.packets) > made + len(payloads) - 6
    assert workshop.packets[-1].sequence - workshop.packets[made - 1].sequence > 250, "time passed in the numbering"


def test_what_is_late_is_left_out_and_what_is_always_late_given_up() -> None:
    workshop = Workshop()
    payloads = encoded(load_speech(1.0))
    for payload in payloads[:20]:
        workshop.hear(payload)
    workshop.now += 0.4
    for payload in payloads[20:40]:
        workshop.hear(payload)
    numbers = [packet.sequence for packet in workshop.packets]
    assert max(b - a for a, b in pairwise(numbers)) > 15
    assert workshop.said == []
    for payload in payloads[40:44]:
        workshop.now += 0.4
        workshop.hear(payload)
    assert [type(message) for message in workshop.said] == [words.TranscodeEnded]
    made = len(workshop.packets)
    workshop.hear(payloads[45])
    assert len(workshop.packets) == made


def test_corrupt_packets_are_concealed() -> None:
    workshop = Workshop()
    for index, payload in enumerate(encoded(load_speech(1.0))):
        workshop.hear(b"\xff\xff" if index % 5 == 4 else payload)
    assert len(workshop.packets) > 40
    assert workshop.said == []


def test_without_the_library_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise CodecError("noise suppression needs: …")

    monkeypatch.setattr(codec_cleaning, "CleanVoice", missing)
    workshop = Workshop()
    assert workshop.said == [words.TranscodeEnded(9, "noise suppression needs: …")]
    for payload in encoded(load_speech(1.0))[:10]:
        workshop.hear(payload)
    assert workshop.packets == []


def test_stopped_it_makes_no_more() -> None:
    workshop = Workshop()
    payloads = encoded(load_speech(1.0))
    for payload in payloads[:20]:
        workshop.hear(payload)
    workshop.room.work(words.StopTranscode(9))
    made = len(workshop.packets)
    for payload in payloads[20:]:
        workshop.hear(payload)
    assert len(workshop.packets) == made
