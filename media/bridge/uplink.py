"""What all inbound tracks of one leg share."""

from collections.abc import Callable
from itertools import pairwise
from math import ceil, log

from media.bridge.counters import Counters
from media.bridge.lossiness import Lossiness
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
ONE_IS_ENOUGH, NONE_COMES, MAX_COPIES = 0.02, 0.03, 4
"""Loss towards the page from which on feedback and requests are repeated: until so few of them are lost altogether."""
MAX_REPEATED_BYTES = 600
FULL, CLEAR = 0.25, 0.1
"""Seconds that packets stand in a queue on their way to us: more and the page is told, less and it is told again."""
DEFAULT_ROUND_TRIP = 0.1
"""Assumed until the first report block echoes one of our sender reports."""


class Uplink:
    """One page's way to us: feedback state, clock and round trip."""

    __slots__ = (
        "_octets_judged",
        "_queued",
        "_told",
        "arrivals",
        "clock",
        "copies",
        "counters",
        "full",
        "ids",
        "loss",
        "lossiness",
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
        self.copies = 1
        """How often what we say of the uplink is said, because the way to the page loses some of it."""
        self._told: list[list[bytes]] = []
        """The last feedback, to be said again."""
        self.ids = LayoutIds(extensions.mid, extensions.audio_level, extensions.abs_send_time, extensions.transport_cc)
        self.sender_ssrc = parameters.outbound[0].ssrc if parameters.outbound else 1
        """Who our RTCP says it is from."""
        self.schedule = schedule
        self._queued = 0.0
        self.full = False
        """Whether what the page sends stands in a queue that it fills itself."""
        self.lossiness = Lossiness()
        self.tell: Callable[[bool, bool], None] | None = None
        """Set by the shell, called when that changes: a browser learns of it later, and less of it."""
        self.video_limit_bps = float("inf")
        """What the receivers of this page's pictures can carry."""
        self.wish: Callable[[float, bool], None] | None = None
        """Set by the shell if the page can be told by signaling what its encoder should make (bit/s, infinite: free;
        whether in temporal layers).

        That is better than REMB: a page's own estimate of its uplink survives it, so that it is back at full rate in
        two seconds instead of twenty (REMB lets the estimate fall to the cap, and it grows by 8 % a second).
        """

    @property
    def round_trip(self) -> float:
        """Seconds; an assumption before the first measurement."""
        return self.round_trips.smoothed or DEFAULT_ROUND_TRIP

    def spare(self, downlink_bps: float, loss: float) -> None:
        """Feedback leaves as seldom as a link of this rate towards the page asks for, as often as its loss makes it."""
        self.copies = 1 if loss < ONE_IS_ENOUGH else min(ceil(log(NONE_COMES) / log(min(loss, 0.9))), MAX_COPIES)
        interval = self.copies * FEEDBACK_BITS / (FEEDBACK_SHARE * downlink_bps)
        self.arrivals.least_interval = min(interval, SLOWEST_FEEDBACK)

    def judge(self, queued_seconds: float) -> None:
        """Whether packets come so much later than the fastest that a queue stands, and how much is lost by chance."""
        seconds, self._queued = min(queued_seconds, self._queued), queued_seconds
        before = (self.full, bool(self.lossiness.step))
        self.full = seconds > (CLEAR if self.full else FULL)
        self.lossiness.take(self.loss)
        judged = (self.full, bool(self.lossiness.step))
        if judged != before and self.tell is not None:
            self.tell(*judged)

    def path_changed(self) -> None:
        """Nothing measured holds for the path from now on."""
        self.loss = LossModel()
        self._told = []
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
            return self._repeated(arrivals.feedback(self.sender_ssrc, media_ssrc, now))
        random = self.loss.limit_bps is None
        if random:
            patience = min(2.5 * self.round_trip + 0.05, MAX_PATIENCE) if self.loss.loss > FEW else NOTICED_AFTER
            oldest = asked[0] if asked else now
            arrivals.hold(max(min(oldest, now - NOTICED_AFTER), now - patience))
        self._judge(arrivals.fates(), octets)
        if random:
            self.counters.losses_concealed += arrivals.conceal(asked)
        parts = arrivals.feedback(self.sender_ssrc, media_ssrc, now, random)
        return self._repeated(parts) if random else parts

    def _repeated(self, parts: list[bytes]) -> list[bytes]:
        """Behind copies of the feedback before, on a way that loses some.

        A browser ignores what it was told before, and what it was never told counts as not arrived: it would take half
        of its rate to be all that gets through (transport_feedback_adapter.cc, acknowledged_bitrate_estimator.cc).
        Losses are not told again, they would count twice.
        """
        before = [part for told in self._told[1 - self.copies :] for part in told] if self.copies > 1 else []
        if self.copies > 1:
            small = sum(map(len, parts)) <= MAX_REPEATED_BYTES
            self._told = [*self._told[2 - MAX_COPIES :], parts if small else []]
        elif self._told:
            self._told = []
        return before + parts

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
