"""What drills and suites say on the terminal while they run."""

import sys
from collections.abc import Callable


def progress(json: bool) -> Callable[[str], None]:
    """Lines to standard error; with `json` only where somebody looks."""
    heard = not json or sys.stderr.isatty()

    def say(text: str) -> None:
        if heard:
            print(text, file=sys.stderr, flush=True)

    return say


def missing(error: ImportError) -> None:
    """The extra that drills need is not installed."""
    print(f"callserver drill: {error.name} is missing; install callserver[bench]", file=sys.stderr)
