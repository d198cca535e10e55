"""Which inbound stream an SSRC belongs to: announced in the answer, named by its mid, or the only one it can be."""

import struct
from collections import deque

from media.api import Kind
from media.bridge.audio import AudioTrack
from media.bridge.inbound import InboundStream, InboundTrack
from media.bridge.parameters import InboundSlot
from media.bridge.uplink import Uplink
from media.bridge.video import VideoTrack
from media.errors import WireError
from media.send.allowance import Allowance
from media.wire.buffer import PacketBuffer
from media.wire.extensions import element_places
from media.wire.rtp import FIXED_HEADER_BYTES

MAX_STREAMS = 16
_RETIRED_KEPT = 8
_CHANGES_PER_SECOND = 1.0
_CHANGES_AT_ONCE = 8.0
_WORD = struct.Struct("!HH")


class InboundStreams:
    """A leg's table of SSRCs. It holds at most one media and one retransmission stream a slot, so it cannot grow."""

    def __init__(self, uplink: Uplink, slots: tuple[InboundSlot, ...]) -> None:
        self._uplink = uplink
        self.tracks: tuple[InboundTrack, ...] = tuple(
            VideoTrack(uplink, slot) if slot.kind is Kind.VIDEO else AudioTrack(uplink, slot)
            for slot in slots[: MAX_STREAMS // 2]
        )
        self.by_ssrc: dict[int, InboundStream] = {}
        self._retired: deque[int] = deque(maxlen=_RETIRED_KEPT)
        self._changes = Allowance(_CHANGES_PER_SECOND, _CHANGES_AT_ONCE)
        for track in self.tracks:
            for stream in _streams_of(track):
                if stream.ssrc is not None:
                    self.by_ssrc[stream.ssrc] = stream
        self._all = tuple(stream for track in self.tracks for stream in _streams_of(track))

    def all(self) -> tuple[InboundStream, ...]:
        """Every media and retransmission stream, heard of or not."""
        return self._all

    def find(self, ssrc: int) -> InboundStream | None:
        """The stream of a known SSRC."""
        return self.by_ssrc.get(ssrc)

    def learn(self, packet: PacketBuffer, payload_type: int, ssrc: int, now: float) -> InboundStream | None:
        """The stream an unknown SSRC begins or continues; None if it is nobody's. WireError for a lying header."""
        candidates = self._candidates(_read_mid(packet, self._uplink.ids.mid), payload_type)
        if len(candidates) != 1:
            return None
        stream = candidates[0]
        if ssrc in self._retired and not stream.silent(now):
            return None  # a straggler of the SSRC that was followed before
        if stream.ssrc is not None:
            if not self._changes.take(now):
                return None
            self._uplink.counters.ssrc_changes += 1
            self.forget(stream.ssrc)
        stream.adopt(ssrc)
        if isinstance(stream, InboundTrack):
            stream.forwarder.restart(now)
        self.by_ssrc[ssrc] = stream
        return stream

    def forget(self, ssrc: int) -> None:
        """The SSRC said BYE or was replaced."""
        if self.by_ssrc.pop(ssrc, None) is not None:
            self._retired.append(ssrc)

    def close(self) -> None:
        """Nothing comes any more."""
        self.by_ssrc.clear()
        for track in self.tracks:
            track.close()

    def _candidates(self, mid: str | None, payload_type: int) -> list[InboundStream]:
        found: list[InboundStream] = []
        for track in self.tracks:
            if mid is not None and track.slot.mid != mid:
                continue
            if payload_type in track.media_types:
                found.append(track)
            elif isinstance(track, VideoTrack) and payload_type in track.rtx_types:
                found.append(track.rtx)
        return found


def _streams_of(track: InboundTrack) -> tuple[InboundStream, ...]:
    return (track, track.rtx) if isinstance(track, VideoTrack) else (track,)


def _read_mid(packet: PacketBuffer, mid_id: int | None) -> str | None:
    """The packet's mid extension (RFC 8843 §15), of any length; None if it has none."""
    view, start, end = packet.view, packet.start, packet.end
    if mid_id is None or not view[start] & 0x10:
        return None
    block = start + FIXED_HEADER_BYTES + 4 * (view[start] & 0x0F)
    if block + 4 > end:
        raise WireError("RTP header extension leaves the packet")
    profile, words = _WORD.unpack_from(view, block)
    if block + 4 + 4 * words > end:
        raise WireError("RTP header extension leaves the packet")
    for identifier, place, length in element_places(view, block + 4, block + 4 + 4 * words, profile):
        if identifier == mid_id:
            return view[place : place + length].tobytes().decode("ascii", "replace")
    return None
