"""The command line of the benches."""

import argparse
import asyncio
import pstats
import shutil
import sys
from collections.abc import Coroutine
from pathlib import Path

import msgspec

from callserver import config as settings
from callserver.bench import BenchError
from callserver.compiled import use

EXIT_FAILED = 1

_FORWARD = """\
Start one media worker as in production, connect two synthetic pages a call to it (real ICE, DTLS and SRTP) and let
each page send 120 video packets of 1100 B and 50 audio packets of 100 B a second, evenly paced, with the RTCP of a
browser. Worker and generator are two processes, on different cores where there are two.

us_per_forwarded_packet is the CPU time of the worker (everything it did in the measuring time) by media packet that
came back. latency_ms is measured from writing a packet to its arrival (kernel timestamp). A generator_cpu_fraction
near 1 or generator_skipped_ms above 0 means that the generator was the limit.

With --loss the pages take RED and FlexFEC, treat so many of the packets that reach them as lost, tell it in their
feedback and reports and ask for lost pictures again. All that arrives counts as forwarded.

With --against a second worker runs another checkout's code, with as many calls; both take turns of half a second under
the same generator, on the same core. difference_percent is what this checkout costs more."""

_CONNECT = """\
Start one media worker as in production and connect synthetic pages to it: offer, connectivity check, DTLS handshake,
answer, until the worker says "connected"; first one after another, then 32 at a time. cpu_ms_per_connection is the
CPU time of the worker, closing included; the page's own share of connect_ms is a DTLS client's."""


_RECORDING = """\
Feed recorders in this process as the codec worker does: two sides each, 120 video packets of 1100 B and 50 audio
packets of 80 B a second a side, some of them late. core_share is CPU time by media time: what so many recordings take
of a core. Then record a call of half an hour in virtual time (5 % loss, of which a fifth is never repaired, jitter, a
sound card and a wall clock that drift), decode it and compare numbered pictures and tones with when they were
captured."""


_PEERS = """\
Our media worker and Janus (videocall plugin, as Debian ships it) under the same generator, one after the other, each on
one core: more and more calls of two pages with ICE, DTLS and AES-256-GCM SRTP, until packets are lost or their p99 is
above 20 ms. Runs in a network namespace of its own. Needs Linux, janus, unshare, iproute2, and nothing else running."""


_CODECS = """\
In this process, on one core: Opus encoding and decoding of 20 ms frames of speech at 32 kbps; VP8 640x480; transcoding
a source of 1.5 Mbps and 30 frames a second for receivers of less; noise suppression with PESQ before and after (extras
voice and bench). CPU time of the thread, so other load on the machine makes it dearer by cold caches only."""


_QUALITY = """\
CPU of everything that quality data costs: reading counters in the worker, encoding, decoding, scores, verdicts, pages'
reports, writing to SQLite; as fractions of one core. No network, no media: made-up seconds."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench` to the program's commands."""
    bench = commands.add_parser(
        "bench",
        help="measure the media workers of this machine",
        description="Measure what this machine's media workers can do. Needs Linux and nothing else running.",
    ).add_subparsers(title="what to measure", required=True, metavar="BENCH")
    forward = _add(bench, "forward", "cost and delay of forwarding", _FORWARD)
    forward.add_argument("--calls", type=_positive, default=40, metavar="N", help="1:1 calls (default: %(default)s)")
    forward.add_argument("--seconds", type=float, default=10.0, metavar="S", help="(default: %(default)g)")
    forward.add_argument("--record", action="store_true", help="record every call meanwhile")
    forward.add_argument(
        "--loss", type=_percent, default=0.0, metavar="PERCENT", help="of what arrives, pages lose so much (default: 0)"
    )
    forward.add_argument("--against", type=Path, metavar="DIR", help="another checkout, turn by turn in the same run")
    forward.set_defaults(command=_forward)
    connect = _add(bench, "connect", "time and cost of a connection", _CONNECT)
    connect.add_argument("--count", type=_positive, default=100, metavar="N", help="(default: %(default)s)")
    connect.set_defaults(command=_connect)
    quality = bench.add_parser("quality", help="cost of measuring, judging and storing quality", description=_QUALITY)
    quality.add_argument("--json", action="store_true", help="print the report as one JSON object")
    quality.add_argument("--calls", type=_positive, default=100, metavar="N", help="calls (default: %(default)s)")
    quality.add_argument(
        "--seconds", type=_positive, default=60, metavar="S", help="of the calls (default: %(default)s)"
    )
    quality.set_defaults(command=_quality, profile=None)
    _add_peers(bench)
    recording = _add(bench, "recording", "cost of recording; voice and picture together", _RECORDING)
    recording.add_argument("--recordings", type=_positive, default=20, metavar="N", help="(default: %(default)s)")
    recording.add_argument("--seconds", type=float, default=20.0, metavar="S", help="of media (default: %(default)g)")
    recording.add_argument("--minutes", type=float, default=30.0, metavar="M", help="(default: %(default)g)")
    recording.set_defaults(command=_recording)
    codecs = bench.add_parser("codecs", help="cost of encoding, decoding, transcoding", description=_CODECS)
    codecs.add_argument("--json", action="store_true", help="print the report as one JSON object")
    codecs.add_argument("--seconds", type=float, default=10.0, metavar="S", help="of media (default: %(default)g)")
    codecs.set_defaults(command=_codecs, profile=None)


