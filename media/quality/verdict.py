"""What is found of a call: one trouble of one side, from its beginning to its end."""

from typing import NamedTuple

import msgspec


class Verdict(msgspec.Struct, frozen=True):
    """One trouble from its beginning to its end; wall-clock seconds."""

    begin: float = msgspec.field(name="from")
    end: float = msgspec.field(name="to")
    side: str
    direction: str
    kind: str
    severity: str
    value: float
    heard_by: tuple[str, ...]
    did: tuple[str, ...]
    tell: str
    title: str

    @property
    def name(self) -> str:
        """`kind.direction`, or `kind`."""
        return f"{self.kind}.{self.direction}" if self.direction else self.kind


class Holding(NamedTuple):
    """What holds now, as far as a hint needs it."""

    side: str
    direction: str
    kind: str
    severity: str
    begin: float
    end: float
