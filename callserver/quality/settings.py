"""Settings of quality data; part of `callserver.config.Settings`, which reads them."""

from collections.abc import Iterator

import msgspec


class QualitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keep_days: float = 14.0
    """Days that measured seconds of calls are kept (about 0.8 MB for an hour's call)."""
    keep_minutes_days: float = 365.0
    """Days that scores of minutes and verdicts are kept (about 20 KB for an hour's call)."""


def problems(quality: QualitySettings) -> Iterator[str]:
    """What cannot work."""
    for name in ("keep_days", "keep_minutes_days"):
        if not getattr(quality, name) > 0:
            yield f"quality.{name}: {getattr(quality, name)}; expected more than 0"
