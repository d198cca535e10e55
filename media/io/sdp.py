"""Session descriptions cut into lines and sections (RFC 8866), bounded before anything is looked at.

Only what an answer to our own offer can hold; what a line means is for media/io/answer.py to say.
"""

from collections.abc import Iterator
from typing import NamedTuple

from media.errors import NegotiationError

MAX_BYTES = 16 * 1024
MAX_LINES = 600
MAX_MEDIA_LINES = 8
MAX_CANDIDATES = 20


class Section(NamedTuple):
    """An m-line with its attributes, or the part before the first one (kind and port empty)."""

    kind: str
    port: str
    protocol: str
    payload_types: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    """(name, value) of every a= line in order; value empty for flags."""

    def values(self, name: str) -> list[str]:
        """Values of every attribute of this name."""
        return [value for key, value in self.attributes if key == name]

    def first(self, name: str) -> str | None:
        """The first value, None without the attribute."""
        return next((value for key, value in self.attributes if key == name), None)

    def has(self, name: str) -> bool:
        return self.first(name) is not None


class Description(NamedTuple):
    session: Section
    media: tuple[Section, ...]


def parse_description(text: str) -> Description:
    """Cut a description into sections; raise NegotiationError with the reason for anything too large or not SDP."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise NegotiationError(f"the description is longer than {MAX_BYTES} bytes")
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise NegotiationError(f"the description has more than {MAX_LINES} lines")
    if not lines or lines[0] != "v=0":
        raise NegotiationError("a description begins with v=0")
    if sum(line.startswith("m=") for line in lines) > MAX_MEDIA_LINES:
        raise NegotiationError(f"more than {MAX_MEDIA_LINES} m-lines")
    if sum(line.startswith("a=candidate:") for line in lines) > MAX_CANDIDATES:
        raise NegotiationError(f"more than {MAX_CANDIDATES} candidates")
    session, *media = (_section(block) for block in _blocks(lines))
    return Description(session, tuple(media))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line.startswith("m="):
            yield block
            block = []
        block.append(line)
    yield block


def _section(lines: list[str]) -> Section:
    attributes = []
    for line in lines:
        if line[1:2] != "=":
            raise NegotiationError(f"not a line of a description: {shown(line)}")
        if line.startswith("a="):
            name, _, value = line[2:].partition(":")
            attributes.append((name, value.strip()))
    if not lines[0].startswith("m="):
        return Section("", "", "", (), tuple(attributes))
    words = lines[0][2:].split(" ")
    if len(words) < 4:
        raise NegotiationError(f"an m-line has kind, port, protocol and formats: {shown(lines[0])}")
    return Section(words[0], words[1], words[2], tuple(words[3:]), tuple(attributes))


def shown(text: str) -> str:
    """A peer's text, short enough and harmless in an error message."""
    return repr(text[:60])
