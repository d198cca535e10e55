"""What all inbound tracks of one leg share."""

from media.bridge.counters import Counters
from media.bridge.parameters import LegParameters
from media.bridge.ports import Outlet
from media.bridge.schedule import Schedule
from media.receive.arrivals import ArrivalRecorder
from media.receive.clock import SourceClock
from media.send.round_trip import RoundTrip
from media.wire.layout import LayoutIds
from media.wire.rtcp import (
    ReceiverReport,
    SourceDescription,
    build_receiver_report,
    build_source_description,
)

DEFAULT_ROUND_TRIP = 0.1
"""Assumed until the first report block echoes one of our sender reports."""


class Uplink:
    """One page's way to us: feedback state, clock and round trip."""

    __slots__ = (
        "arrivals",
        "clock",
        "counters",
        "ids",
        "outlet",
        "parameters",
        "round_trips",
        "schedule",
        "sender_ssrc",
    )

    def __init__(self, parameters: LegParameters, outlet: Outlet, counters: Counters, schedule: Schedule) -> None:
        extensions = parameters.extensions
        self.parameters = parameters
        self.outlet = outlet
        self.counters = counters
        self.arrivals = ArrivalRecorder()
        self.clock = SourceClock()
        self.round_trips = RoundTrip()
        self.ids = LayoutIds(extensions.mid, extensions.audio_level, extensions.abs_send_time, extensions.transport_cc)
        self.sender_ssrc = parameters.outbound[0].ssrc if parameters.outbound else 1
        """Who our RTCP says it is from."""
        self.schedule = schedule

    @property
    def round_trip(self) -> float:
        """Seconds; an assumption before the first measurement."""
        return self.round_trips.smoothed or DEFAULT_ROUND_TRIP

    def compound(self, feedback: bytes) -> bytes:
        """Feedback as it may leave: as it is where the peer takes reduced-size RTCP, else behind an empty report."""
        if self.parameters.reduced_size_rtcp:
            return feedback
        return (
            build_receiver_report(ReceiverReport(self.sender_ssrc)) + self.description((self.sender_ssrc,)) + feedback
        )

    def description(self, ssrcs: tuple[int, ...]) -> bytes:
        """SDES with our canonical name."""
        name = self.parameters.cname.encode()[:255]
        return build_source_description(SourceDescription(tuple((ssrc, name) for ssrc in ssrcs)))
