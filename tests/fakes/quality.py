"""A quality recorder without a database."""

from callserver.quality.endpoints import routes
from callserver.quality.minutes import MinuteRow
from callserver.quality.recorder import Recorder
from callserver.quality.store import Batch, SampleRow
from media.quality.verdict import Verdict
from signaling.http.context import Route


class NoStore:
    """Nothing was ever measured."""

    async def write(self, batch: Batch) -> None: ...

    async def samples(self, call_id: str) -> list[SampleRow]:
        return []

    async def minutes_of(self, call_id: str) -> list[MinuteRow]:
        return []

    async def verdicts_of(self, call_id: str) -> list[Verdict]:
        return []


def quality_routes() -> tuple[Route, ...]:
    """The endpoints of quality data."""
    recorder = Recorder(NoStore(), dict, lambda call_id, role, reading: None)  # type: ignore[arg-type]
    return tuple(routes(recorder))
