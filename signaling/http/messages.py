"""The messages of the WebSocket as data: their names on the wire, and who may send which."""

import msgspec

from signaling.inbox import ONLY
from signaling.protocol import ClientMessage

BOTH = frozenset({"customer", "agent"})

ROLES: dict[type, frozenset[str]] = {
    kind: frozenset({ONLY[kind]}) if kind in ONLY else BOTH for kind in ClientMessage.__args__
}
"""By client message; the service enforces it."""


class _Tagged(msgspec.Struct):
    type: str


def tag_of(kind: type) -> str:
    """The `type` on the wire of a message struct."""
    assert issubclass(kind, msgspec.Struct)
    return str(kind.__struct_config__.tag)


KINDS = frozenset(map(tag_of, ROLES))
"""Every `type` a client may send."""


def kind_of(data: str) -> str:
    """The `type` of a message that could not be decoded whole; empty if it has none."""
    try:
        return msgspec.json.decode(data, type=_Tagged).type[:64]
    except (msgspec.DecodeError, RecursionError):
        return ""
