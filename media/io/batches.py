"""Datagrams in batches: how a system reads and sends them. `mmsg` is Linux', `plain` everybody's."""

from abc import ABC, abstractmethod
from typing import Any

from media.wire.buffer import PacketBuffer


class Receiver(ABC):
    """Reads datagrams into slots of its own."""

    slots: list[tuple[PacketBuffer, memoryview, Any]]
    """A slot, its sender's sockaddr, and something with `msg_len`, the datagram's length."""

    @abstractmethod
    def receive(self) -> int:
        """Fill slots; return how many, 0 when nothing is waiting."""


class Sender(ABC):
    """Gathers datagrams and sends them at once. Memory they point to must stay until `flush`."""

    capacity: int
    queued: int

    @abstractmethod
    def add(self, packet: PacketBuffer, name: object) -> None:
        """Queue a packet to a destination; there is room for `capacity`."""

    @abstractmethod
    def flush(self) -> int:
        """Send what is queued; return how many the kernel did not take."""
