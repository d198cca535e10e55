"""The command line of the drill refuses what it cannot run, before anything heavy is loaded."""

import argparse
from pathlib import Path

import pytest

from callserver.drill.cli import _plan, _server, add_parser
from callserver.drill.profiles import PROFILES
from callserver.drill.spec import SpecError, parse_spec


def _parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    return parser.parse_args(["drill", *arguments])


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_is_a_valid_pair_of_links(name: str) -> None:
    assert parse_spec(PROFILES[name].link)
    assert parse_spec(PROFILES[name].uplink)


def test_the_uplink_is_clean_unless_asked_for() -> None:
    plan = _plan(_parse("--link", "loss=30,delay=50"))
    assert plan.to_customer[0].state.loss == 0.3
    assert plan.from_customer[0].state.loss == 0.0


def test_the_uplink_can_be_the_same_or_another() -> None:
    assert _plan(_parse("--link", "loss=30", "--uplink", "same")).from_customer[0].state.loss == 0.3
    assert _plan(_parse("--link", "clean", "--uplink", "rate=1M")).from_customer[0].state.rate_bps == 1e6


def test_a_wrong_link_is_refused() -> None:
    with pytest.raises(SpecError):
        _plan(_parse("--link", "loss=lots"))


@pytest.mark.parametrize("seconds", ["1", "99999", "nan"])
def test_a_drill_has_a_sensible_length(seconds: str) -> None:
    with pytest.raises(ValueError, match="between"):
        _plan(_parse("--seconds", seconds))


def test_a_deployed_server_needs_an_agent(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--login"):
        _server(_parse("--server", "https://calls.example"))
    (tmp_path / "password").write_text("secret\n")
    server = _server(
        _parse("--server", "https://calls.example/", "--login", "ana", "--password-file", str(tmp_path / "password"))
    )
    assert server == ("https://calls.example", "demo", "ana", "secret")
