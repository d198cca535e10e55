"""Acknowledged bitrate: what the far end received, smoothed by how sure each sample is.

Source: libwebrtc's bitrate_estimator.cc (a Bayesian update over short windows). Ours follows a rise as fast as a fall:
after a pause libwebrtc is told to expect a change, here the sample's uncertainty is relative to the greater of the two.
"""

INITIAL_WINDOW_SECONDS = 0.5
WINDOW_SECONDS = 0.15
UNCERTAINTY_SCALE = 10.0


class AcknowledgedBitrate:
    """Feed received packets by arrival time; `bps` is None until the first window is full."""

    def __init__(self) -> None:
        self.bps: float | None = None
        self.latest_bps = 0.0
        """The better of the last two windows, not smoothed: what the link carried just now, if it was full."""
        self._sample_bps = 0.0
        self._variance = 50.0
        self._bits = 0
        self._window_start: float | None = None

    def add(self, first: float, last: float, size_bytes: int) -> None:
        """Take what arrived between two times (seconds on the peer's clock): one feedback's worth."""
        if self._window_start is None or first < self._window_start - 1.0:
            self._window_start, self._bits = first, 0
        window = INITIAL_WINDOW_SECONDS if self.bps is None else WINDOW_SECONDS
        elapsed = first - self._window_start
        if elapsed >= window:
            # Idle time is not a slow link: an empty stretch starts a new window instead of a low sample.
            if elapsed < 3 * window:
                before, self._sample_bps = self._sample_bps, self._bits / elapsed
                self.latest_bps = max(before, self._sample_bps)
                self._update(self._sample_bps)
            self._window_start, self._bits = first, 0
        self._bits += size_bytes * 8

    def _update(self, sample_bps: float) -> None:
        if self.bps is None:
            self.bps = sample_bps
            return
        estimate_kbps, sample_kbps = self.bps / 1000.0, sample_bps / 1000.0
        uncertainty = UNCERTAINTY_SCALE * abs(estimate_kbps - sample_kbps) / max(estimate_kbps, sample_kbps, 1.0)
        sample_variance = uncertainty * uncertainty
        predicted = self._variance + 5.0
        total = sample_variance + predicted
        self.bps = 1000.0 * (sample_variance * estimate_kbps + predicted * sample_kbps) / total
        self._variance = sample_variance * predicted / total
