"""The bridge's side of the shell: where packets leave. Implemented by media/io, faked in tests."""

from typing import Protocol

from media.wire.buffer import PacketBuffer


class Outlet(Protocol):
    """One leg's way out. Never blocks, never raises for network faults: drops and counts."""

    def send_rtp(self, packet: PacketBuffer) -> None:
        """Encrypt the packet in place and queue it for this turn's flush. The buffer's content is consumed."""

    def send_rtp_bytes(self, data: bytes) -> None:
        """The same for a packet that lives outside the arena (a retransmission, a probe)."""

    def send_rtcp(self, data: bytes) -> None:
        """Encrypt and queue one compound (or reduced-size) RTCP packet."""
