"""`callserver drill`: how good is a call on a bad network, through the server and directly?"""

import argparse
import asyncio
import sys
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from callserver.drill.plan import Plan, Server
from callserver.drill.profiles import PROFILES
from callserver.drill.spec import SpecError, parse_spec
from callserver.drill.suite_cli import add_suites, run_suite
from callserver.drill.terminal import missing, progress

if TYPE_CHECKING:
    from callserver.drill.run import Outcome

MIN_SECONDS, MAX_SECONDS = 12.0, 3600.0

_DESCRIPTION = """\
Two synthetic callers on libwebrtc talk through the server while an emulated link loses, delays and narrows the
customer's packets; what each heard and saw is compared with what the other said and showed. --link describes the
link towards the customer, --uplink the one from the customer (default: 50 ms and nothing else); the agent's side is
clean. Without --server a server of its own is started on free ports.
"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Register the command."""
    profiles = "\n".join(f"  {name:12} {profile.meaning}: {profile.link}" for name, profile in PROFILES.items())
    drill = commands.add_parser(
        "drill",
        help="measure a call on an emulated bad network",
        description=_DESCRIPTION,
        epilog=f"profiles:\n{profiles}\n\nexample: callserver drill --link loss=30,delay=50 --against direct --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    drill.add_argument("--link", metavar="SPEC", default="lossy-10", help="link towards the customer, or a profile")
    drill.add_argument("--uplink", metavar="SPEC", help="link from the customer, or a profile; `same`: as --link")
    drill.add_argument("--seconds", type=float, default=31.0, help="how long they talk (default: %(default)s)")
    drill.add_argument("--seed", type=int, default=1, help="of loss, jitter and pictures (default: %(default)s)")
    drill.add_argument("--no-flexfec", action="store_true", help="the customer takes ULPFEC only: Firefox, Safari")
    drill.add_argument("--against", choices=["direct"], help="also libwebrtc to libwebrtc over the same links")
    drill.add_argument("--server", metavar="URL", help="a deployed server instead of one started here")
    drill.add_argument("--site", default="demo", help="with --server: site of the call (default: %(default)s)")
    drill.add_argument("--login", help="with --server: agent who answers")
    drill.add_argument("--password-file", type=Path, metavar="FILE", help="with --login; without it you are asked")
    drill.add_argument("--chart", type=Path, metavar="FILE.svg", help="also draw the run")
    drill.add_argument("--json", action="store_true", help="print figures as JSON")
    add_suites(drill)
    drill.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    if options.suite:
        return run_suite(options)
    try:
        plan, server = _plan(options), _server(options)
    except (SpecError, ValueError, OSError) as error:
        print(f"callserver drill: {error}", file=sys.stderr)
        return 2
    try:
        from callserver.drill.run import drill
    except ImportError as error:
        missing(error)
        return 2
    from callserver.drill.client import DrillError

    try:
        outcomes = asyncio.run(drill(plan, server, options.against == "direct", progress(options.json)))
    except (DrillError, TimeoutError) as error:
        print(f"callserver drill: {str(error) or 'the connection did not stand in time'}", file=sys.stderr)
        return 1
    if options.chart:
        from callserver.drill.chart import draw

        options.chart.write_text(draw(outcomes, f"link {options.link}, uplink {options.uplink or 'delay=50'}"))
    print(_as_json(outcomes) if options.json else _as_table(outcomes))
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    if not MIN_SECONDS <= options.seconds <= MAX_SECONDS:
        raise ValueError(f"--seconds must be between {MIN_SECONDS:g} and {MAX_SECONDS:g}")
    link, profile = options.link, PROFILES.get(options.link)
    to_customer = profile.link if profile else link
    uplink = options.uplink or (link if profile and profile.one_network else "delay=50")
    if uplink == "same":
        uplink = to_customer
    from_customer = PROFILES[uplink].uplink if uplink in PROFILES else uplink
    links = parse_spec(to_customer), parse_spec(from_customer)
    return Plan(*links, options.seconds, options.seed, flexfec=not options.no_flexfec)


def _server(options: argparse.Namespace) -> Server | None:
    if not options.server:
        return None
    if not options.login:
        raise ValueError("--server needs --login, an agent who answers the call")
    if options.password_file:
        password = options.password_file.read_text().strip()
    else:
        password = getpass(f"Password of {options.login}: ")
    return Server(options.server.rstrip("/"), options.site, options.login, password)


def _as_json(outcomes: "dict[str, Outcome]") -> str:
    return msgspec.json.encode(outcomes).decode()


def _as_table(outcomes: "dict[str, Outcome]") -> str:
    columns = (
        "PESQ",
        "STOI",
        "conc %",
        "delay",
        "gap ms",
        "fps",
        "freezes",
        "frozen s",
        "gap s",
        "PSNR",
        "paused",
        "kbps",
    )
    rows: list[tuple[str, ...]] = [("", "", *columns)]
    for name, outcome in outcomes.items():
        for label, direction in (("to customer", outcome.to_customer), ("to agent", outcome.to_agent)):
            audio, video = direction.audio, direction.video
            figures = (
                audio.pesq, audio.stoi, audio.concealed_pct, audio.delay_ms, audio.gap_max_ms, video.fps,
                video.freezes, video.freeze_s, video.gap_max_s, video.psnr, video.paused_s, direction.kbps,
            )  # fmt: skip
            rows.append((name, label, *("–" if f is None else f"{f:g}" for f in figures)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
