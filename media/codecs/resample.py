"""Sound through a chain of FFmpeg's filters, and the simplest of them: another sample rate (libswresample)."""

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from numpy.typing import NDArray

from media.errors import CodecError

Pcm = NDArray[np.int16]
RATES = (8_000, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_EMPTY: Pcm = np.empty(0, np.int16)


class SoundFilter:
    """Mono int16 in at one rate, out at another, through `filters` (name, options as FFmpeg writes them)."""

    def __init__(self, rate_in: int, rate_out: int, filters: tuple[tuple[str, str], ...] = ()) -> None:
        if rate_in not in RATES or rate_out not in RATES:
            raise CodecError(f"sound of {rate_in} or {rate_out} Hz is not known here")
        self._rate = rate_in
        self._pts = 0
        graph = Graph()
        self._source = graph.add_abuffer(
            format="s16", sample_rate=rate_in, layout="mono", time_base=Fraction(1, rate_in)
        )
        last = self._source
        ending = (
            ("aresample", str(rate_out)),
            ("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={rate_out}"),
        )
        for name, options in (*filters, *ending):
            following = graph.add(name, options)
            last.link_to(following)
            last = following
        self._sink = graph.add("abuffersink")
        last.link_to(self._sink)
        graph.configure()
        self._graph = graph

    def push(self, pcm: Pcm) -> Pcm:
        """Take any amount of sound; what is ready comes back, less at first while filters look ahead."""
        if not len(pcm):
            return _EMPTY
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm).reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, self._pts, Fraction(1, self._rate)
        self._pts += len(pcm)
        self._source.push(frame)
        return self._drain()

    def end(self) -> Pcm:
        """What the filters still hold. Nothing may be pushed afterwards."""
        self._source.push(None)
        return self._drain()

    def _drain(self) -> Pcm:
        parts: list[Pcm] = []
        while True:
            try:
                frame = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                break
            assert isinstance(frame, av.AudioFrame)
            parts.append(frame.to_ndarray().reshape(-1).astype(np.int16, copy=False))
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else _EMPTY


class Resampler(SoundFilter):
    """Another sample rate, filtered against aliases; a stream's state is kept between pieces."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        super().__init__(rate_in, rate_out)
