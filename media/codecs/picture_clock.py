"""An encoder's own time, made of RTP timestamps: it must grow, whatever the source's clock does."""

from media.units import VIDEO_CLOCK_HZ
from media.wire.serial import unwrap32

DEFAULT_DURATION = VIDEO_CLOCK_HZ // 30
_DURATION_WINDOW = 16
"""Pictures over which the frame rate is averaged."""
_LONGEST_PAUSE = 10 * VIDEO_CLOCK_HZ


class PictureClock:
    """Presentation times in units of 90 kHz, from 0 on."""

    def __init__(self) -> None:
        self.begun = False
        self._pts = self._timestamp = 0
        self._duration = float(DEFAULT_DURATION)

    def advance(self, timestamp: int) -> tuple[int, int]:
        """The next picture's time, by its RTP timestamp, and how long a picture stands on average."""
        if not self.begun:
            self.begun, self._timestamp = True, timestamp
            return 0, DEFAULT_DURATION
        step = unwrap32(timestamp, self._timestamp) - self._timestamp
        if not 0 < step <= _LONGEST_PAUSE:  # a jump of the source's clock is no pause
            step = DEFAULT_DURATION
        self._timestamp = timestamp
        self._pts += step
        self._duration += (step - self._duration) / _DURATION_WINDOW
        return self._pts, round(self._duration)
