"""What a check found."""

from typing import Literal

import msgspec

Status = Literal["ok", "note", "warning", "problem"]


class Finding(msgspec.Struct, frozen=True):
    """`ok`, `note` (worth knowing), `warning` (works, but not well or not for long) or `problem` (calls fail)."""

    check: str
    """Its area: ports, tls, turn, time, disk, cpu, codecs, versions, limits, network."""
    status: Status
    said: str
    do: str = ""
    """What to do about it; empty only for `ok` and `note`."""


def ok(check: str, said: str) -> Finding:
    return Finding(check, "ok", said)


def note(check: str, said: str, do: str = "") -> Finding:
    return Finding(check, "note", said, do)


def warning(check: str, said: str, do: str) -> Finding:
    return Finding(check, "warning", said, do)


def problem(check: str, said: str, do: str) -> Finding:
    return Finding(check, "problem", said, do)
