"""The command line of the doctor."""

import argparse
import asyncio
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from email.utils import parsedate_to_datetime

import msgspec

from callserver import config
from callserver.bench import BenchError
from callserver.config import Settings
from callserver.doctor import machine, network, turn
from callserver.doctor.finding import Finding, note, ok, warning

EXIT_PROBLEM = 1
GOOD_US = 60.0
"""µs a forwarded packet; above, a core carries fewer than about 50 calls."""
MARKS = {"ok": "ok      ", "note": "note    ", "warning": "WARNING ", "problem": "PROBLEM "}

_DESCRIPTION = """\
Look at what calls need here: settings, ports, addresses, TLS, TURN, clock, disk, CPU, codecs, versions, limits. Each
thing that is wrong comes with what to do. Exit code 0: no problem (there may be warnings), 1: something keeps calls
from working, 2: the settings cannot be read. Runs beside the server or without it."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor` to the program's commands."""
    doctor = commands.add_parser(
        "doctor",
        help="find out what keeps calls from working on this machine",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    doctor.add_argument("--quick", action="store_true", help="leave out the ten seconds of measuring the CPU")
    doctor.add_argument("--time-from", metavar="URL", help="compare the clock with the Date header of this web server")
    doctor.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Check everything; return the exit code."""
    settings = config.load(options.config)
    findings = []
    for finding in examine(settings, options):
        findings.append(finding)
        if not options.json:
            print(as_text(finding), flush=True)
    if options.json:
        print(msgspec.json.encode(findings).decode())
    bad = sum(finding.status == "problem" for finding in findings)
    doubtful = sum(finding.status == "warning" for finding in findings)
    if not options.json:
        print(f"{bad} problem(s), {doubtful} warning(s), {len(findings)} findings")
    return EXIT_PROBLEM if bad else 0


def as_text(finding: Finding) -> str:
    """One finding for people; what to do on a line of its own."""
    line = f"{MARKS[finding.status]} {finding.check:<9} {finding.said}"
    return f"{line}\n{'':19}{finding.do}" if finding.do else line


def examine(settings: Settings, options: argparse.Namespace) -> Iterator[Finding]:
    """Every check, one after another; one that fails by itself is a warning, not the end."""
    from callserver.app import ice_servers
    from callserver.demo import lan_addresses

    media, own = settings.media, list(lan_addresses())
    shown = list(media.advertise) or own
    remote = (lambda: remote_time(options.time_from)) if options.time_from else None
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("versions", machine.check_versions),
        ("network", lambda: network.check_addresses(media, own)),
        ("ports", lambda: network.check_ports(settings, shown)),
        ("tls", lambda: network.check_tls(settings.http, time.time())),
        ("turn", lambda: turn.check(ice_servers(settings.turn, "doctor", time.time()))),
        ("time", lambda: machine.check_clock(time.sleep, remote)),
        ("disk", lambda: machine.check_disk(settings.data_dir)),
        ("limits", lambda: machine.check_limits(settings)),
        ("codecs", machine.check_codecs),
    ]
    if not options.quick:
        checks.append(("cpu", lambda: check_cpu(options)))
    for name, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield warning(name, f"could not be checked: {type(error).__name__}: {error}", "please report it")


def check_cpu(options: argparse.Namespace) -> Iterator[Finding]:
    """What forwarding a packet costs here, with a few calls on loopback for some seconds."""
    from callserver.bench.forward import forward

    print("measuring the CPU for ten seconds …", file=sys.stderr, flush=True)
    try:
        report = asyncio.run(forward(4, 3.0, config=options.config, profile=None, say=lambda _text: None))
    except BenchError as error:
        yield warning("cpu", f"forwarding could not be measured: {error}", "run `callserver bench forward` to see why")
        return
    cost = report.us_per_forwarded_packet
    said = f"{cost:.0f} µs of CPU a forwarded packet: about {int(0.8e6 / (cost * 340))} calls a core"
    if cost > GOOD_US:
        yield warning("cpu", said, "the CPU is slow or busy; set media.max_calls_per_worker to fit")
    else:
        yield ok("cpu", said)
    yield note("cpu", "few calls at once make a packet dearer than many do")


def remote_time(url: str) -> float:
    """Wall-clock seconds by the Date header of a web server. Raise OSError or ValueError."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("expected http:// or https://")
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - the scheme was checked, the operator typed it
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return parsedate_to_datetime(answer.headers["Date"] or "").timestamp()
