"""One participant's media in a call: everything between its decrypted packets and the bridge. No I/O, no clock."""

import random
import struct
from collections.abc import Callable

from media.api import Kind, LegStats, Slot
from media.bridge.counters import Counters
from media.bridge.downlink import Downlink
from media.bridge.inbound import InboundStream, InboundTrack
from media.bridge.outbound import OutboundTrack
from media.bridge.outbound_audio import AudioOut
from media.bridge.outbound_red import video_out
from media.bridge.parameters import LegParameters
from media.bridge.playout import Playout
from media.bridge.ports import Outlet
from media.bridge.rate_control import RateControl
from media.bridge.rates import Rate
from media.bridge.reporting import REPORT_INTERVAL, Reporter, packed
from media.bridge.rtcp_input import RtcpInput
from media.bridge.schedule import Schedule
from media.bridge.stage import Stage
from media.bridge.statistics import read_counters, read_stats
from media.bridge.streams import InboundStreams
from media.bridge.uplink import Uplink
from media.bridge.video import VideoTrack
from media.errors import WireError
from media.quality.monitor import LegMonitor
from media.send.sent_packets import MAX_AGE
from media.units import MAX_RTP_BYTES
from media.wire.buffer import PacketBuffer
from media.wire.ntp import unix_from_ntp
from media.wire.rtp import FIXED_HEADER_BYTES

_TAIL = struct.Struct("!BHII")
_HOUSEKEEPING_INTERVAL = 0.25
_LEAST_KEPT = 0.4
STALLED = 0.25
"""A path that is left this long after the last packet had died."""
_ROUND_TRIPS_KEPT = 8
"""Packets are kept for that many round trips, 0.4 s at least: a near page asks for what it lacks soon, and at 1 Mbps
a second of video is 130 KB a leg."""


