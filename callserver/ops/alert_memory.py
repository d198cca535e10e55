"""Silences and acknowledgements in a file, so that a restart of the control process wakes nobody a second time."""

import logging
import os
from pathlib import Path

import msgspec

from callserver.ops.alerts import Key, Silence

logger = logging.getLogger(__name__)
MAX_BYTES = 1 << 20


class Acknowledged(msgspec.Struct, frozen=True):
    """Somebody took care of this alert, which held when the file was written."""

    rule: str
    subject: str
    by: str

    @property
    def key(self) -> Key:
        return Key(self.rule, self.subject)


class Memory(msgspec.Struct, frozen=True):
    """What outlives the process; times are wall-clock seconds."""

    silences: list[Silence] = []
    acknowledged: list[Acknowledged] = []


def load(path: Path) -> Memory:
    """What was kept; nothing if there is no such file, or none that can be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("too large")
        return msgspec.json.decode(path.read_bytes(), type=Memory)
    except FileNotFoundError:
        return Memory()
    except (OSError, ValueError) as error:
        logger.warning("silences of alerts are forgotten: %s cannot be read (%s)", path, error)
        return Memory()


def save(path: Path, memory: Memory) -> None:
    """Replace the file as a whole; raise OSError."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(msgspec.json.encode(memory))
    os.replace(new, path)
