"""Less noise and an even level for voice that is decoded anyway (recordings' exports, the assistant): optional.

Noise: libwebrtc's suppressor through `webrtc-noise-gain` (extra `voice`). Level: FFmpeg's dynaudnorm. Both measured,
see media/codecs/README.md. The suppressor works at 16 kHz: what comes out has a band of 8 kHz. The level looks ahead
0.4 s, too long for a conversation: it is for files.
"""

from typing import Any

import numpy as np

from media.codecs.opus import Pcm
from media.codecs.resample import SoundFilter
from media.errors import CodecError
from media.units import AUDIO_CLOCK_HZ

_RATE = 16_000
_BLOCK = _RATE // 100
"""10 ms, what the suppressor takes at a time."""
_STRENGTH = 3
"""Of 4: the best PESQ on five noises at 5 and 15 dB; 4 sounds more hollow at 15 dB."""
_LEVEL = ("dynaudnorm", "framelen=100:gausssize=3:maxgain=30:targetrms=0.1:peak=0.7:threshold=0.001")
"""Windows of 100 ms smoothed over three; speech to -20 dBFS, at most 30 dB louder, nothing under -60 dBFS raised."""
_FILTER_DELAY = 288
"""6 ms: the suppressor's own, at 48 kHz."""
_QUEUE = 960
"""What resampling in pieces and blocks of 10 ms may hold back."""
_LOOK_AHEAD = 19_200
"""400 ms: the level's windows."""


class CleanVoice:
    """One stream's. `push` gives as much as it takes, `delay_samples` later."""

    def __init__(self, *, noise: bool = True, level: bool = False) -> None:
        self._suppressor = _suppressor() if noise else None
        self._down = SoundFilter(AUDIO_CLOCK_HZ, _RATE)
        self._up = SoundFilter(_RATE, AUDIO_CLOCK_HZ, (_LEVEL,) if level else ())
        self._block: Pcm = np.empty(0, np.int16)
        held = _QUEUE + (_LOOK_AHEAD if level else 0)
        self._ready: Pcm = np.zeros(held, np.int16)
        self.delay_samples = held + (_FILTER_DELAY if noise else 0)
        """At 48 kHz: how much later a sound comes out than it went in."""

    def push(self, pcm: Pcm) -> Pcm:
        """Clean the next piece of mono int16 at 48 kHz, best 20 ms; as many samples come back."""
        cleaned = self._up.push(self._suppressed(self._down.push(pcm)))
        ready = np.concatenate((self._ready, cleaned))
        if len(ready) < len(pcm):  # a piece far from 20 ms
            ready = np.concatenate((np.zeros(len(pcm) - len(ready), np.int16), ready))
        self._ready = ready[len(pcm) :]
        return ready[: len(pcm)]

    def _suppressed(self, pcm: Pcm) -> Pcm:
        if self._suppressor is None:
            return pcm
        waiting = np.concatenate((self._block, pcm))
        whole = len(waiting) // _BLOCK * _BLOCK
        self._block = waiting[whole:]
        blocks = [
            self._suppressor.Process10ms(waiting[at : at + _BLOCK].tobytes()).audio for at in range(0, whole, _BLOCK)
        ]
        return np.frombuffer(b"".join(blocks), np.int16)


def _suppressor() -> Any:
    try:
        from webrtc_noise_gain import AudioProcessor
    except ImportError as error:
        raise CodecError('noise suppression needs: pip install "callserver[voice]"') from error
    return AudioProcessor(0, _STRENGTH)