class Leg:
    """Made by `Bridge.add_leg`. Every `now` is the shell's monotonic clock in seconds."""

    def __init__(
        self,
        call_id: str,
        leg_id: str,
        parameters: LegParameters,
        outlet: Outlet,
        counters: Counters,
        rng: random.Random,
        now: float,
    ) -> None:
        self.call_id = call_id
        self.leg_id = leg_id
        self.parameters = parameters
        self.outlet = outlet
        self.counters = counters
        self.last_received = now
        """When the last RTP or RTCP packet came in (of any quality); the time of `add_leg` before the first."""
        self.started_kinds: set[Kind] = set()
        """Kinds of which at least one packet arrived."""
        self.media_started: Callable[[Kind], None] | None = None
        """Set by the shell; called once a kind, inside `receive_rtp`, for media.api.MediaStarted."""
        self.stage: Stage | None = None
        """What is played to the page; set by the bridge."""
        self.schedule = Schedule(now)
        self.uplink = uplink = Uplink(parameters, outlet, counters, self.schedule)
        self.downlink = Downlink(outlet, counters, self.schedule)
        self.downlink.extensions = parameters.extensions
        self.streams = InboundStreams(self.uplink, parameters.inbound)
        self.outbound: dict[Slot, OutboundTrack] = {
            slot.slot: video_out(slot, self.downlink, rng, parameters.extensions)
            if slot.kind is Kind.VIDEO
            else AudioOut(slot, self.downlink, rng)
            for slot in parameters.outbound
        }
        tracks = tuple(self.outbound.values())
        self.rates = RateControl(
            self.downlink, tracks, parameters, lambda: uplink.round_trip, lambda: uplink.loss.loss, now
        )
        self.rtcp_input = RtcpInput(self.uplink, self.streams, tracks, self.rates)
        self._reporter = Reporter(self.uplink, self.streams, tracks)
        self._housekeeping_due = now + _HOUSEKEEPING_INTERVAL
        self.received_rate = Rate(now)
        self.sent_rate = Rate(now)
        self.playout = Playout()
        self.wish_playout: Callable[[float], None] | None = None
        """Set by the shell; called with seconds when the page should hold what it plays for longer or shorter."""
        self._closed = False
        self.monitor = LegMonitor(read_counters(self, now), now)

    def receive_rtp(self, packet: PacketBuffer, now: float) -> None:
        """Take one decrypted RTP packet; it may be rewritten and leave through other legs' outlets before this returns.

        Never raises for bad input: counts it.
        """
        self.last_received = now
        view = packet.view
        start = packet.start
        if not FIXED_HEADER_BYTES <= packet.end - start <= MAX_RTP_BYTES or view[start] >> 6 != 2:
            self.counters.rtp_malformed += 1
            return
        second, sequence_number, timestamp, ssrc = _TAIL.unpack_from(view, start + 1)
        try:
            stream = self.streams.by_ssrc.get(ssrc)
            if stream is None or not stream.known:
                stream = self._first_packet(stream, packet, second & 0x7F, ssrc, now)
                if stream is None:
                    return
            stream.receive(packet, second, sequence_number, timestamp, now)
        except WireError:
            self.counters.rtp_malformed += 1

    def _first_packet(
        self, stream: InboundStream | None, packet: PacketBuffer, payload_type: int, ssrc: int, now: float
    ) -> InboundStream | None:
        """A stream begins: find out which, and let the page hear from us at once."""
        if self._closed:
            self.counters.packets_after_close += 1
            return None
        stream = stream or self.streams.learn(packet, payload_type, ssrc, now)
        if stream is None:
            self.counters.rtp_unknown_ssrc += 1
            return None
        stream.known = True
        self.schedule.report_soon(now)
        track = next((track for track in self.streams.tracks if track is stream), None)
        if track is not None and track.slot.kind not in self.started_kinds:
            self.started_kinds.add(track.slot.kind)
            if self.media_started is not None:
                self.media_started(track.slot.kind)
        return stream

    def receive_rtcp(self, data: bytes, now: float) -> None:
        """Take one decrypted compound or reduced-size RTCP packet. Never raises for bad input: counts it."""
        self.last_received = now
        if not self._closed:
            self.rtcp_input.receive(data, now)

    def poll(self, now: float, ntp_time: int) -> None:
        """Send the RTCP that is due. `ntp_time`: the wall clock at `now` as a 64-bit NTP timestamp (media.wire.ntp)."""
        if self._closed:
            self.schedule.wake = float("inf")
            return
        send = self.outlet.send_rtcp
        if self.schedule.report_due <= now:
            self.schedule.report_due = now + REPORT_INTERVAL
            send(self._reporter.report(now, ntp_time))
        parts = self._feedback(now)
        if parts:
            for part in packed(parts):
                send(self.uplink.compound(part))
        if self._housekeeping_due <= now:
            self._keep_house(now, ntp_time)
        self.rates.poll(now)
        stage = self.stage
        if stage is not None and stage.next_timeout() <= now:
            stage.poll(now, quiet=not self.rates.room_for_extras(now))
        self.schedule.wake = min(
            self._housekeeping_due,
            self.schedule.report_due,
            self.uplink.arrivals.due,
            self.rates.next_timeout(now),
            float("inf") if stage is None else stage.next_timeout(),
            *(track.next_timeout() for track in self.streams.tracks),
        )

    def _feedback(self, now: float) -> list[bytes]:
        """Transport-wide feedback, NACK and key frame requests that are due."""
        parts: list[bytes] = []
        uplink = self.uplink
        if uplink.arrivals.due <= now:
            media_ssrc = next((track.ssrc for track in self.streams.tracks if track.ssrc is not None), 0)
            octets = sum([stream.octets_received for stream in self.streams.all()])
            asked = sorted(since for track in self.streams.tracks for since in track.asked_since())
            parts = uplink.feedback(media_ssrc, octets, asked, now)
        for track in self.streams.tracks:
            if track.next_timeout() <= now:
                parts += track.feedback(now)
        return parts

    def _keep_house(self, now: float, ntp_time: int) -> None:
        self._housekeeping_due = now + _HOUSEKEEPING_INTERVAL
        self.received_rate.read(sum([stream.octets_received for stream in self.streams.all()]), now)
        self.sent_rate.read(sum([track.octets_sent for track in self.outbound.values()]), now)
        self.uplink.spare(self.rates.estimator.sustained_bps, self.downlink.loss)
        audio = self.source(Kind.AUDIO)
        if audio is not None:
            self.uplink.judge(audio.statistics.queued)
        camera = self.source(Kind.VIDEO)
        if isinstance(camera, VideoTrack):
            camera.wish_fluent()
        if self.wish_playout is not None and self.playout.take(*self._ways(), now):
            self.wish_playout(self.playout.told)
        age = min(MAX_AGE, max(_LEAST_KEPT, _ROUND_TRIPS_KEPT * self.uplink.round_trip))
        for track in self.outbound.values():
            track.sent.expire(track.rewriter.highest, now, age)
        if self.monitor.due <= now + _HOUSEKEEPING_INTERVAL / 2:
            self.monitor.take(read_counters(self, now), now, unix_from_ntp(ntp_time))

    def answered_at(self, now: float) -> float:
        """When the page last told of something sent to it, or something worth telling was sent; infinite if nothing."""
        if self.uplink.full:
            return float("inf")  # its answers stand in the queue that it fills; what it sends still comes
        return self.rates.estimator.answered_at(self.downlink.transport_sequence, now)

    def path_changed(self, elsewhere: bool, now: float) -> None:
        """Media takes another path from now on; `elsewhere`: over another network or protocol, so that nothing that was
        measured holds any more."""
        if elsewhere:
            self.uplink.path_changed()
            self.rates.path_changed(now - self.last_received > STALLED, now)

    def _ways(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Loss and round trip of what leads to the page: its own downlink and the uplink of the worst it listens to."""
        own = (self.downlink.loss, self.uplink.round_trip)
        sources = [track.source.uplink for track in self.outbound.values() if isinstance(track.source, InboundTrack)]
        return own, max(((uplink.loss.loss, uplink.round_trip) for uplink in sources), default=(0.0, 0.0))

    def source(self, kind: Kind) -> InboundTrack | None:
        """The leg's microphone or camera; None if it was not negotiated."""
        return next((track for track in self.streams.tracks if track.slot.kind is kind), None)

    def next_timeout(self) -> float:
        """When `poll` has work next. May move closer during `receive_rtp` (a gap to be reported): ask after a batch."""
        return self.schedule.wake

    def stats(self, now: float) -> LegStats:
        """Counters since the leg was made; `transport` is left empty for the shell (msgspec.structs.replace)."""
        return read_stats(self)

    def close(self, now: float) -> None:
        """Say BYE for everything we sent, and let go of what would keep the leg. Called by `Bridge.remove_leg`."""
        if not self._closed:
            self._closed = True
            self.streams.close()
            self.downlink.pacer.clear()
            for track in self.outbound.values():
                track.sent.clear()
            self.outlet.send_rtcp(self._reporter.goodbye())
            self.media_started = self.wish_playout = self.rates.video_paused = None
            self.uplink.wish = self.uplink.tell = None
