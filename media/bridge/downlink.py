"""What all outbound tracks of one leg share."""

import struct

from media.bridge.counters import Counters
from media.bridge.ports import Outlet
from media.bridge.schedule import Schedule
from media.send.allowance import Allowance
from media.wire.layout import Layout

RESENDS_PER_SECOND = 600.0
RESEND_BURST = 300.0

_SHORT = struct.Struct("!H")


class Downlink:
    """One page's way from us. The transport-wide counter runs over everything sent to it."""

    __slots__ = ("counters", "outlet", "resend_allowance", "schedule", "transport_sequence")

    def __init__(self, outlet: Outlet, counters: Counters, schedule: Schedule) -> None:
        self.outlet = outlet
        self.counters = counters
        self.transport_sequence = -1
        self.resend_allowance = Allowance(RESENDS_PER_SECOND, RESEND_BURST)
        self.schedule = schedule

    def stamp(self, packet: bytearray, layout: Layout, now: float) -> None:
        """Give a packet that leaves a second time its own transport-wide number and sending time."""
        if layout.transport_cc:
            self.transport_sequence = (self.transport_sequence + 1) & 0xFFFF
            _SHORT.pack_into(packet, layout.transport_cc, self.transport_sequence)
        if layout.abs_send_time:
            moment = int(now * (1 << 18)) & 0xFFFFFF
            packet[layout.abs_send_time : layout.abs_send_time + 3] = moment.to_bytes(3)
