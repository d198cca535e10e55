"""Silences and acknowledgements outlive the control process."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from callserver.ops.alarm import Alarm
from callserver.ops.alert_memory import MAX_BYTES, Memory, load
from callserver.ops.alerts import REMEMBERED, Reading, Rule


class Outlet:
    """Keeps what it is told."""

    name, sent, failed, dropped, waiting, problem = "kept", 0, 0, 0, 0, ""

    def __init__(self) -> None:
        self.events: list[str] = []

    def put(self, message: Any) -> None:
        self.events.append(message.event)


class Process:
    """One control process; each has a monotonic clock that begins somewhere else."""

    def __init__(self, path: Path, zero: float) -> None:
        self.wall, self.value, self.outlet = 0.0, 11.0, Outlet()
        self.alarm = Alarm(
            [msgspec.convert({"name": name, "metric": "m", "above": 10}, Rule) for name in ("quiet", "loud")],
            lambda _wanted: [Reading("m", self.value)],
            [self.outlet],  # type: ignore[list-item]
            clock=lambda: zero + self.wall,
            wall_clock=lambda: 1_800_000_000.0 + self.wall,
            new_id=lambda: "id",
            memory=path,
        )


async def test_a_restart_tells_nobody_twice(tmp_path: Path) -> None:
    before = Process(tmp_path / "alerts.json", 5.0)
    before.alarm.tick()
    assert before.outlet.events == ["fired", "fired"]
    before.alarm.silence("quiet", "", 3600.0, "Anna")
    before.alarm.evaluator.acknowledge("loud", "", "Anna")
    await asyncio.gather(before.alarm.keep(), before.alarm.keep())

    after = Process(tmp_path / "alerts.json", 90_000.0)
    after.alarm.tick()
    assert after.outlet.events == []
    assert [alert.acknowledged_by for alert in after.alarm.active() if alert.rule == "loud"] == ["Anna"]
    assert [(one.rule, one.until) for one in after.alarm.view().silences] == [("quiet", 1_800_003_600.0)]
    after.value = 1.0
    after.alarm.tick()
    after.value = 11.0
    after.alarm.tick()
    assert after.outlet.events == ["resolved", "fired"], "what ended is news when it comes again"


async def test_an_old_acknowledgement_is_forgotten(tmp_path: Path) -> None:
    before = Process(tmp_path / "alerts.json", 0.0)
    before.alarm.tick()
    before.alarm.evaluator.acknowledge("loud", "", "Anna")
    await before.alarm.keep()
    after = Process(tmp_path / "alerts.json", 0.0)
    after.wall = REMEMBERED + 1.0
    after.alarm.tick()
    assert after.outlet.events == ["fired", "fired"]


def test_a_file_that_is_none_or_broken_is_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / "alerts.json"
    assert load(path) == Memory()
    for content in (b"{", b'{"silences": 3}', b" " * (MAX_BYTES + 1)):
        path.write_bytes(content)
        assert load(path) == Memory()


async def test_a_disk_that_takes_nothing_costs_a_line_in_the_log(tmp_path: Path) -> None:
    process = Process(tmp_path / "gone" / "alerts.json", 0.0)
    await process.alarm.keep()
