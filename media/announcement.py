"""What can be played to a leg: the names of announcements, and their languages."""

from enum import StrEnum


class Announcement(StrEnum):
    """What `MediaEngine.play` knows. `SPOKEN` ones take a language: `recording_started.de`."""

    WAITING = "waiting"
    """Music, for a customer who waits to be answered."""
    RING_BACK = "ring_back"
    """The far side's telephone rings."""
    HOLD = "hold"
    """Music and the hold picture."""
    HOLD_PICTURE = "hold_picture"
    """The picture alone."""
    PLEASE_WAIT = "please_wait"
    ON_HOLD = "on_hold"
    RECORDING_STARTED = "recording_started"
    RECORDING_PAUSED = "recording_paused"
    RECORDING_RESUMED = "recording_resumed"
    RECORDING_STOPPED = "recording_stopped"


_WORDLESS = (Announcement.WAITING, Announcement.RING_BACK, Announcement.HOLD, Announcement.HOLD_PICTURE)
SPOKEN = frozenset(Announcement) - frozenset(_WORDLESS)
SPOKEN_LANGUAGES = ("en", "es", "de", "fr", "pt-BR", "ar", "id", "zh-CN")
