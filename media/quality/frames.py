"""Pictures over time: how many, and for how long there was none where there should have been one."""

LEAST_STEP = 0.15
STEP_FACTOR = 3.0
"""W3C webrtc-stats, freezeCount: an interval is a freeze if it is longer than three mean intervals and than the mean
and 150 ms."""
MEAN_WEIGHT = 1 / 30
_FIRST_MEAN = 1 / 30
_LONGEST_COUNTED = 10.0
_OLDER = 1 << 31


class FrameClock:
    """One stream's pictures. `picture` is called once a picture, the rest once a second."""

    __slots__ = ("_last", "_mean", "_newest", "frozen_seconds", "pictures")

    def __init__(self) -> None:
        self.pictures = 0
        self.frozen_seconds = 0.0
        """Sum of freezes that are over."""
        self._last: float | None = None
        self._mean = _FIRST_MEAN
        self._newest = 0

    def picture(self, timestamp: int, now: float) -> None:
        """A packet of another picture than the last packet's; one of an older picture (sent again) is none."""
        if self._last is not None and (timestamp - self._newest - 1) & 0xFFFFFFFF >= _OLDER:
            return
        self._newest = timestamp
        self.pictures += 1
        last, self._last = self._last, now
        if last is None:
            return
        step = now - last
        if step > self._mean + LEAST_STEP and step > STEP_FACTOR * self._mean:
            self.frozen_seconds += min(step, _LONGEST_COUNTED)
        else:
            self._mean += (step - self._mean) * MEAN_WEIGHT

    def pause(self) -> None:
        """There should be no pictures for a while: what follows is no freeze."""
        self._last = None

    def frozen(self, now: float) -> float:
        """Seconds frozen up to now, the freeze that still lasts included."""
        if self._last is None:
            return self.frozen_seconds
        step = now - self._last
        lasting = step > self._mean + LEAST_STEP and step > STEP_FACTOR * self._mean
        return self.frozen_seconds + (min(step, _LONGEST_COUNTED) if lasting else 0.0)
