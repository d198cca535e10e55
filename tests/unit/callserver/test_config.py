import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from callserver import config
from callserver.cli import main
from callserver.config import ConfigError, Settings


def problems_of(text: str, tmp_path: Path, **environment: str) -> list[str]:
    file = tmp_path / "c.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        config.load(file, environment)
    return refused.value.problems


def test_without_anything_the_defaults_hold() -> None:
    assert config.load(None, {"PATH": "/bin"}) == Settings()


def test_the_environment_wins_over_the_file_and_the_file_over_the_base(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('drain_timeout = 5\n[http]\nport = 1\nhost = "h"\n[media]\nadvertise = ["203.0.113.7"]\n')
    environment = {"CALLSERVER_HTTP__PORT": "2", "CALLSERVER_LOG__JSON": "no", "CALLSERVER_TURN__URLS": ""}
    found = config.load(file, environment, base=Settings(demo=True))
    assert (found.http.port, found.http.host, found.media.advertise) == (2, "h", ("203.0.113.7",))
    assert (found.drain_timeout, found.log.json, found.turn.urls, found.demo) == (5.0, False, (), True)


def test_lists_in_the_environment_are_separated_by_commas() -> None:
    found = config.load(None, {"CALLSERVER_MEDIA__ADVERTISE": "203.0.113.7, 2001:db8::1 ,"})
    assert found.media.advertise == ("203.0.113.7", "2001:db8::1")


def test_every_problem_names_its_place_the_reason_and_what_was_expected(tmp_path: Path) -> None:
    text = '[http]\nprot = 1\nport = "eighty"\n[media]\nadvertise = "203.0.113.7"\n'
    found = problems_of(text, tmp_path, CALLSERVER_DEMO="perhaps", CALLSERVER_DATADIR="x")
    file = tmp_path / "c.toml"
    assert found[0] == f"{file}: http.prot: unknown setting; did you mean http.port?"
    assert found[1].startswith(f"{file}: http.port: 'eighty' cannot be used: Expected `int`")
    assert found[1].endswith("expected a whole number")
    assert "media.advertise" in found[2]
    assert found[3] == "environment: CALLSERVER_DATADIR: unknown setting; did you mean CALLSERVER_DATA_DIR?"
    assert found[4].startswith("environment: CALLSERVER_DEMO: 'perhaps'")
    assert found[4].endswith("expected true or false")


def test_secrets_are_not_repeated_in_problems(tmp_path: Path) -> None:
    assert "12345" not in "".join(problems_of("[turn]\nsecret = 12345\n", tmp_path))


def test_broken_and_missing_files_are_named(tmp_path: Path) -> None:
    assert "not valid TOML" in problems_of("[http", tmp_path)[0]
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "missing.toml", {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http.port", 65536),
        ("http.tls_port", 8443),
        ("http.tls_certificate", "c.pem"),
        ("http.public_url", "https://x.example/path"),
        ("http.trusted_proxies", ("10.0.0.1/8",)),
        ("http.connections_per_address", 0),
        ("media.port", -1),
        ("media.advertise", ("example.com",)),
        ("media.workers", -1),
        ("media.max_calls_per_worker", 0),
        ("media.max_video_bps", 10),
        ("turn.urls", ("turn:t",)),
        ("turn.ttl", 86_400),
        ("call.ring_timeout", 0.0),
        ("call.heartbeat", float("nan")),
        ("drain_timeout", float("nan")),
        ("max_cpu", 0.0),
        ("log.level", "loud"),
    ],
)
def test_values_that_cannot_work_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError, match=re.escape(name.removesuffix("urls"))):
        config.build({name: value})


def test_what_is_shown_hides_secrets() -> None:
    found = config.build({"turn.urls": ("turn:t",), "turn.secret": "s3cret", "database_url": "postgres://u:pw@h/d"})
    text = "\n".join(f"{option.name}={value}" for option, value in config.shown(found))
    assert "s3cret" not in text
    assert "pw@" not in text
    assert "turn.secret=********" in text
    assert "turn.urls=turn:t" in text


def test_a_child_process_reads_the_same_settings() -> None:
    values = {"http.port": 7, "demo": True, "media.advertise": ("203.0.113.7", "::1"), "data_dir": Path("/d")}
    assert config.load(None, config.to_environment(values)) == config.build(values)


def test_every_setting_has_a_meaning_and_a_row() -> None:
    assert [option.name for option in config.options() if not option.meaning] == []
    assert len(config.table().splitlines()) == len(config.options()) + 2


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([option.environment for option in config.options()]), st.text(max_size=20)))
def test_any_environment_gives_settings_or_problems(environment: dict[str, str]) -> None:
    with suppress(ConfigError):
        config.load(None, environment)


@settings(deadline=None)
@given(text=st.text(alphabet='[]=".htpdm_aor\n1', max_size=40))
def test_any_file_gives_settings_or_problems(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text)
    with suppress(ConfigError):
        config.load(file, {})


def test_check_config_prints_or_complains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check-config"]) == 0
    assert "http.port = 8080" in capsys.readouterr().out
    assert main(["check-config", "--table"]) == 0
    assert capsys.readouterr().out == config.table()
    monkeypatch.setenv("CALLSERVER_HTTP__PORT", "x")
    assert main(["check-config"]) == 2
    assert "CALLSERVER_HTTP__PORT" in capsys.readouterr().err
