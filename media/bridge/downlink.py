"""What all outbound tracks of one leg share: the transport-wide counter, the pacer, the record of what was sent."""

import struct
from collections.abc import Callable

from media.bridge.allocation import LINK_OVERHEAD_BYTES
from media.bridge.counters import Counters
from media.bridge.lossiness import Lossiness
from media.bridge.parameters import ExtensionIds
from media.bridge.ports import Outlet
from media.bridge.schedule import Schedule
from media.send.allowance import Allowance
from media.send.pacer import Pacer
from media.wire.layout import Layout

RESENDS_PER_SECOND = 600.0
RESEND_BURST = 300.0
START_BPS = 10_000_000.0
"""The pacer's rate until the page's first feedback: it holds nothing back."""

_SHORT = struct.Struct("!H")


def _unrecorded(sequence: int, now: float, size_bytes: int, cluster: int = 0) -> None:
    """Nobody estimates."""


class Downlink:
    """One page's way from us. The transport-wide counter (unbounded) runs over everything sent to it."""

    __slots__ = (
        "counters",
        "extensions",
        "loss",
        "lossiness",
        "outlet",
        "pacer",
        "resend_allowance",
        "schedule",
        "sent",
        "transport_sequence",
    )

    def __init__(self, outlet: Outlet, counters: Counters, schedule: Schedule) -> None:
        self.outlet = outlet
        self.counters = counters
        self.extensions = ExtensionIds()
        """What the page takes in headers of our own making."""
        self.loss = 0.0
        """Fraction of packets that do not reach the page, before repair."""
        self.lossiness = Lossiness()
        self.transport_sequence = -1
        self.resend_allowance = Allowance(RESENDS_PER_SECOND, RESEND_BURST)
        self.schedule = schedule
        self.pacer = Pacer(START_BPS)
        self.sent: Callable[[int, float, int, int], None] = _unrecorded
        """Takes number, time, size on the link and probe cluster of every packet that carries a number."""

    def send(self, packet: bytearray, layout: Layout, now: float, cluster: int = 0) -> bytes:
        """Send a packet that is not in the arena, with its own transport-wide number and sending time."""
        if layout.transport_cc:
            self.transport_sequence += 1
            _SHORT.pack_into(packet, layout.transport_cc, self.transport_sequence & 0xFFFF)
            self.sent(self.transport_sequence, now, len(packet) + LINK_OVERHEAD_BYTES, cluster)
        if layout.abs_send_time:
            moment = int(now * (1 << 18)) & 0xFFFFFF
            packet[layout.abs_send_time : layout.abs_send_time + 3] = moment.to_bytes(3)
        data = bytes(packet)
        self.outlet.send_rtp_bytes(data)
        return data
