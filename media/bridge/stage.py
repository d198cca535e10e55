"""What is played to one leg: music or a picture while nobody feeds it, and a notice that is heard at once."""

from collections.abc import Callable
from typing import NamedTuple

from media.api import Slot
from media.bridge.player import Picture, PicturePlayer, Player, VoicePlayer


class Clip(NamedTuple):
    """An announcement, encoded."""

    name: str
    voice: tuple[bytes, ...] = ()
    """Opus packets of 20 ms."""
    picture: Picture | None = None
    repeat: bool = False
    """For ever, while nobody else feeds the leg; else once, also over a running call."""


class Stage:
    """One leg's announcements: at most one that is repeated and one that is not."""

    def __init__(self, changed: Callable[[float], None]) -> None:
        """`changed` is called when a slot becomes free by itself."""
        self.ended: Callable[[str], None] | None = None
        """Set by the shell; called with the name of what was played to its end."""
        self._changed = changed
        self._music: VoicePlayer | None = None
        self._still: PicturePlayer | None = None
        self._notice: VoicePlayer | None = None
        self._names: dict[bool, str] = {}
        self._cast: dict[Slot, Player] = {}

    @property
    def playing(self) -> tuple[str, ...]:
        """Names, the repeated one first."""
        return tuple(self._names[repeat] for repeat in (True, False) if repeat in self._names)

    def play(self, clip: Clip) -> None:
        """Begin; what is repeated and runs already goes on."""
        if clip.repeat:
            if self._names.get(True) == clip.name:
                return
            self._music = VoicePlayer(clip.voice, repeat=True) if clip.voice else None
            self._still = PicturePlayer(clip.picture) if clip.picture is not None else None
        else:
            self._notice = VoicePlayer(clip.voice, repeat=False)
        self._names[clip.repeat] = clip.name

    def clear(self) -> None:
        """Nothing is played any more."""
        self._music = self._still = self._notice = None
        self._names.clear()
        self._cast = {}

    def cast(self, free: set[Slot], *, talking: bool) -> dict[Slot, Player]:
        """Who plays in which slot, given those that no page feeds. `talking`: the leg hears somebody.

        A notice over a running call takes the second voice's slot for its few seconds, whoever is heard there.
        """
        cast: dict[Slot, Player] = {}
        if not talking and self._music is not None and Slot.AUDIO in free:
            cast[Slot.AUDIO] = self._music
        if not talking and self._still is not None and Slot.MAIN in free:
            cast[Slot.MAIN] = self._still
        if self._notice is not None:
            cast[Slot.AUDIO_SIDE if talking else Slot.AUDIO] = self._notice
        self._cast = cast
        return cast

    def poll(self, now: float, *, quiet: bool = False) -> None:
        """Send what is due; `quiet`: the leg has no room for it now."""
        for player in tuple(self._cast.values()):
            if player.next_timeout() <= now:
                if quiet:
                    player.wait(now)
                else:
                    player.poll(now)
        if self._notice is not None and self._notice.ended:
            name = self._names.pop(False)
            self._notice = None
            self._changed(now)
            if self.ended is not None:
                self.ended(name)

    def next_timeout(self) -> float:
        """When `poll` has work."""
        return min((player.next_timeout() for player in self._cast.values()), default=float("inf"))
