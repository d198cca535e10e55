"""One stream we send: a slot of the receiver's, fed by whichever source the bridge gives it."""

import random
import struct
from abc import ABC, abstractmethod
from typing import Protocol

from media.api import Kind
from media.bridge.allocation import LINK_OVERHEAD_BYTES
from media.bridge.counters import Counters
from media.bridge.downlink import Downlink
from media.bridge.parameters import OutboundSlot, PayloadTypes
from media.send.rewriter import TOO_LATE, Rewriter
from media.send.sent_packets import SentPackets
from media.units import AUDIO_CLOCK_HZ, VIDEO_CLOCK_HZ
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout
from media.wire.rtx import make_rtx

_TAIL = struct.Struct("!BHII")
_SHORT = struct.Struct("!H")
_LONG_SHORT = struct.Struct("!BH")

_NOT_ACCEPTED = -1
_VIDEO_KEPT = 512
_AUDIO_KEPT = 64
MAX_REPAIR_DEBT = 0.15
"""Seconds of the target's rate. More repair than that at once delays what is new: after an outage the page asks for
hundreds of packets, and a key frame is better."""
_ABS_SEND_TIME_UNIT = 1 << 18


class Source(Protocol):
    """What an outbound track needs of the inbound track that feeds it."""

    generation: int
    payload_types: PayloadTypes

    def want_key_frame(self, now: float) -> None:
        """Ask the page for a key frame."""

    def limit(self, track: "OutboundTrack", bps: float, now: float) -> None:
        """The track's leg can carry this much of the source's pictures."""

    def fetch_again(self, first: int, now: float) -> None:
        """What came since `first` (extended number) was not forwarded and is needed after all."""

    def timestamp_at(self, now: float) -> int | None:
        """The source's RTP timestamp of this moment, if its sender reports tell."""


