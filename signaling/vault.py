"""Where recordings and stills are kept, as the call service needs it; callserver/recordings is the real one."""

from typing import Protocol

import msgspec

from media.api import RecordingSpec, Snapshot


class VaultError(Exception):
    """It cannot be kept: no disk, no key. The text is for the operator and the agent."""


class Kept(msgspec.Struct, frozen=True):
    """A still that was stored."""

    photo_id: str
    width: int
    height: int


class Vault(Protocol):
    """Called by the performer; may take its time, and raises VaultError only."""

    async def prepare(self, recording_id: str, audio_only: bool, names: dict[str, str]) -> RecordingSpec:
        """Make directory and key of a recording, or find those it has."""

    async def keep_still(self, snapshot: Snapshot) -> Kept:
        """Store a picture of the stream."""

    async def drop_photo(self, photo_id: str) -> None:
        """Forget a picture; unknown ones are ignored."""


class NoVault:
    """A service that records nothing."""

    async def prepare(self, recording_id: str, audio_only: bool, names: dict[str, str]) -> RecordingSpec:
        raise VaultError("recordings are not set up")

    async def keep_still(self, snapshot: Snapshot) -> Kept:
        raise VaultError("pictures cannot be kept")

    async def drop_photo(self, photo_id: str) -> None:
        """There is none."""
