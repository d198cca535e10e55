"""Errors of the media core. Everything a peer can cause is a MediaError; anything else is our own fault."""

import errno
import os

DISK_FULL = "disk full"
"""Why nothing is kept any more, where that is the matter: pages have words of their own for it."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def why_not_written(error: OSError) -> str:
    """For a person: what is wrong with the disk."""
    if error.errno in _NO_ROOM:
        return DISK_FULL
    return os.strerror(error.errno) if error.errno else str(error) or "the disk refuses to write"


class MediaError(Exception):
    """Base of all errors the media core raises for its callers."""


class WireError(MediaError):
    """Bytes that do not follow their format: drop and count."""


class NegotiationError(MediaError):
    """A session description that cannot be accepted; the text says which line and why, for a person."""


class UnknownLegError(MediaError):
    """No such leg here: it was closed, or its worker is gone."""


class EngineLostError(MediaError):
    """The worker that held the call is gone; open the legs anew."""


class CapacityError(MediaError):
    """No worker can take another call now."""


class UnavailableError(MediaError):
    """It cannot be done now: no picture comes, no file for this language, no codec worker; the text says which."""


class CodecError(MediaError):
    """A frame that does not decode, is larger than allowed, or a setting that the codec refuses."""
