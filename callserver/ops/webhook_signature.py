"""Signatures of Standard Webhooks 1.0, and which addresses are public. No I/O: the settings are checked with it, too.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import ipaddress

SECRET_PREFIX = "whsec_"  # noqa: S105 - of every secret, none itself
MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64


def secret_bytes(secret: str) -> bytes:
    """The key of a `whsec_…` secret (base64, 24 to 64 bytes); raise ValueError for anything else."""
    text = secret.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    if not MIN_SECRET_BYTES <= len(key) <= MAX_SECRET_BYTES:
        raise ValueError(f"{len(key)} bytes; expected {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}")
    return key


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: v1, HMAC-SHA256 of id, time and body joined by dots."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: not private, loopback, link-local, multicast or reserved."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return found.is_global and not found.is_multicast
