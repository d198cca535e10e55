"""One voice stream from packets to a steady 20 ms of sound a tick: jitter buffer, decoder, time stretching."""

import numpy as np

from media.codecs.opus import FRAME_SAMPLES, OpusDecoder, Pcm
from media.errors import CodecError
from media.receive.jitter_buffer import Decision, JitterBuffer, Operation, Stretch
from media.receive.time_stretch import accelerate, expand

_SILENCE: Pcm = np.zeros(FRAME_SAMPLES, np.int16)


class VoicePlayout:
    """`insert` packets as they come, `read` once every 20 ms of the reader's clock. No thread, no clock of its own."""

    def __init__(self, buffer: JitterBuffer | None = None) -> None:
        self.buffer = buffer or JitterBuffer()
        self._decoder = OpusDecoder()
        self._pending: Pcm = _SILENCE[:0]
        self.corrupt = 0
        """Packets that did not decode; they were concealed."""
        self.accelerated_samples = 0
        self.expanded_samples = 0
        self._decoded_to: int | None = None

    @property
    def timestamp(self) -> int | None:
        """The source's, of the first sample that the next `read` gives; about, where time is stretched. None before
        the first packet was decoded."""
        return None if self._decoded_to is None else self._decoded_to - len(self._pending)

    def insert(self, timestamp: int, payload: bytes, now: float) -> None:
        """Take one Opus packet, in any order."""
        self.buffer.insert(timestamp, payload, now)

    def read(self, now: float) -> Pcm:
        """The next 960 samples of int16 mono at 48 kHz; silence before the first packet."""
        while len(self._pending) < FRAME_SAMPLES:
            decision = self.buffer.next(now, len(self._pending))
            if decision.operation is Operation.SILENCE:
                return _SILENCE
            sound = self._stretched(self._sound(decision), decision.stretch)
            if decision.timestamp is not None:
                self._decoded_to = decision.timestamp + decision.samples
            self._pending = np.concatenate((self._pending, sound)) if len(self._pending) else sound
        frame, self._pending = self._pending[:FRAME_SAMPLES], self._pending[FRAME_SAMPLES:]
        return frame

    def _sound(self, decision: Decision) -> Pcm:
        try:
            if decision.operation is Operation.DECODE:
                return self._decoder.decode(decision.payload)
            if decision.operation is Operation.RECOVER:
                return self._decoder.recover(decision.payload, decision.samples)
        except CodecError:
            self.corrupt += 1
        return self._decoder.conceal(decision.samples)

    def _stretched(self, sound: Pcm, stretch: Stretch) -> Pcm:
        match stretch:
            case Stretch.NONE:
                return sound
            case Stretch.EXPAND:
                result = expand(sound)
                self.expanded_samples += len(result) - len(sound)
            case _:
                result = accelerate(sound, force=stretch is Stretch.FAST_ACCELERATE)
                self.accelerated_samples += len(sound) - len(result)
        self.buffer.stretched(len(result) - len(sound))
        return result
