"""The files of announcements: ours, or the operator's own in their place. Read once, kept encoded."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from media.announcement import SPOKEN, SPOKEN_LANGUAGES, Announcement
from media.bridge.player import Picture
from media.bridge.stage import Clip
from media.errors import UnavailableError, WireError
from media.wire.containers import MAX_FILE_BYTES, read_ivf_vp8, read_ogg_opus
from media.wire.opus import packet_ms

logger = logging.getLogger(__name__)

Parsed = TypeVar("Parsed")

OWN_FILES = Path(__file__).parents[1] / "announcements"
FRAGMENT_BYTES = 1_100
_PACKET_MS = 20.0
_START, _CONTINUES = b"\x10", b"\x00"
"""VP8 payload descriptors (RFC 7741 §4.2) without picture numbers."""

_PARTS = {
    Announcement.WAITING: ("waiting", None),
    Announcement.RING_BACK: ("ring_back", None),
    Announcement.HOLD: ("waiting", "hold_picture"),
    Announcement.HOLD_PICTURE: (None, "hold_picture"),
}
"""Which sound and which picture an announcement that is not spoken has."""


class Announcements:
    """`directory` is the operator's: `NAME.opus` (Opus in Ogg, 20 ms packets) and `hold_picture.ivf` (VP8) there
    replace ours; spoken ones are `NAME.LANGUAGE.opus`."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directories = [OWN_FILES] if directory is None else [directory, OWN_FILES]
        self._voices: dict[str, tuple[bytes, ...]] = {}
        self._pictures: dict[str, Picture] = {}

    def load(self) -> None:
        """Read every file there is. Blocks: call it in a thread."""
        missing: list[str] = []
        for stated in (stated for name in Announcement for stated in stated_names(name)):
            try:
                self.clip(stated, repeat=False)
            except UnavailableError:
                missing.append(stated)
        if missing:
            logger.warning("announcements without a file: %s", ", ".join(missing))

    def clip(self, stated: str, repeat: bool) -> Clip:
        """The announcement, encoded; raise UnavailableError for one that there is not."""
        name, _, language = stated.partition(".")
        if name not in set(Announcement) or (language not in SPOKEN_LANGUAGES if name in SPOKEN else language):
            raise UnavailableError(f"there is no announcement {stated[:80]!r}")
        sound, still = _PARTS.get(Announcement(name), (stated, None))
        voice = self._voice(sound) if sound is not None else ()
        return Clip(stated, voice, self._picture(still) if still is not None else None, repeat)

    def _voice(self, name: str) -> tuple[bytes, ...]:
        voice = self._voices.get(name)
        if voice is None:
            voice = self._voices[name] = self._read(f"{name}.opus", _opus)
        return voice

    def _picture(self, name: str) -> Picture:
        picture = self._pictures.get(name)
        if picture is None:
            picture = self._pictures[name] = self._read(f"{name}.ivf", _vp8)
        return picture

    def _read(self, file_name: str, parse: Callable[[bytes], Parsed]) -> Parsed:
        """The first good file of that name."""
        problem = "no such file"
        for directory in self._directories:
            path = directory / file_name
            try:
                if path.stat().st_size > MAX_FILE_BYTES:
                    raise WireError("the file is too long")
                return parse(path.read_bytes())
            except FileNotFoundError:
                continue
            except (OSError, WireError) as error:
                problem = f"{path}: {error}"
                logger.warning("a file of an announcement cannot be used: %s", problem)
        raise UnavailableError(f"the announcement {file_name} cannot be played: {problem}")


def stated_names(name: Announcement) -> Iterable[str]:
    """How `play` names it: once, or once a language."""
    return (f"{name}.{language}" for language in SPOKEN_LANGUAGES) if name in SPOKEN else (name.value,)


def _opus(data: bytes) -> tuple[bytes, ...]:
    packets = tuple(read_ogg_opus(data))
    if not packets or any(packet_ms(packet) != _PACKET_MS for packet in packets):
        raise WireError("its packets are not of 20 ms")
    return packets


def _vp8(data: bytes) -> Picture:
    frames = read_ivf_vp8(data)
    return Picture(_payloads(frames[0]), _payloads(frames[1]) if len(frames) > 1 else ())


def _payloads(frame: bytes) -> tuple[bytes, ...]:
    """A frame in RTP payloads."""
    parts = [frame[at : at + FRAGMENT_BYTES] for at in range(0, len(frame), FRAGMENT_BYTES)]
    return tuple((_CONTINUES if index else _START) + part for index, part in enumerate(parts))
