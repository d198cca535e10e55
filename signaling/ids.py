"""Fresh identifiers for the switchboard; the one place with randomness."""

import secrets
import time
import uuid
from typing import Literal


def new_id(kind: Literal["call", "leg", "session", "token"]) -> str:
    """Calls get a UUIDv7, which sorts by time; tokens 256 secret bits; the rest is short and unique."""
    match kind:
        case "call":
            return str(uuid7(time.time_ns() // 1_000_000, secrets.randbits(74)))
        case "token":
            return secrets.token_urlsafe(32)
        case _:
            return secrets.token_urlsafe(12)


def uuid7(milliseconds: int, random_bits: int) -> uuid.UUID:
    """RFC 9562 §5.7: 48 bits of Unix milliseconds, version, variant, 74 random bits."""
    high, low = random_bits >> 62 & 0xFFF, random_bits & ((1 << 62) - 1)
    return uuid.UUID(int=(milliseconds & ((1 << 48) - 1)) << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
