import asyncio
import io
from pathlib import Path

import pytest

from callserver.cli import main
from callserver.store.database import Database, sqlite_url
from callserver.store.records import SqlRecords
from signaling.http.tokens import api_key_hash


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data"


def test_sites_are_added_once_and_their_keys_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "add", "shop", "--name", "Shop", "--origin", "https://Shop.example"]) == 0
    assert "csk_" in capsys.readouterr().out
    assert main(["site", "list"]) == 0
    assert capsys.readouterr().out == "shop\tShop\ten\thttps://shop.example\n"
    assert main(["site", "add", "shop"]) == 1
    assert "there is a site shop" in capsys.readouterr().err


def test_a_site_gets_a_policy_and_loses_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "set", "shop", "--recording", "agent"]) == 1
    assert main(["site", "add", "shop"]) == 0
    assert main(["site", "set", "shop", "--recording", "agent", "--consent", "ask", "--retention-days", "7"]) == 0
    capsys.readouterr()
    assert main(["site", "set", "shop", "--audio-only", "yes", "--announce", "no"]) == 0
    said = capsys.readouterr().out
    for line in ("recording: agent", "consent: ask", "retention_days: 7.0", "audio_only: True", "announce: False"):
        assert line in said
    assert main(["site", "set", "shop", "--retention-days", "0"]) == 1
    assert main(["site", "set", "shop", "--default"]) == 0
    assert "follows the server's settings" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["a b"],
        ["x" * 65],
        ["shop", "--origin", "https://shop.example/path"],
        ["shop", "--origin", "shop.example"],
        ["shop", "--origin", "https://x; script-src *"],
        ["shop", "--language", "english please"],
    ],
)
def test_odd_sites_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["site", "add", *arguments]) == 1
    assert capsys.readouterr().err.startswith("callserver: ")


def test_agents_are_added_listed_and_given_new_passwords(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["user", "list"]) == 0
    assert "no agents yet" in capsys.readouterr().out
    assert main(["user", "add", "anna", "--name", "Anna", "--language", "de", "--generate"]) == 0
    assert "password: " in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("a long password\n"))
    assert main(["user", "add", "ben", "--role", "operator"]) == 0
    assert "password" not in capsys.readouterr().out
    assert main(["user", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "anna\tAnna\tagent\tsites: all\tlanguages: de"
    assert main(["user", "passwd", "anna", "--generate"]) == 0
    for arguments in (
        ["add", "anna", "--generate"],
        ["passwd", "nobody"],
        ["add", "x", "--site", "none", "--generate"],
    ):
        assert main(["user", *arguments, "--generate"]) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert main(["user", "add", "carl"]) == 1


async def test_what_is_stored_is_hashes(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await asyncio.to_thread(main, ["site", "add", "shop"])
    await asyncio.to_thread(main, ["user", "add", "anna", "--generate"])
    words = capsys.readouterr().out.split()
    key, password = next(word for word in words if word.startswith("csk_")), words[-1]
    database = Database(sqlite_url(data_dir))
    records = SqlRecords(database)
    site, agent = await records.site("shop"), await records.agent_by_login("anna")
    await database.close()
    assert site is not None
    assert agent is not None
    assert site.api_key_hash == api_key_hash(key)
    assert agent.password_hash.startswith("$argon2id$")
    stored = (data_dir / "callserver.db").read_bytes()
    assert key.encode() not in stored
    assert password.encode() not in stored
