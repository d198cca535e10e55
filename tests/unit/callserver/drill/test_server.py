"""A drill's own server: ports that somebody else takes in between are exchanged for others."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from callserver.drill import server
from callserver.drill.client import DrillError

TAKEN = "[Errno 98] error while attempting to bind on address: address already in use"


class Process:
    returncode = 1


@pytest.mark.parametrize(("faults", "tries"), [([], 1), ([TAKEN, TAKEN], 3)])
async def test_a_port_that_is_taken_is_no_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: list[str], tries: int
) -> None:
    ports = asked(monkeypatch, list(faults))
    _, url = await server._started(tmp_path)
    assert url == f"http://localhost:{ports[-1]}"
    assert len(set(ports)) == tries


@pytest.mark.parametrize("faults", [[TAKEN] * 3, ["no such setting"]])
async def test_what_other_ports_do_not_mend_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, faults: list[str]
) -> None:
    ports = asked(monkeypatch, list(faults))
    with pytest.raises(DrillError, match=faults[-1].split()[-1]):
        await server._started(tmp_path)
    assert len(ports) == len(faults)


def test_the_ports_of_one_server_differ() -> None:
    assert len(set(server._free_ports(20))) == 20


def asked(monkeypatch: pytest.MonkeyPatch, faults: list[str]) -> list[str]:
    """Servers that start with these faults, one after the other; returns the ports they are given."""
    ports: list[str] = []

    async def execute(*arguments: str, **_: Any) -> Process:
        ports.append(arguments[arguments.index("--port") + 1])
        return Process()

    async def ready(*_: Any) -> None:
        if faults:
            raise DrillError(faults.pop(0))

    monkeypatch.setattr(asyncio, "create_subprocess_exec", execute)
    monkeypatch.setattr(server, "_ready", ready)
    return ports
