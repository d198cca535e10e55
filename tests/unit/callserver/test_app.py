import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from callserver import app, config
from callserver.app import Control, control, drain, secret_key
from callserver.config import ConfigError, Settings
from signaling.records import Site
from tests.fakes.engine import FakeEngine


def settings_in(directory: Path, **values: Any) -> Settings:
    named = {name.replace("__", "."): value for name, value in values.items()}
    return config.build(
        {"data_dir": directory, "http.host": "127.0.0.1", "http.port": 0, "drain_timeout": 0.0, "max_loop_lag": 1e9}
        | named
    )


@asynccontextmanager
async def running(directory: Path, engine: FakeEngine | None = None, **values: Any) -> AsyncIterator[Control]:
    async with control(settings_in(directory, **values), engine or FakeEngine()) as found:
        yield found


async def ask(found: Control, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{found.ports[0]}{path}") as response:
        content = await response.text()
        return response.status, json.loads(content) if response.content_type == "application/json" else content


async def test_it_starts_says_that_it_is_ready_and_ends(tmp_path: Path) -> None:
    async with running(tmp_path) as found:
        await found.health.refresh_media()
        await found.health.refresh_store()
        assert await ask(found, "/healthz") == (200, {"status": "alive"})
        assert await ask(found, "/readyz") == (200, {"status": "ready", "reasons": []})
        status, text = await ask(found, "/metrics")
        assert status == 200
        assert 'callserver_http_responses_total{status="2xx"}' in text
        assert 'callserver_calls{phase="active"} 0.0' in text
        assert "callserver_sessions 0.0" in text


async def test_the_pages_of_the_project_are_served(tmp_path: Path) -> None:
    async with running(tmp_path) as found:
        assert (await ask(found, "/console"))[0] == 200
        assert (await ask(found, "/widget.js"))[0] == 200


async def test_calls_and_logins_outlive_a_restart(tmp_path: Path) -> None:
    engine = FakeEngine()
    async with running(tmp_path, engine) as found:
        await found.records.save_site(Site("shop", "Shop"))
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{found.ports[0]}"
            body, origin = {"site": "shop"}, {"Origin": url}
            async with http.post(url + "/api/v1/tickets", json=body, headers=origin) as response:
                ticket = (await response.json())["ticket"]
            async with http.ws_connect(url + "/ws/v1", headers=origin) as socket:
                await socket.send_json({"type": "hello", "ticket": ticket})
                token = (await socket.receive_json())["resume_token"]
                await socket.send_json({"type": "call.start"})
                while (await socket.receive_json())["type"] != "leg.offer":
                    pass
    async with running(tmp_path, engine) as again, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{again.ports[0]}"
        async with http.ws_connect(url + "/ws/v1", headers={"Origin": url}) as socket:
            await socket.send_json({"type": "resume", "token": token, "last_seq": 1})
            resumed = await socket.receive_json()
            assert resumed["type"] == "resumed"
            assert resumed["snapshot"]["call"]["phase"] == "waiting"


async def test_draining_refuses_tells_waits_and_ends_calls(tmp_path: Path) -> None:
    async with running(tmp_path) as found:
        await found.health.refresh_media()
        await found.health.refresh_store()
        assert found.health.overload() == ""
        await drain(found)
        status, answer = await ask(found, "/readyz")
        assert (status, answer["reasons"]) == (503, ["draining: the server goes down"])
        assert found.health.overload() == "the server is going down"


async def test_a_port_that_is_taken_is_an_error_with_its_name(tmp_path: Path) -> None:
    async with running(tmp_path) as found:
        with pytest.raises(OSError, match="in use"):
            async with running(tmp_path / "other", http__port=found.ports[0]):
                pass


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    key = secret_key(tmp_path / "new")
    assert key == secret_key(tmp_path / "new")
    assert len(key) == 32
    assert (tmp_path / "new" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["secret.key"]


@pytest.mark.parametrize("content", ["", "zz", "00" * 16])
def test_a_secret_key_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret.key").write_text(content)
    with pytest.raises(ConfigError, match=r"secret\.key"):
        secret_key(tmp_path)


def test_settings_become_rules_and_turn_servers() -> None:
    found = config.build({"call.ring_timeout": 7.0, "media.dtx": True, "turn.urls": ("turn:t",), "turn.secret": "s"})
    rules = app.call_rules(found)
    assert (rules.ring_timeout, rules.dtx) == (7.0, True)
    (server,) = app.ice_servers(found.turn, "s1", 1000.0)
    assert server.username == "1600:s1"


def test_a_certificate_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pem"
    path.write_text("nothing")
    with pytest.raises(ConfigError, match="tls_certificate"):
        app._addresses(config.build({"http.tls_certificate": str(path), "http.tls_key": str(path)}).http)
