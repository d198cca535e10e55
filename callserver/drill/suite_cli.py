"""`callserver drill --suite NAME`: many short calls of voices, and what they say of our scores and verdicts."""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from callserver.drill.terminal import missing, progress

SUITES = ("mos", "diagnosis")
DEFAULT_COUNT = {"mos": 60, "diagnosis": 30}
LEAST_RIGHT = 0.95
LEAST_CORRELATION = 0.9


def add_suites(drill: argparse.ArgumentParser) -> None:
    """The options of suites."""
    suites = drill.add_argument_group("suites (voices only, a media engine of their own; about 25 s a drill)")
    suites.add_argument(
        "--suite",
        choices=SUITES,
        help="mos: does our score of the voice agree with PESQ? diagnosis: are known faults found?",
    )
    suites.add_argument("--count", type=int, metavar="N", help="drills (default: 60 for mos, 30 for diagnosis)")
    suites.add_argument("--parallel", type=int, default=4, metavar="N", help="side by side (default: %(default)s)")
    suites.add_argument(
        "--out", type=Path, metavar="FILE", help="keep results there; a second run goes on with the rest"
    )


def run_suite(options: argparse.Namespace) -> int:
    """Run it; 0 if its goal is met, 1 if not, 2 if it cannot run."""
    count = options.count or DEFAULT_COUNT[options.suite]
    if count < 1 or not 1 <= options.parallel <= 16:
        print("callserver drill: --count must be 1 or more, --parallel 1 to 16", file=sys.stderr)
        return 2
    try:
        from callserver.drill import suite
    except ImportError as error:
        missing(error)
        return 2

    makes = suite.mos_tasks if options.suite == "mos" else suite.diagnosis_tasks
    out = options.out or Path(f"drill-{options.suite}-{options.seed}.jsonl")
    rows = asyncio.run(suite.run_tasks(makes(options.seed, count), out, options.parallel, progress(options.json)))
    report: suite.Agreement | suite.DiagnosisReport
    if options.suite == "mos":
        report = suite.agreement(rows)
        met = report.pearson >= LEAST_CORRELATION
    else:
        report = suite.diagnosed(rows)
        met = report.share >= LEAST_RIGHT
    if options.json:
        print(msgspec.json.encode(report).decode())
    else:
        for name, value in msgspec.to_builtins(report).items():
            print(f"{name:<24} {value}")
    return 0 if met and len(rows) == count else 1