class OutboundTrack(ABC):
    """Rewrites packets in place, keeps what it sent, answers for it. `source` is None while nothing feeds it."""

    __slots__ = (
        "_counters",
        "_last_source",
        "_mid",
        "_ready",
        "_rtx_sequence",
        "_rtx_types",
        "_ssrc",
        "_types",
        "downlink",
        "is_video",
        "last_sent",
        "octets_sent",
        "packets_sent",
        "parity",
        "repeats",
        "resent",
        "rewriter",
        "send",
        "sent",
        "slot",
        "source",
    )

    def __init__(self, slot: OutboundSlot, downlink: Downlink, rng: random.Random) -> None:
        self.slot = slot
        self.is_video = slot.kind is Kind.VIDEO
        clock_hz = VIDEO_CLOCK_HZ if self.is_video else AUDIO_CLOCK_HZ
        self.rewriter = Rewriter(clock_hz, rng)
        self.sent = SentPackets(_VIDEO_KEPT if self.is_video else _AUDIO_KEPT)
        self.source: Source | None = None
        self.packets_sent = 0
        self.octets_sent = 0
        """Payload octets, as sender reports count them."""
        self.resent = 0
        self.parity = 0.0
        """Parity packets a packet sent; only pictures have any."""
        self.repeats = 1
        """How often an answer to a NACK leaves, where it leaves in a stream of its own."""
        self.last_sent = float("-inf")
        self.downlink = downlink
        self.send = downlink.outlet.send_rtp
        self._counters: Counters = downlink.counters
        self._ssrc = slot.ssrc
        self._mid = ord(slot.mid) if len(slot.mid) == 1 else 0
        self._ready = False
        self._last_source: tuple[Source, int] | None = None
        self._types: list[int] = [_NOT_ACCEPTED] * 128
        self._rtx_types: dict[int, int] = _rtx_types(slot)
        self._rtx_sequence = rng.randrange(0x8000)

    def attach(self, source: Source, now: float) -> None:
        """Be fed by this source from its next usable packet on."""
        if self.source is source:
            return
        self.source = source
        self._types = _map_payload_types(source.payload_types, self.slot.payload_types)
        self.restart(now)

    def detach(self) -> None:
        """Be fed by nothing; numbering continues where it is with the next source."""
        self.source = None
        self._ready = False

    def restart(self, now: float) -> None:
        """The source's numbering begins anew, or packets were left out: begin at the next usable packet."""
        self._ready = False
        if self.is_video and self.source is not None:
            self.source.want_key_frame(now)

    def rewrite(
        self, packet: PacketBuffer, layout: Layout, extended: int, second: int, timestamp: int, key: bool, now: float
    ) -> bool:
        """Make the packet ours in place; False if it is not to be sent. `second` is its byte of marker and type.

        One function on purpose: this is the hottest place of the product, and each call costs 0.1 µs.
        """
        if not self._ready and not self._begin(extended, timestamp, key, now):
            return False
        payload_type = self._types[second & 0x7F]
        if payload_type < 0:
            self.rewriter.skip(extended)
            self._counters.packets_dropped_codec += 1
            return False
        rewriter = self.rewriter
        number = rewriter.sequence(extended, timestamp, now)
        if number == TOO_LATE:
            self._counters.packets_dropped_late += 1
            return False
        view = packet.view
        start = packet.start
        _TAIL.pack_into(
            view,
            start + 1,
            second & 0x80 | payload_type,
            number & 0xFFFF,
            (timestamp + rewriter.timestamp_offset) & 0xFFFFFFFF,
            self._ssrc,
        )
        if layout.mid:
            view[start + layout.mid] = self._mid
        downlink = self.downlink
        end = packet.end
        self.packets_sent += 1
        self.octets_sent += end - start - layout.size
        self.last_sent = now
        if self.is_video:
            if not downlink.pacer.admit(end - start, now):
                data = view[start:end].tobytes()
                self.sent.store(number, now, data, layout)
                self.wait(data, layout, now)
                return False
        else:
            downlink.pacer.charge(end - start)
        if layout.transport_cc:
            downlink.transport_sequence = sequence = downlink.transport_sequence + 1
            _SHORT.pack_into(view, start + layout.transport_cc, sequence & 0xFFFF)
            downlink.sent(sequence, now, end - start + LINK_OVERHEAD_BYTES, 0)
        if layout.abs_send_time:
            moment = int(now * _ABS_SEND_TIME_UNIT)
            _LONG_SHORT.pack_into(view, start + layout.abs_send_time, moment >> 16 & 0xFF, moment & 0xFFFF)
        data = view[start:end].tobytes()
        self.sent.store(number, now, data, layout)
        if self.parity:
            self.departed(data, layout, now)
        return True

    def skip(self, extended: int) -> None:
        """The source's packet is not for receivers: close the gap."""
        if self._ready:
            self.rewriter.skip(extended)

    def _begin(self, extended: int, timestamp: int, key: bool, now: float) -> bool:
        source = self.source
        if source is None:
            return False
        if self.is_video and not key:
            self._counters.packets_dropped_waiting_key_frame += 1
            return False
        identity = (source, source.generation)
        self.rewriter.begin(extended, timestamp, now, same_source=identity == self._last_source)
        self._last_source = identity
        self._ready = True
        self.downlink.schedule.report_soon(now)  # the receiver needs a sender report to play in sync
        if self.is_video:
            source.fetch_again(extended + 1, now)
        return True

    @abstractmethod
    def wait(self, data: bytes, layout: Layout, now: float) -> None:
        """The packet may not leave yet."""

    @abstractmethod
    def departed(self, data: bytes, layout: Layout, now: float) -> None:
        """A packet left as `data`, and there is protection to be made."""

    def resend(self, sequence_number: int, now: float, round_trip: float) -> bool:
        """Answer one NACKed number from what is kept; False if it is gone, asked for too soon or too much."""
        found = None
        if not self.is_video or self.downlink.pacer.debt_seconds(now) < MAX_REPAIR_DEBT:
            found = self.sent.take(sequence_number, now, 0.8 * round_trip)
        if found is None or not self.downlink.resend_allowance.take(now):
            self._counters.retransmissions_refused += 1
            return False
        data, layout = found
        self._counters.retransmissions_sent += 1
        self.resent += 1
        rtx_type = self._rtx_types.get(data[1] & 0x7F)
        if rtx_type is None or self.slot.rtx_ssrc is None:
            self.downlink.outlet.send_rtp_bytes(data)  # byte for byte: another text under the same SRTP index leaks
            return True
        for _ in range(self.repeats):
            self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
            out = make_rtx(data, layout.size, rtx_type, self._rtx_sequence, self.slot.rtx_ssrc)
            self.downlink.pacer.charge(len(out))
            self.downlink.send(out, layout, now)
            self.sent_again(sequence_number)
        return True

    def sent_again(self, sequence: int) -> None:  # noqa: B027 - most need not know
        """A retransmission left, under the downlink's newest number."""

    def timestamp_at(self, now: float) -> int:
        """The outbound RTP timestamp of this moment, for sender reports; by the source's clock where it is known."""
        if self.source is not None and self._ready:
            timestamp = self.source.timestamp_at(now)
            if timestamp is not None:
                return (timestamp + self.rewriter.timestamp_offset) & 0xFFFFFFFF
        return self.rewriter.timestamp_at(now)


def _rtx_types(slot: OutboundSlot) -> dict[int, int]:
    types = slot.payload_types
    pairs = ((types.vp8, types.vp8_rtx), (types.h264, types.h264_rtx))
    return {media: rtx for media, rtx in pairs if media is not None and rtx is not None}


def _map_payload_types(source: PayloadTypes, receiver: PayloadTypes) -> list[int]:
    """By the source's number: the receiver's; what it lacks is marked."""
    mapped = [_NOT_ACCEPTED] * 128
    for name in ("opus", "vp8", "h264"):
        theirs, ours = getattr(source, name), getattr(receiver, name)
        if theirs is not None and ours is not None:
            mapped[theirs] = ours
    if receiver.red_audio is not None:
        mapped[receiver.red_audio] = receiver.red_audio  # made here, of the source's Opus
    return mapped
