import argparse
import hashlib
import ssl
from pathlib import Path

import aiohttp
import pytest

from callserver import config, demo
from callserver.app import control
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords
from tests.fakes.engine import FakeEngine


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLSERVER_HTTP__HOST", "127.0.0.1")
    return argparse.Namespace(config=None, port=0, https_port=0, data_dir=Path("demo"))


async def test_the_demo_prepares_its_site_and_agents_once(options: argparse.Namespace) -> None:
    settings, _ = demo.demo_settings(options)
    for _ in range(2):
        await demo.prepare(settings)
    database = Database(sqlite_url(settings.data_dir))
    records = SqlRecords(database)
    assert [site.site_id for site in await records.sites()] == ["demo"]
    assert [agent.login for agent in await records.agents()] == ["anna", "ben", "ops"]
    await database.close()


def test_children_get_the_demos_settings(options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, values = demo.demo_settings(options)
    assert settings.demo
    assert config.load(None, {"CALLSERVER_HTTP__HOST": "127.0.0.1"} | config.to_environment(values)) == settings
    monkeypatch.setenv("CALLSERVER_LOG__JSON", "true")
    assert demo.demo_settings(options)[0].log.json is True


def fingerprint(settings: config.Settings) -> str:
    return hashlib.sha256(Path(settings.http.tls_certificate).read_bytes()).hexdigest()


async def test_phones_are_served_by_https(options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_free", lambda host, port: True)
    options.https_port = 1
    settings, _ = demo.demo_settings(options)
    demo.certificate(settings.http, ["127.0.0.1", "192.0.2.7"])
    first = fingerprint(settings)
    demo.certificate(settings.http, ["127.0.0.1"])
    assert fingerprint(settings) == first, "still fits"
    trusted = ssl.create_default_context(cafile=settings.http.tls_certificate)
    open_port = config.build({"http.tls_port": 0}, base=settings)
    async with control(open_port, FakeEngine()) as found, aiohttp.ClientSession() as http:
        url = f"https://127.0.0.1:{found.ports[0]}/healthz"
        async with http.get(url, ssl=trusted) as response:
            assert response.status == 200
    demo.certificate(settings.http, ["192.0.2.8"])
    assert fingerprint(settings) != first


def test_the_welcome_says_where_and_who() -> None:
    http = config.Settings().http
    text = demo.welcome(config.HttpSettings(port=8080, tls_port=8443), ["192.0.2.7"])
    for word in ("http://localhost:8080/shop", "http://localhost:8080/console", "anna", "https://192.0.2.7:8443/shop"):
        assert word in text
    assert "phone" not in demo.welcome(http, ["192.0.2.7"])
    assert "interpreted" in text
    assert "callserver compile" in text
    assert "interpreted" not in demo.welcome(http, [], compiled=True)


def test_our_addresses_are_no_loopback() -> None:
    assert not any(address.startswith("127.") for address in demo.lan_addresses())
