"""From tapped packets to blocks of a file: one track a side, kind and codec; one stream a leg and kind feeds it."""

from abc import ABC, abstractmethod
from typing import Final

import msgspec

from media.recording.ebml import Block
from media.recording.pictures import Picture, PictureBuilder
from media.recording.pictures_h264 import H264Pictures
from media.recording.pictures_vp8 import Vp8Pictures
from media.recording.sequencer import Numbered, Sequencer
from media.recording.timeline import LegClock, StreamClock
from media.recording.voice import Sound, Voice
from media.units import AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ

AUDIO: Final = "audio"
VIDEO: Final = "video"
OPUS: Final = "opus"
VP8: Final = "vp8"
H264: Final = "h264"
CODECS = {AUDIO: (OPUS,), VIDEO: (VP8, H264)}
MOST_TRACKS = 32
KEY_SECONDS = 20.0
KEY_BYTES = 750_000
SPARSE_KEY_SECONDS = 120.0
"""A player seeks to a key picture and decodes from there, so there must be some. A call needs none, and on a narrow
link one hurts: a new one is wished for after 20 s in which 750 kB were recorded (300 kbit/s), or after two minutes."""
_HANDOVER_SECONDS = 1.0
"""Two legs of one side (a transfer, a page opened again) share its tracks one after the other, never mixed."""


class TrackInfo(msgspec.Struct, frozen=True):
    """One track as the file describes it."""

    number: int
    side: str
    kind: str
    codec: str
    width: int = 0
    """Of the first key picture."""
    height: int = 0
    private: bytes = b""


class Track:
    """What is written of one side's voice or picture."""

    def __init__(self, number: int, side: str, kind: str, codec: str) -> None:
        self.number, self.side, self.kind, self.codec = number, side, kind, codec
        self.described = False
        """Whether the file knows it; it does before its first block."""
        self.first: Picture | None = None
        """Its first key picture."""
        self.voice = Voice()
        self.last_ms = -1
        self._owner = ""
        self._owned_at = 0.0

    def admits(self, leg_id: str, now: float) -> bool:
        """Whether this leg may write into the track now."""
        if leg_id != self._owner:
            if self._owner and now - self._owned_at < _HANDOVER_SECONDS:
                return False
            self._owner = leg_id
        self._owned_at = now
        return True

    def info(self) -> TrackInfo:
        """Its description for the file."""
        first = self.first
        if first is None:
            return TrackInfo(self.number, self.side, self.kind, self.codec)
        return TrackInfo(self.number, self.side, self.kind, self.codec, first.width, first.height, first.private)

    def ascending(self, time_ms: int) -> int:
        """`time_ms`, or the next that is free: times in a track only grow."""
        self.last_ms = max(time_ms, self.last_ms + 1)
        return self.last_ms


class Stream(ABC):
    """What one leg sends of one kind; its source and codec may change."""

    def __init__(self, leg_id: str, clock: LegClock, began: float) -> None:
        self.leg_id = leg_id
        self._leg = clock
        self._began = began
        self.source = 0
        self.codec = ""
        self.track: Track | None = None
        self.sequencer = Sequencer()
        self.clock = StreamClock(clock, self._hz)
        self._not_before_ms = 0.0
        """What was captured earlier must not be kept."""

    _hz = VIDEO_CLOCK_HZ

    def change(self, source: int, codec: str, track: Track) -> None:
        """Another source from now on: other numbers, other timestamps, nothing refers to what was before."""
        self.source, self.codec, self.track = source, codec, track
        self.sequencer = Sequencer()
        self.clock = StreamClock(self._leg, self._hz)

    def bar_before(self, now: float) -> None:
        """Keep nothing that was captured before `now`, nor what refers to it."""
        self._not_before_ms = (now - self._began) * 1000
        self.sequencer = Sequencer()

    def push(self, sequence: int, timestamp: int, arrival: float, marker: bool, payload: bytes) -> list[Block]:
        """Take a packet; the blocks that it completes."""
        blocks: list[Block] = []
        for packet in self.sequencer.push(sequence, timestamp, arrival, marker, payload):
            self._add(packet, blocks)
        return blocks

    def ready(self, now: float, *, everything: bool = False) -> list[Block]:
        """Blocks of packets whose predecessors are given up."""
        blocks: list[Block] = []
        for packet in self.sequencer.flush() if everything else self.sequencer.ready(now):
            self._add(packet, blocks)
        return blocks

    def _time_ms(self, timestamp: int, arrival: float) -> float:
        return (self.clock.time_of(timestamp, arrival) - self._began) * 1000

    @abstractmethod
    def _add(self, packet: Numbered, blocks: list[Block]) -> None:
        """Take the next packet; append the blocks that it completes."""


class VoiceStream(Stream):
    """Opus packets."""

    _hz = AUDIO_CLOCK_HZ

    def _add(self, packet: Numbered, blocks: list[Block]) -> None:
        if not packet.payload:
            return
        assert self.track is not None
        time_ms = self._time_ms(packet.timestamp, packet.arrival)
        # A packet may carry the one before it once more (LBRR, RFC 6716 §2.1.7).
        barred = self._not_before_ms + 60.0 if self._not_before_ms else 0.0
        if time_ms >= barred:
            voice_blocks(self.track, self.track.voice.add(time_ms, packet.payload), blocks)


class PictureStream(Stream):
    """VP8 or H.264 packets."""

    def __init__(self, leg_id: str, clock: LegClock, began: float) -> None:
        super().__init__(leg_id, clock, began)
        self.builder: PictureBuilder = Vp8Pictures()
        self._wished_at = -1.0
        self._key_at = 0.0
        self._since_key = 0
        """Bytes recorded since the last key picture."""

    def change(self, source: int, codec: str, track: Track) -> None:
        super().change(source, codec, track)
        self.builder = Vp8Pictures() if codec == VP8 else H264Pictures()

    def bar_before(self, now: float) -> None:
        super().bar_before(now)
        self.builder.forget()

    def wishes_key(self, now: float) -> bool:
        """Whether the leg's camera should be asked for a key picture now; at most once a second."""
        if not self.codec or now - self._wished_at < 1.0:
            return False
        since = now - self._key_at
        old = since >= SPARSE_KEY_SECONDS or (since >= KEY_SECONDS and self._since_key >= KEY_BYTES)
        if not self.builder.wants_key and not (old and self._since_key):
            return False
        self._wished_at = now
        return True

    def _add(self, packet: Numbered, blocks: list[Block]) -> None:
        picture = self.builder.add(packet)
        if picture is None:
            return
        assert self.track is not None
        time_ms = self._time_ms(picture.timestamp, picture.arrival)
        if time_ms < self._not_before_ms:
            self.builder.forget()
            return
        if self.track.first is None:
            self.track.first = picture
        self._since_key += len(picture.payload)
        if picture.key:
            self._key_at, self._since_key = picture.arrival, 0
        when = self.track.ascending(max(0, round(time_ms)))
        blocks.append(Block(when, self.track.number, picture.key, picture.payload))


def voice_blocks(track: Track, sound: Sound, blocks: list[Block]) -> None:
    """Append sound as blocks of the track."""
    for time_ms, packet in sound:
        blocks.append(Block(track.ascending(round(time_ms)), track.number, True, packet))
