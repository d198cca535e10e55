"""Ranges of bytes (RFC 9110 §14): what a player asks for when it seeks."""

import re
from typing import NamedTuple

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class UnsatisfiableError(Exception):
    """The range lies behind the end: 416."""


class Range(NamedTuple):
    start: int
    length: int


def wanted(header: str, size: int) -> Range | None:
    """The one range that is asked for; None: the whole. Several ranges or nonsense are answered with the whole, as the
    standard allows. Raise UnsatisfiableError."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = min(int(last), size)
        if length == 0:
            raise UnsatisfiableError
        return Range(size - length, length)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise UnsatisfiableError
    return Range(start, end - start + 1)
