"""What all inbound tracks of one leg share."""

from collections.abc import Callable
from itertools import pairwise

from media.api import UplinkLoss
from media.bridge.counters import Counters
from media.bridge.parameters import LegParameters
from media.bridge.ports import Outlet
from media.bridge.schedule import Schedule
from media.bwe.loss import LossModel
from media.receive.arrivals import NOTICED_AFTER, ArrivalRecorder
from media.receive.clock import SourceClock
from media.send.round_trip import RoundTrip
from media.wire.layout import LayoutIds
from media.wire.rtcp import (
    ReceiverReport,
    SourceDescription,
    build_receiver_report,
    build_source_description,
)

MAX_PATIENCE = 0.4
"""How long feedback waits for a retransmission: two round trips of a bad link."""
FEW = 0.15
"""With less loss the page's estimate can do without what is asked for again: feedback need not wait for it.

libwebrtc raises its rate to 1.5 times what it knows to have arrived, not beyond (aimd_rate_control.cc)."""
FEEDBACK_BITS = 100 * 8
"""A feedback packet of some twenty arrivals, with SRTCP, UDP and IP around it."""
FEEDBACK_SHARE, SLOWEST_FEEDBACK = 0.05, 0.25
"""Of the link towards the page, and seconds (libwebrtc's own bounds: remote_estimator_proxy.cc; RFC 3550 §6.2)."""
SOME, MUCH, BETTER = 0.03, 0.25, 0.6
"""Random loss from which on it is some, and much; the share of these below which it is not any more."""
FULL, CLEAR = 0.25, 0.1
"""Seconds that packets stand in a queue on their way to us: more and the page is told, less and it is told again."""
DEFAULT_ROUND_TRIP = 0.1
"""Assumed until the first report block echoes one of our sender reports."""


class Uplink:
    """One page's way to us: feedback state, clock and round trip."""

    __slots__ = (
        "_octets_judged",
        "_queued",
        "arrivals",
        "clock",
        "counters",
        "full",
        "ids",
        "loss",
        "lossy",
        "outlet",
        "parameters",
        "round_trips",
        "schedule",
        "sender_ssrc",
        "tell",
        "video_limit_bps",
        "wish",
    )

    def __init__(self, parameters: LegParameters, outlet: Outlet, counters: Counters, schedule: Schedule) -> None:
        extensions = parameters.extensions
        self.parameters = parameters
        self.outlet = outlet
        self.counters = counters
        self.arrivals = ArrivalRecorder()
        self.clock = SourceClock()
        self.round_trips = RoundTrip()
        self.loss = LossModel()
        """Whether what the uplink loses is random or the sign of a link that is full."""
        self._octets_judged = 0
        self.ids = LayoutIds(extensions.mid, extensions.audio_level, extensions.abs_send_time, extensions.transport_cc)
        self.sender_ssrc = parameters.outbound[0].ssrc if parameters.outbound else 1
        """Who our RTCP says it is from."""
        self.schedule = schedule
        self._queued = 0.0
        self.full = False
        """Whether what the page sends stands in a queue that it fills itself."""
        self.lossy: UplinkLoss = ""
        self.tell: Callable[[bool, UplinkLoss], None] | None = None
        """Set by the shell, called when that changes: a browser learns of it later, and less of it."""
        self.video_limit_bps = float("inf")
        """What the receivers of this page's pictures can carry."""
        self.wish: Callable[[float], None] | None = None
        """Set by the shell if the page can be told by signaling what its encoder should make (bit/s, infinite: free).

        That is better than REMB: a page's own estimate of its uplink survives it, so that it is back at full rate in
        two seconds instead of twenty (REMB lets the estimate fall to the cap, and it grows by 8 % a second).
        """

    @property
    def round_trip(self) -> float:
        """Seconds; an assumption before the first measurement."""
        return self.round_trips.smoothed or DEFAULT_ROUND_TRIP

    def spare(self, downlink_bps: float) -> None:
        """Feedback leaves as seldom as a link of this rate towards the page asks for."""
        self.arrivals.least_interval = min(FEEDBACK_BITS / (FEEDBACK_SHARE * downlink_bps), SLOWEST_FEEDBACK)

    def judge(self, queued_seconds: float) -> None:
        """Whether packets come so much later than the fastest one did that a queue stands, and how much is lost."""
        seconds, self._queued = min(queued_seconds, self._queued), queued_seconds
        full = seconds > (CLEAR if self.full else FULL)
        lossy = self._lossy()
        if (full, lossy) != (self.full, self.lossy):
            self.full, self.lossy = full, lossy
            if self.tell is not None:
                self.tell(full, lossy)

    def _lossy(self) -> UplinkLoss:
        if self.loss.limit_bps is not None:
            return ""
        if self.loss.random_loss > MUCH * (BETTER if self.lossy == "much" else 1.0):
            return "much"
        return "some" if self.loss.random_loss > SOME * (BETTER if self.lossy else 1.0) else ""

    def path_changed(self) -> None:
        """Nothing measured holds for the path from now on."""
        self.loss = LossModel()
        self.arrivals.path_changed()

    def feedback(self, media_ssrc: int, octets_received: int, asked: list[float], now: float) -> list[bytes]:
        """Transport-wide feedback. Random loss is not told: we repair it, and the page would slow down for nothing."""
        arrivals = self.arrivals
        octets, self._octets_judged = octets_received - self._octets_judged, octets_received
        whole = arrivals.gapless()
        if whole is not None:
            first, last, count = whole
            self.loss.add(first, last, count, 0, 0, octets)
            self.loss.update()
            return arrivals.feedback(self.sender_ssrc, media_ssrc, now)
        random = self.loss.limit_bps is None
        if random:
            patience = min(2.5 * self.round_trip + 0.05, MAX_PATIENCE) if self.loss.loss > FEW else NOTICED_AFTER
            oldest = asked[0] if asked else now
            arrivals.hold(max(min(oldest, now - NOTICED_AFTER), now - patience))
        self._judge(arrivals.fates(), octets)
        if random:
            self.counters.losses_concealed += arrivals.conceal(asked)
        return arrivals.feedback(self.sender_ssrc, media_ssrc, now, random)

    def _judge(self, fates: list[float | None], octets: int) -> None:
        """Show the loss model what came and what did not; the size of what was lost is taken as the mean."""
        times = [time for time in fates if time is not None]
        if not times:
            return
        lost = len(fates) - len(times)
        runs = sum(1 for before, time in pairwise([0.0, *fates]) if time is None and before is not None) if lost else 0
        self.loss.add(min(times), max(times), len(fates), lost, runs, octets * len(fates) // len(times))
        self.loss.update()

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