def _add_peers(bench: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    peers = bench.add_parser(
        "peers",
        help="our worker and Debian's janus under the same load",
        description=_PEERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    peers.add_argument("--ours", type=_numbers, default="40,80,120", metavar="N,N", help="default: %(default)s calls")
    peers.add_argument("--janus", type=_numbers, default="10,20,40", metavar="N,N", help="default: %(default)s calls")
    peers.add_argument("--seconds", type=float, default=4.0, metavar="S", help="of each measurement (%(default)g)")
    peers.add_argument("--json", action="store_true", help="print the report as one JSON object")
    peers.add_argument("--svg", type=Path, metavar="FILE", help="write the plot there")
    peers.add_argument("--inside-namespace", action="store_true", help=argparse.SUPPRESS)
    peers.set_defaults(command=_peers)


def _add(
    bench: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, title: str, description: str
) -> argparse.ArgumentParser:
    parser = bench.add_parser(
        name, help=title, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print the report as one JSON object")
    parser.add_argument(
        "--profile",
        type=Path,
        metavar="FILE",
        help="write a cProfile of the worker there (it runs 2 to 3 times slower)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected 1 or more")
    return number


def _percent(text: str) -> float:
    """A percentage as a fraction."""
    number = float(text)
    if not 0.0 <= number <= 90.0:
        raise argparse.ArgumentTypeError("expected 0 to 90")
    return number / 100


def _numbers(text: str) -> list[int]:
    return [_positive(part) for part in text.split(",")]


def _peers(options: argparse.Namespace) -> int:
    from callserver.bench.namespace import run_inside
    from callserver.bench.peers import as_markdown, as_svg, compare

    try:
        if shutil.which("janus") is None:
            raise BenchError("janus is not installed, so there is nothing to compare with: apt-get install janus")
        if not options.inside_namespace:
            return run_inside(sys.argv[1:])
        report = asyncio.run(compare(options.ours, options.janus, options.seconds, options.config, _say))
    except BenchError as error:
        print(f"callserver bench: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(msgspec.json.encode(report).decode() if options.json else as_markdown(report))
    if options.svg is not None:
        options.svg.write_text(as_svg(report), encoding="utf-8")
    return 0


def _forward(options: argparse.Namespace) -> int:
    from callserver.bench.forward import forward
    from callserver.bench.turns import turn_by_turn

    if options.against is not None:
        turns = turn_by_turn(
            options.calls,
            options.seconds,
            options.against.resolve(),
            config=options.config,
            say=_say,
            loss=options.loss,
        )
        return _run(options, turns)
    return _run(
        options,
        forward(
            options.calls,
            options.seconds,
            config=options.config,
            profile=options.profile,
            say=_say,
            record=options.record,
            loss=options.loss,
        ),
    )


def _connect(options: argparse.Namespace) -> int:
    from callserver.bench.connect import connect

    return _run(options, connect(options.count, config=options.config, profile=options.profile, say=_say))


def _codecs(options: argparse.Namespace) -> int:
    from callserver.bench.codecs import codecs

    return _run(options, asyncio.to_thread(codecs, options.seconds, say=_say))


def _recording(options: argparse.Namespace) -> int:
    from callserver.bench.recording import run

    report = run(options.recordings, options.seconds, options.minutes)
    print(msgspec.json.encode(report).decode()) if options.json else _print(msgspec.to_builtins(report))
    return 0


def _quality(options: argparse.Namespace) -> int:
    compiled = settings.load(options.config).media.compiled and use()
    from callserver.bench.quality import quality

    return _run(options, quality(options.calls, options.seconds, _say, compiled=compiled))


def _run(options: argparse.Namespace, work: Coroutine[None, None, msgspec.Struct]) -> int:
    try:
        report = asyncio.run(work)
    except BenchError as error:
        print(f"callserver bench: {error}", file=sys.stderr)
        return EXIT_FAILED
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        _print(msgspec.to_builtins(report))
    if options.profile is not None:
        _print_profile(options.profile)
    return 0


def _print(report: dict[str, object], indent: str = "") -> None:
    for name, value in report.items():
        if isinstance(value, dict):
            print(f"{indent}{name}")
            _print(value, indent + "  ")
        else:
            print(
                f"{indent}{name:<{34 - len(indent)}} {value:,}" if isinstance(value, int | float) else f"{name} {value}"
            )


def _print_profile(path: Path) -> None:
    """The functions with the most time of their own, on stderr."""
    if not path.exists():
        print(f"callserver bench: the worker left no profile in {path}", file=sys.stderr)
        return
    pstats.Stats(str(path), stream=sys.stderr).sort_stats("tottime").print_stats(35)


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)
