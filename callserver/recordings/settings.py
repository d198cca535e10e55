"""Settings of recordings; part of `callserver.config.Settings`, which reads them."""

from collections.abc import Iterator
from typing import get_args, get_type_hints

import msgspec

from signaling.policy import CallPolicy


class RecordingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mode: str = "off"
    """off, agent (when the agent wants it) or always; a site may have its own (`callserver site set`)."""
    consent: str = "notice"
    """notice (customers are told) or ask (nothing is recorded before they agree)."""
    announce: bool = True
    """Say it, too, in the customer's language, when a recording begins, pauses, goes on and ends or a call is held."""
    audio_only: bool = False
    """Record voices without pictures."""
    retention_days: float = 30.0
    """After so many days a recording is deleted, its key first."""
    max_gigabytes: float = 0.0
    """All recordings together; beyond that the oldest are deleted first, however young; 0: no bound."""
    clean_voice: bool = False
    """Exports have less noise and an even level; needs the extra `voice`. The recordings stay as they were sent."""
    directory: str = ""
    """Where recordings lie; empty: data_dir/recordings."""
    key_file: str = ""
    """Master keys of recordings, made at first use for the owner only; empty: data_dir/recording.keys."""


def policy(settings: RecordingSettings, waiting_music: bool) -> CallPolicy:
    """The policy of sites that have none of their own."""
    return msgspec.convert(
        {
            "recording": settings.mode,
            "consent": settings.consent,
            "announce": settings.announce,
            "audio_only": settings.audio_only,
            "retention_days": settings.retention_days,
            "waiting_music": waiting_music,
        },
        CallPolicy,
    )


def problems(settings: RecordingSettings) -> Iterator[str]:
    """What cannot be used, one sentence each."""
    hints = get_type_hints(CallPolicy)
    for name, field in (("mode", "recording"), ("consent", "consent")):
        known = get_args(hints[field])
        if getattr(settings, name) not in known:
            yield f"recording.{name}: {getattr(settings, name)!r}; expected one of {', '.join(known)}"
    if not settings.max_gigabytes >= 0:
        yield f"recording.max_gigabytes: {settings.max_gigabytes}; expected 0 or more"
    if not 0 < settings.retention_days <= 36_500:
        yield f"recording.retention_days: {settings.retention_days}; expected more than 0 and at most 36500"
