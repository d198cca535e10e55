"""One leg's downlink under control: the estimator's target, split and applied to what we send, and probed for more."""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import cast

from media.bridge.allocation import LINK_OVERHEAD_BYTES, UNHEARD_LOSS, Allocation, Allocator, LinkView
from media.bridge.downlink import Downlink
from media.bridge.lossiness import MUCH
from media.bridge.outbound import OutboundTrack
from media.bridge.outbound_audio import AudioOut
from media.bridge.outbound_video import VideoOut
from media.bridge.parameters import LegParameters
from media.bwe.estimator import Estimator
from media.bwe.probe import ProbePlan
from media.send.allowance import Allowance
from media.wire.serial import unwrap16
from media.wire.transport_cc import REFERENCE_TICKS, TICK_SECONDS, TransportFeedback

FEEDBACKS_PER_SECOND = 60.0
MAX_STATUSES = 1_000
"""More packets than any peer is sent between two feedbacks; the rest of a lying one is not read."""
UPDATE_INTERVAL = 0.2
"""Without feedback the target is looked at this often."""
TEND_INTERVAL, IDLE_TEND_INTERVAL = 0.05, 0.5
FIRST_PROBE_SECONDS = 0.2
BLIND_PROBES = 3
"""A leg is probed (with padding) as soon as it stands, so that its rate is known when somebody answers; but a page
that sends no feedback is left in peace."""
LOSSY = 0.1
"""From this loss on repair alone may keep the pacer busy for ever: it is probed beside it."""
RESTART_QUEUE_SECONDS = 0.1
STALE_SECONDS = 1.0
"""The rate fell so far that what waits would be seen this late."""
START_BPS = 300_000.0
"""Assumed on a path of which nothing is known."""
_REFERENCE_RANGE = 1 << 24
_PROBE_STEP = 0.004
_DEFAULT_AUDIO_PAYLOAD_BPS = 32_000.0
_AUDIO_HEADER_BYTES = 12 + 16

BURSTS = 2.0
"""Packets lost in a row, on average, from which on they are bursts."""
EXTRAS_BPS = 120_000
"""Music takes 60 kbps with its headers; half of the link is for the one who answers."""
EXTRAS_PATIENCE = 0.8


