"""What a page says of its own side, already checked: None is "not known"."""

from typing import NamedTuple


class PageView(NamedTuple):
    """One report's values, as rates and shares of its time."""

    concealed: float | None = None
    """Share of the voice that was made up."""
    buffer_ms: float | None = None
    """How long voice waited to be played."""
    fps: float | None = None
    height: int | None = None
    frozen: float | None = None
    """Share of the time the picture stood still."""
    fps_sent: float | None = None
    height_sent: int | None = None
    limited_by: str = ""
    """`cpu`, `bandwidth`, `other` or empty (none, or not known)."""
    level: float | None = None
    """Loudest the microphone was, 0 to 1."""
    black: bool | None = None
    silenced: float | None = None
    """Share of the voice that was made up as silence: gaps of more than a moment, or nobody sent."""
    stretched: float | None = None
    """Share of the voice that was put in or taken out to play slower or faster."""
