"""Recording synthetic calls in virtual time."""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from pathlib import Path

from callserver.bench.recorded_call import Page, Report, Tapped
from media.recording.reader import RecordingReader
from media.recording.recorder import Recorder, RecorderSpec, Summary

KEY = bytes(range(32))
SALT = bytes(16)
WALL = 1_700_000_000.0


def spec(path: Path, **changes: object) -> RecorderSpec:
    """A specification with the customer on leg `c` and the agent on leg `a`."""
    values: dict[str, object] = {
        "recording_id": path.stem.partition(".")[0],
        "call_id": "call",
        "path": path,
        "data_key": KEY,
        "file_salt": SALT,
        "wall_time": WALL,
        "sides": {"c": "customer", "a": "agent"},
    }
    return RecorderSpec(**(values | changes))  # type: ignore[arg-type]


class Replayed:
    """A page that is recorded alike many times: what it sends is encoded the first time only."""

    def __init__(self, page: Page) -> None:
        self.leg_id = page.leg_id
        self._page = page
        self._sent: list[Tapped | Report] = []

    @property
    def key_wanted(self) -> bool:
        return self._page.key_wanted

    @key_wanted.setter
    def key_wanted(self, wanted: bool) -> None:
        self._page.key_wanted = wanted

    def traffic(self) -> Iterator[Tapped | Report]:
        if self._sent:
            yield from self._sent
            return
        sent = []
        for item in self._page.traffic():
            sent.append(item)
            yield item
        self._sent = sent


def play_into(
    recorder: Recorder,
    pages: Iterable[Page | Replayed],
    *,
    at: dict[float, Callable[[float], object]] | None = None,
    hole: tuple[float, float] = (0.0, 0.0),
    each: Callable[[Tapped], object] = lambda packet: None,
) -> float:
    """Let the pages' packets reach the recorder, but for those that arrive in the hole; call each of `at` at its time
    and `each` with every packet handed over. The last arrival's time."""
    todo = sorted((at or {}).items())
    now = polled = 0.0
    by_leg = {page.leg_id: page for page in pages}
    for item in merge(*(page.traffic() for page in by_leg.values()), key=lambda item: item.arrival):
        now = item.arrival
        while todo and todo[0][0] <= now:
            moment, do = todo.pop(0)
            do(moment)
        if hole[0] < now < hole[1]:
            pass
        elif isinstance(item, Tapped):
            recorder.packet(*item)
            each(item)
        else:
            recorder.sender_report(*item)
        while polled + 0.1 <= now:
            polled += 0.1
            recorder.poll(polled)
            for leg_id in recorder.take_key_frame_wishes(polled):
                by_leg[leg_id].key_wanted = True
    return now


def record(path: Path, *pages: Page | Replayed, **changes: object) -> Summary:
    """Record the pages from their first packet to their last."""
    recorder = Recorder(spec(path, **changes), 0.0)
    return recorder.close(play_into(recorder, pages) + 0.01)


def side_of(path: Path, side: str | None, key: bytes = KEY) -> bytes:
    """A side's file as a browser would get it."""
    with RecordingReader.open(path, key) as reader:
        view = reader.view(side)
        data = b"".join(view.stream())
        assert len(data) == view.size
        return data
