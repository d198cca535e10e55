"""Fresh identifiers for the switchboard; the one place with randomness."""

import secrets
import time
import uuid
from typing import Literal

Kind = Literal["call", "leg", "session", "token", "recording", "verification", "challenge"]

_CLEAR = "ACDEFHJKLMNPRTUVWXY347"
"""No pair of these looks or sounds alike enough to be mixed up on a bad line's picture (no 0/O, 1/I, 5/S, 8/B, 2/Z)."""


def new_id(kind: Kind) -> str:
    """Calls and what is kept of them get a UUIDv7, which sorts by time; tokens 256 secret bits; a challenge is what
    people can read out without mistaking a letter; the rest is short and unique."""
    match kind:
        case "challenge":
            return "".join(secrets.choice(_CLEAR) for _ in range(6))
        case "call" | "recording" | "verification":
            return str(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))
        case "token":
            return secrets.token_urlsafe(32)
        case _:
            return secrets.token_urlsafe(12)


def uuid7(milliseconds: int, random_bits: int) -> uuid.UUID:
    """RFC 9562 §5.7: 48 bits of Unix milliseconds, version, variant, 74 random bits."""
    high, low = random_bits >> 62 & 0xFFF, random_bits & ((1 << 62) - 1)
    return uuid.UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
