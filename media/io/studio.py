"""What needs frames beside the forwarder: recordings, snapshots, announcements (media.api)."""

from media.api import RecordingSpec, Snapshot
from media.errors import UnavailableError


class Studio:
    """One engine's recordings, snapshots and announcements."""

    async def start_recording(self, call_id: str, spec: RecordingSpec) -> None:
        raise UnavailableError("this engine records nothing")

    async def pause_recording(self, call_id: str, recording_id: str, paused: bool) -> None:
        raise UnavailableError("this engine records nothing")

    async def stop_recording(self, call_id: str, recording_id: str) -> None:
        """Nothing is recorded."""

    async def snapshot(self, call_id: str, leg_id: str) -> Snapshot:
        raise UnavailableError("this engine takes no pictures")

    async def play(self, call_id: str, leg_id: str, announcement: str | None, repeat: bool) -> None:
        raise UnavailableError("this engine plays nothing")
