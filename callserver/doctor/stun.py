"""As much of STUN and TURN as the doctor needs: a binding request, and an allocation with long-term credentials.

RFC 8489 (message, MESSAGE-INTEGRITY), RFC 8656 §7 (Allocate).
"""

import hashlib
import hmac
import os
import struct
from typing import NamedTuple

COOKIE = 0x2112A442
BINDING, ALLOCATE, REFRESH = 0x0001, 0x0003, 0x0004
SUCCESS, ERROR = 0x0100, 0x0110
MAX_MESSAGE_BYTES = 2048
MAX_ATTRIBUTES = 32

USERNAME, INTEGRITY, ERROR_CODE, REALM, NONCE = 0x0006, 0x0008, 0x0009, 0x0014, 0x0015
LIFETIME, REQUESTED_TRANSPORT = 0x000D, 0x0019
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
UDP = b"\x11\0\0\0"


class StunError(ValueError):
    """Not a STUN message we can use."""


class Message(NamedTuple):
    kind: int
    transaction: bytes
    attributes: dict[int, bytes]

    @property
    def error(self) -> int:
        """The error code, 0 without one (RFC 8489 §14.8)."""
        value = self.attributes.get(ERROR_CODE, b"")
        return (value[2] & 7) * 100 + value[3] if len(value) >= 4 else 0


def new_transaction() -> bytes:
    return os.urandom(12)


def build(kind: int, transaction: bytes, attributes: dict[int, bytes], key: bytes = b"") -> bytes:
    """A request; with `key` it ends in MESSAGE-INTEGRITY."""
    body = b"".join(_attribute(number, value) for number, value in attributes.items())
    if key:
        # The length counts the integrity attribute, which is not part of what is signed (§14.5).
        head = _HEADER.pack(kind, len(body) + 24, COOKIE, transaction)
        body += _attribute(INTEGRITY, hmac.digest(key, head + body, "sha1"))
    return _HEADER.pack(kind, len(body), COOKIE, transaction) + body


def parse(data: bytes) -> Message:
    """Raise StunError for anything that is no whole STUN message."""
    if not _HEADER.size <= len(data) <= MAX_MESSAGE_BYTES:
        raise StunError("wrong size")
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind >= 0x4000 or cookie != COOKIE or length % 4 or _HEADER.size + length > len(data):
        raise StunError("not STUN")
    attributes: dict[int, bytes] = {}
    at, end = _HEADER.size, _HEADER.size + length
    while at + _ATTRIBUTE.size <= end:
        number, size = _ATTRIBUTE.unpack_from(data, at)
        at += _ATTRIBUTE.size
        if at + size > end or len(attributes) >= MAX_ATTRIBUTES:
            raise StunError("attributes beyond the message")
        attributes.setdefault(number, data[at : at + size])
        at += size + -size % 4
    return Message(kind, transaction, attributes)


def long_term_key(user: str, realm: str, password: str) -> bytes:
    """RFC 8489 §9.2.2 (MD5 is what the protocol says; it guards nothing but the exchange)."""
    return hashlib.md5(f"{user}:{realm}:{password}".encode(), usedforsecurity=False).digest()


def _attribute(number: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(number, len(value)) + value + bytes(-len(value) % 4)
