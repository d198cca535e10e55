"""What a site wants of its calls beside the talking: recording, consent, announcements, music."""

from typing import Literal

import msgspec

DAY = 86_400.0


class CallPolicy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One site's choices; a call keeps those that were in force when its customer joined."""

    recording: Literal["off", "agent", "always"] = "off"
    """`agent`: when the agent wants it; `always`: every answered call, the agent may only pause."""
    consent: Literal["notice", "ask"] = "notice"
    """`ask`: nothing is recorded before the customer has agreed in the widget."""
    announce: bool = True
    """What happens to a recording, and that a call is held, is spoken, too, in the customer's language."""
    audio_only: bool = False
    retention_days: float = 30.0
    """After this long a recording is deleted, its key first."""
    waiting_music: bool = False
    """Music and a word for customers who wait, a ringing tone while it rings."""
