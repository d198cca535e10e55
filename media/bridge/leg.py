"""One participant's media in a call: everything between its decrypted packets and the bridge. No I/O, no clock."""

from collections.abc import Callable

from media.api import Kind, LegStats
from media.bridge.counters import Counters
from media.bridge.parameters import LegParameters
from media.bridge.ports import Outlet
from media.wire.buffer import PacketBuffer


class Leg:
    """Made by `Bridge.add_leg`. Every `now` is the shell's monotonic clock in seconds."""

    leg_id: str
    last_received: float
    """When the last RTP or RTCP packet came in (of any quality); the time of `add_leg` before the first."""
    started_kinds: set[Kind]
    """Kinds of which at least one packet arrived."""
    media_started: Callable[[Kind], None] | None
    """Set by the shell; called once a kind, inside `receive_rtp`, for media.api.MediaStarted."""

    def __init__(
        self, call_id: str, leg_id: str, parameters: LegParameters, outlet: Outlet, counters: Counters, now: float
    ) -> None:
        raise NotImplementedError

    def receive_rtp(self, packet: PacketBuffer, now: float) -> None:
        """Take one decrypted RTP packet; it may be rewritten and leave through other legs' outlets before this returns.

        Never raises for bad input: counts it.
        """
        raise NotImplementedError

    def receive_rtcp(self, data: bytes, now: float) -> None:
        """Take one decrypted compound or reduced-size RTCP packet. Never raises for bad input: counts it."""
        raise NotImplementedError

    def poll(self, now: float, ntp_time: int) -> None:
        """Send the RTCP that is due. `ntp_time`: the wall clock at `now` as a 64-bit NTP timestamp (media.wire.ntp)."""
        raise NotImplementedError

    def next_timeout(self) -> float:
        """When `poll` has work next. May move closer during `receive_rtp` (a gap to be reported): ask after a batch."""
        raise NotImplementedError

    def stats(self, now: float) -> LegStats:
        """Counters since the leg was made; `transport` is left empty for the shell to fill (msgspec.structs.replace)."""
        raise NotImplementedError

    def close(self, now: float) -> None:
        """Say BYE for everything we sent. Called by `Bridge.remove_leg`."""
        raise NotImplementedError
