"""The codec worker's voices with less noise: a thread for each, which decodes, cleans and encodes 20 ms at a time."""

import time
from collections.abc import Callable

from media.codecs.clean_voice import CleanVoice
from media.codecs.opus import OpusEncoder, speech
from media.codecs.playout import VoicePlayout
from media.errors import CodecError
from media.io import codec_words as words
from media.io.codec_room import Room
from media.wire.tapped import OPUS, TappedPacket, packet_frame

MOST_WAITING_BYTES = 256 << 10
BITRATE_BPS = 32_000
TICK = 0.02
MOST_LATE = 5
"""Ticks that are made up for; if there are more, all are left out."""
GIVEN_UP = 50
"""Ticks left out, less one for each second of good work: there is no CPU for this."""
QUIET_SECONDS = 1.0
"""A voice that pauses sends a packet every 0.4 s (DTX); one of which nothing comes for so long has ended for now."""

Say = Callable[[words.FromWorker], None]
Send = Callable[[bytes], None]


class CleaningRoom(Room[TappedPacket | words.Making]):
    """One voice."""

    idle_seconds = TICK / 4

    def __init__(
        self, source: words.OpenTap, say: Say, send: Send, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(f"clean-{source.tap}", MOST_WAITING_BYTES)
        self._say = say
        self._send = send
        self._number: int | None = None
        self._playout = VoicePlayout()
        self._generation = 0
        self._stage: CleanVoice | None = None
        self._encoder = OpusEncoder(speech(BITRATE_BPS))
        self._clock = clock
        self._begun = clock()
        self._count = 0
        """Ticks since then that are done."""
        self._heard_at: float | None = None
        self._left_out = 0.0

    def work(self, work: TappedPacket | words.Making) -> None:
        """Do one thing."""
        match work:
            case TappedPacket():
                self._packet(work, self._clock())
            case words.StartCleaning(number):
                self._begin(number)
            case words.StopTranscode():
                self._number = None
            case _:
                pass  # pictures'

    def _begin(self, number: int) -> None:
        try:
            self._stage = self._stage or CleanVoice()
        except CodecError as error:
            self._say(words.TranscodeEnded(number, str(error)))
        else:
            self._number = number

    def _packet(self, packet: TappedPacket, now: float) -> None:
        if packet.generation != self._generation:
            self._generation, self._playout = packet.generation, VoicePlayout()
        if self._heard_at is None:
            self._count = self._due(now)
        self._heard_at = now
        self._playout.insert(packet.timestamp, packet.payload, packet.arrival)

    def _due(self, now: float) -> int:
        return int((now - self._begun) / TICK)

    def idle(self, now: float) -> None:
        """Make what is due."""
        if self._heard_at is None or self._stage is None or self._number is None:
            return
        if now - self._heard_at > QUIET_SECONDS:
            self._heard_at, self._playout = None, VoicePlayout()
            return
        due = self._due(now)
        if due - self._count > MOST_LATE:
            self._leave_out(due - self._count, self._number)
        while self._count < due and self._number is not None:
            self._tick(self._stage, self._number, now)
            self._count += 1
            self._left_out = max(0.0, self._left_out - TICK)

    def _tick(self, stage: CleanVoice, number: int, now: float) -> None:
        timestamp = self._playout.timestamp
        payload = self._encoder.encode(stage.push(self._playout.read(now)))
        if timestamp is not None and payload:
            told = (timestamp - stage.delay_samples) & 0xFFFFFFFF
            self._send(packet_frame(TappedPacket(OPUS, False, False, number, 0, self._count, told, now, payload)))

    def _leave_out(self, ticks: int, number: int) -> None:
        self._count += ticks
        self._left_out += ticks
        if self._left_out > GIVEN_UP:
            self._left_out, self._number = 0.0, None
            self._say(words.TranscodeEnded(number, "20 ms of voice take longer than that: there is no CPU for it"))
