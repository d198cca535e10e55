"""The bench's command line explains itself and reports as text and as JSON."""

import argparse
from pathlib import Path

import pytest

from callserver.bench import cli
from callserver.bench.connect import ConnectReport, Times


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    cli.add_parser(made.add_subparsers())
    return made


def test_help_says_what_the_figures_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["bench", "forward", "--help"])
    assert "us_per_forwarded_packet" in capsys.readouterr().out


@pytest.mark.parametrize("count", ["0", "-3"])
def test_nothing_to_measure_is_refused(count: str) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["bench", "connect", "--count", count])


def test_a_report_is_readable_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    report = ConnectReport(3, Times(1.5, 2.5), Times(3.0, 4.0), 5.25, 190.5, 80.0)

    async def work() -> ConnectReport:
        return report

    options = argparse.Namespace(json=True, profile=None)
    assert cli._run(options, work()) == 0
    assert '"connect_ms":{"p50":1.5,"p95":2.5}' in capsys.readouterr().out
    options.json = False
    assert cli._run(options, work()) == 0
    assert "cpu_ms_per_connection" in capsys.readouterr().out


def test_what_is_no_checkout_cannot_be_measured_against(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = parser().parse_args(["bench", "forward", "--against", str(tmp_path)])
    options.config = None
    assert options.command(options) == cli.EXIT_FAILED
    assert "no checkout" in capsys.readouterr().err
