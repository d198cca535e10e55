"""A path is a way to one peer: a UDP address or a TCP connection. What is above need not know which."""

from typing import Protocol

from media.io.address import Address
from media.wire.buffer import PacketBuffer


class PacketSink(Protocol):
    """Who gets the SRTP and DTLS of a verified path: the leg's transport."""

    def receive_media(self, packet: PacketBuffer, now: float) -> None: ...

    def receive_dtls(self, path: "Path", data: bytes, now: float) -> None: ...

    def lost(self, path: "Path") -> None:
        """The path ended or belongs to another leg now."""


class Path(Protocol):
    """How to reach a peer. Sending never blocks and never raises for network faults."""

    address: Address
    source: bytes
    """What limits count it as, see media.io.address.source_of."""
    transport: str
    """`udp4`, `udp6`, `tcp4` or `tcp6`."""
    owner: PacketSink | None
    """The leg that passed a STUN check on it; None before."""
    checked_at: float
    """When the last STUN check passed."""

    def send_packet(self, packet: PacketBuffer) -> None:
        """Queue the slot's `view[start:end]`; the slot may be used again after the endpoint's next flush."""

    def send_bytes(self, data: bytes) -> None:
        """Queue one datagram (STUN, DTLS)."""

    def forget(self) -> None:
        """The owner has no use for it any more."""