class RateControl:
    """Made with the leg. `feedback` and `remb` come from the page, `poll` from the leg's clock."""

    def __init__(
        self,
        downlink: Downlink,
        outbound: Sequence[OutboundTrack],
        parameters: LegParameters,
        rtt: Callable[[], float],
        asking_loss: Callable[[], float],
        now: float,
    ) -> None:
        self._downlink = downlink
        self._audio = [track for track in outbound if isinstance(track, AudioOut)]
        self._video = [track for track in outbound if isinstance(track, VideoOut)]
        self._max_video_bps = parameters.max_video_bps
        self._transport_cc = parameters.transport_cc
        self._rtt = rtt
        self._asking_loss = asking_loss
        self.estimator = Estimator(
            max_bps=1.6 * parameters.max_video_bps + 200_000, transport_cc=parameters.transport_cc
        )
        downlink.sent = self.estimator.sent
        self._allocator = Allocator()
        self.allocation = Allocation((), 1, float(parameters.max_video_bps), 0.0, False)
        self.video_paused: Callable[[bool], None] | None = None
        """Set by the shell; called when pictures to this leg stop for want of rate, and when they come back."""
        self._allowance = Allowance(FEEDBACKS_PER_SECOND, FEEDBACKS_PER_SECOND)
        self._reference: int | None = None
        self._update_due, self._tend_due = float("inf"), now + FIRST_PROBE_SECONDS
        self._extras_at = now + EXTRAS_PATIENCE
        self._probe: ProbePlan | None = None
        self._probe_started = 0.0
        self._probe_sent = 0
        self._probe_packets = 0
        self._heard = False
        self._blind_probes = 0
        self._applied_bps = 0.0
        self._paused = False

    def path_changed(self, stalled: bool, now: float) -> None:
        """Nothing measured holds for the path from now on: estimate and probe as for a leg that begins, rates staying
        as they are until that has shown something. `stalled`: the path before had died, with all that was sent."""
        self.estimator = Estimator(
            max_bps=1.6 * self._max_video_bps + 200_000, transport_cc=self._transport_cc, start_bps=START_BPS
        )
        self._downlink.sent = self.estimator.sent
        self._probe, self._heard, self._blind_probes = None, False, 0
        self._tend_due = now
        self._downlink.pacer.target_bps = max(self._downlink.pacer.target_bps, START_BPS)
        self._downlink.schedule.wake_at(now)
        if stalled:
            for video in self._video:
                video.give_up()

    def feedback(self, report: TransportFeedback, now: float) -> None:
        """Take one transport-cc feedback; what comes too often is left unread."""
        if not self._allowance.take(now) or self._downlink.transport_sequence < 0:
            return
        self._heard = True
        self.estimator.rtt = self._rtt()
        reports = self._reports(report)
        if any(video.told is not None for video in self._video):
            reports = list(reports)
            for video in self._video:
                video.answer(reports, now, self.estimator.rtt)
        self.estimator.feedback(reports, now)
        moved = abs(self.estimator.target_bps - self._applied_bps)
        if self._update_due <= now or moved > 0.04 * self._applied_bps:
            self._update(now)

    def remb(self, bps: int, now: float) -> None:
        """Take the page's own estimate: the target where the page has no transport-cc, else a cap."""
        self._heard = True
        self.estimator.remb(bps)
        self._update(now)

    def _reports(self, report: TransportFeedback) -> Iterable[tuple[int, float | None]]:
        """Unbounded sequence numbers and arrival seconds on the page's clock."""
        highest = self._downlink.transport_sequence
        sequence = unwrap16(report.base_sequence, highest)
        tick = self._unwrapped(report.reference_time) * REFERENCE_TICKS
        if None not in report.deltas:
            ticks = accumulate(cast(tuple[int, ...], report.deltas[:MAX_STATUSES]), initial=tick)
            numbers = range(sequence, highest + 1)
            next(ticks)
            return zip(numbers, [tick * TICK_SECONDS for tick in ticks], strict=False)
        reports: list[tuple[int, float | None]] = []
        for delta in report.deltas[:MAX_STATUSES]:
            if sequence > highest:
                break
            if delta is None:
                reports.append((sequence, None))
            else:
                tick += delta
                reports.append((sequence, tick * TICK_SECONDS))
            sequence += 1
        return reports

    def _unwrapped(self, reference: int) -> int:
        """The 24-bit reference time, which wraps after twelve days, without the wrap."""
        if self._reference is None:
            self._reference = reference
        step = (reference - self._reference + _REFERENCE_RANGE // 2) % _REFERENCE_RANGE - _REFERENCE_RANGE // 2
        self._reference += step
        return self._reference

    def _update(self, now: float) -> None:
        """Split the target anew and apply it."""
        self._update_due = now + UPDATE_INTERVAL
        estimator = self.estimator
        self._applied_bps = estimator.target_bps
        self._downlink.loss = estimator.loss.loss
        self._downlink.lossiness.take(estimator.loss)
        payloads = [bps for track in self._audio if (bps := track.payload_bps(now))]
        payload_bps = sum(payloads) or _DEFAULT_AUDIO_PAYLOAD_BPS
        overhead_bps = max(len(payloads), 1) * 50 * 8 * (LINK_OVERHEAD_BYTES + _AUDIO_HEADER_BYTES)
        view = LinkView(
            estimator.target_bps,
            estimator.loss.loss,
            estimator.loss.burst_length,
            self._rtt(),
            payload_bps + overhead_bps,
            payload_bps,
            min(self._fluent_bps, float(self._max_video_bps)),
            estimator.sustained_bps,
            self._asking_loss(),
        )
        self.allocation = self._allocator.split(view, now)
        self._apply(now)

    def _apply(self, now: float) -> None:
        allocation = self.allocation
        for audio in self._audio:
            audio.protect(allocation.distances, allocation.join_frames)
        for video in self._video:
            video.parity = allocation.parity
            video.bursts = self.estimator.loss.burst_length >= BURSTS
            video.repeats = allocation.repeats
            video.listen(self._asking_loss() >= UNHEARD_LOSS)
        if not self.estimator.confirmed:
            return  # nothing is known of the rate yet: nothing is held back
        self._downlink.pacer.target_bps = self.estimator.target_bps
        free = allocation.video_bps >= self._max_video_bps
        room = float("inf") if free else allocation.video_bps
        for video in self._video:
            video.limit(room, min(room, self._fluent_bps), allocation.video_paused, now)
        if allocation.video_paused != self._paused:
            self._paused = allocation.video_paused
            if self.video_paused is not None:
                self.video_paused(self._paused)

    def poll(self, now: float) -> None:
        """Send what was waiting, probe, and react to silence."""
        pacer = self._downlink.pacer
        while (packet := pacer.pop(now)) is not None:
            packet.sender.leave(packet, now)
        if self._probe is not None:
            self._continue_probe(now)
        if self._update_due <= now:
            self.estimator.silence(now, self._downlink.transport_sequence)
            self._update(now)
        if self._tend_due <= now:
            satisfied = self.estimator.target_bps >= self._wanted_bps and not any(v.starved for v in self._video)
            self._tend_due = now + (IDLE_TEND_INTERVAL if satisfied else TEND_INTERVAL)
            self._begin_probe(now)
            stale = pacer.queued_seconds > STALE_SECONDS
            for video in self._video:
                if stale:
                    video.give_up()
                if video.starved and pacer.queued_seconds < RESTART_QUEUE_SECONDS:
                    video.restart(now)

    def room_for_extras(self, now: float) -> bool:
        """Whether music and stills may be sent: never into a narrow link, where they would stand in the voice's way,
        nor before the first probe has been answered, or should have been."""
        if self.estimator.confirmed:
            return self.estimator.sustained_bps >= EXTRAS_BPS
        return not self._heard and (not self._transport_cc or now >= self._extras_at)

    def next_timeout(self, now: float) -> float:
        """When `poll` has work next."""
        due = min(self._update_due, self._tend_due)
        waiting = self._downlink.pacer.next_timeout(now)
        if waiting is not None:
            due = min(due, waiting)
        return min(due, now + _PROBE_STEP) if self._probe is not None else due

    def _begin_probe(self, now: float) -> None:
        unheard = not self._heard and self._blind_probes >= BLIND_PROBES
        busy, lossy = self._downlink.pacer.waiting, self.estimator.loss.random_loss > LOSSY
        if not self._transport_cc or self._probe is not None or unheard or (busy and not lossy):
            return
        self._probe = self.estimator.plan_probe(self._wanted_bps, now)
        self._probe_started, self._probe_sent, self._probe_packets = now, 0, 0
        if self._probe is not None:
            self._blind_probes += not self._heard
            self._continue_probe(now)

    @property
    def _fluent_bps(self) -> float:
        """What pictures should take at most, whatever fits: parity and copies make up for some loss, not for much, nor
        for some where requests are lost as well."""
        lossiness = self._downlink.lossiness
        unheard = lossiness.step and self._asking_loss() >= UNHEARD_LOSS
        return lossiness.fluent_bps if lossiness.step == MUCH or unheard else float("inf")

    @property
    def _wanted_bps(self) -> float:
        """What would be sent if nothing spoke against it."""
        return self._max_video_bps * (1.0 + self.allocation.parity) + 100_000

    def _continue_probe(self, now: float) -> None:
        """Send the part of the cluster that is due: pictures of a moment ago once more, else padding.

        It has its bytes and its packets: few large ones alone would show nothing.
        """
        plan = self._probe
        assert plan is not None
        track = next((track for track in self._video if track.source is not None), None)
        track = track or next(iter(self._video), None)
        due = plan.bps * (now - self._probe_started + _PROBE_STEP) / 8
        size = plan.size_bytes // plan.packets
        while track is not None and self._probe_sent < due:
            self._probe_sent += track.send_probe(plan.cluster, size, now)
            self._probe_packets += 1
            if self._probe_sent >= plan.size_bytes and self._probe_packets >= plan.packets:
                track = None
        if track is None:
            self._probe = None
