"""How busy this process is: CPU and how late the loop's timers come, over about the last second."""

import time

_WINDOW = 1.0


class Load:
    """Fed by the engine's timer."""

    def __init__(self) -> None:
        self.cpu_fraction = 0.0
        self.loop_lag_ms = 0.0
        self._since = time.monotonic()
        self._cpu = time.process_time()
        self._expected: float | None = None
        self._worst = 0.0

    def ticked(self, now: float, next_in: float) -> None:
        """A timer ran at `now` and will again in `next_in` seconds."""
        if self._expected is not None:
            self._worst = max(self._worst, now - self._expected)
        self._expected = now + next_in
        elapsed = now - self._since
        if elapsed >= _WINDOW:
            cpu = time.process_time()
            self.cpu_fraction = (cpu - self._cpu) / elapsed
            self.loop_lag_ms = self._worst * 1000
            self._since, self._cpu, self._worst = now, cpu, 0.0
