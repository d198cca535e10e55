"""Sources that are no page: encoded voice and pictures of our own, into one leg's slot.

An outbound track takes a player as it takes a page's camera: numbering goes on, pictures begin with a key frame.
"""

from abc import ABC, abstractmethod
from struct import Struct
from typing import NamedTuple, Self

from media.bridge.outbound import OutboundTrack
from media.bridge.parameters import ExtensionIds, PayloadTypes
from media.units import AUDIO_CLOCK_HZ, MAX_DATAGRAM_BYTES, VIDEO_CLOCK_HZ
from media.wire.buffer import PacketBuffer
from media.wire.layout import Layout

_HEADER = Struct("!BBHII")
_WORD = Struct("!HH")
OPUS_TYPE, VP8_TYPE, H264_TYPE = 111, 96, 102
_TYPES = PayloadTypes(opus=OPUS_TYPE, vp8=VP8_TYPE, h264=H264_TYPE)

PACKET_SECONDS = 0.02
PACKET_SAMPLES = 960
_LATE_SECONDS = 0.2
"""A player that was not asked for so long goes on from now instead of catching up."""
WAIT_SECONDS = 0.1
NOTICE_PATIENCE = 3.0
KEY_FRAME_EVERY = 10.0
STILL_EVERY = 1.0
"""A picture that does not change is sent again (as a frame of some bytes) so that nobody takes it for frozen."""
_LEAST_KEY_INTERVAL = 0.3


class Picture(NamedTuple):
    """A still in VP8: each frame as RTP payloads, descriptors included."""

    key: tuple[bytes, ...]
    same: tuple[bytes, ...] = ()
    """A frame that changes nothing, however often it is shown after the key frame; empty: there is none."""


class Player(ABC):
    """Feeds at most one track; a media.bridge.outbound.Source. `extensions`: those of the leg it plays to."""

    def __init__(self) -> None:
        self.generation = 0
        self.payload_types = _TYPES
        self.track: OutboundTrack | None = None
        self._extended = 0
        self._packet = PacketBuffer(memoryview(bytearray(MAX_DATAGRAM_BYTES)))
        self._head, self._layout = own_header(ExtensionIds())

    def on(self, track: OutboundTrack) -> Self:
        """Play to this track from now on."""
        if track is not self.track:
            self.track = track
            self._head, self._layout = own_header(track.downlink.extensions)
        return self

    def send(self, payload: bytes, payload_type: int, timestamp: int, *, marker: bool, key: bool, now: float) -> None:
        """Put one packet into the track, if that is fed by this player now."""
        track = self.track
        self._extended += 1
        if track is None or track.source is not self:
            return
        packet, layout = self._packet, self._layout
        packet.start, packet.end = 0, layout.size + len(payload)
        second = payload_type | (0x80 if marker else 0)
        _HEADER.pack_into(packet.view, 0, layout.first, second, self._extended & 0xFFFF, timestamp & 0xFFFFFFFF, 0)
        packet.view[_HEADER.size : layout.size] = self._head
        packet.view[layout.size : packet.end] = payload
        if track.rewrite(packet, layout, self._extended, second, timestamp & 0xFFFFFFFF, key, now):
            track.downlink.outlet.send_rtp_bytes(packet.tobytes())

    @abstractmethod
    def poll(self, now: float) -> None:
        """Send what is due."""

    def wait(self, now: float) -> None:  # noqa: B027 - what nobody polls need not wait
        """Instead of `poll`: the leg has no room now. Try again a little later."""

    @abstractmethod
    def next_timeout(self) -> float:
        """When `poll` has work."""

    def want_key_frame(self, now: float) -> None:  # noqa: B027 - voice has none
        """The track cannot go on without one."""

    def limit(self, track: OutboundTrack, bps: float, now: float) -> None:  # noqa: B027 - for encoders
        """The leg can carry this much; what is encoded already stays as it is."""

    def fetch_again(self, first: int, now: float) -> None:  # noqa: B027 - never
        """Nothing is lost on the way from us to us."""

    def timestamp_at(self, now: float) -> int | None:
        """The track's own clock will do."""
        return None


class VoicePlayer(Player):
    """Opus packets of 20 ms, one after the other."""

    def __init__(self, packets: tuple[bytes, ...], *, repeat: bool) -> None:
        super().__init__()
        self._packets = packets
        self._repeat = repeat
        self._next = 0
        self._timestamp = 0
        self._due: float | None = None
        self._waited = 0.0
        self.ended = not packets

    def poll(self, now: float) -> None:
        """Send the packets that are due; `ended` afterwards, if that was all."""
        if self._due is None or now - self._due > _LATE_SECONDS:
            self._go_on_at(now)
        assert self._due is not None
        while self._due <= now and not self.ended:
            payload = self._packets[self._next]
            self.send(payload, OPUS_TYPE, self._timestamp, marker=False, key=False, now=now)
            self._timestamp += PACKET_SAMPLES
            self._due += PACKET_SECONDS
            self._next += 1
            if self._next == len(self._packets):
                self._next, self.ended = 0, not self._repeat

    def wait(self, now: float) -> None:
        """A notice that found no room for so long is over: the page shows it in words."""
        self._go_on_at(now + WAIT_SECONDS)
        self._waited += WAIT_SECONDS
        self.ended = not self._repeat and self._waited > NOTICE_PATIENCE

    def _go_on_at(self, due: float) -> None:
        """Time passes in which nothing is sent. It passes in the timestamps, too: else all that comes afterwards is
        late for the receiver, whose jitter buffer grows by as much."""
        if self._due is not None:
            self._timestamp += round((due - self._due) * AUDIO_CLOCK_HZ)
        self._due = due

    def next_timeout(self) -> float:
        """When the next packet is due; at once for the first."""
        if self.ended:
            return float("inf")
        return float("-inf") if self._due is None else self._due


class PicturePlayer(Player):
    """One still for as long as it is wanted."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
        self._wanted = False
        self._key_due = float("-inf")
        self._still_due = float("inf")
        self._key_sent = float("-inf")

    def want_key_frame(self, now: float) -> None:
        """The next poll sends one, if the last was not a moment ago."""
        self._key_due = min(self._key_due, max(now, self._key_sent + _LEAST_KEY_INTERVAL))
        if self.track is not None:
            self.track.downlink.schedule.wake_at(self._key_due)

    def wait(self, now: float) -> None:
        """Nothing is shown yet."""
        self._key_due = now + WAIT_SECONDS

    def poll(self, now: float) -> None:
        """Send the frame that is due."""
        if self._key_due <= now:
            self._frame(self._picture.key, True, now)
            self._key_sent, self._key_due = now, now + KEY_FRAME_EVERY
            self._still_due = now + STILL_EVERY if self._picture.same else float("inf")
        elif self._still_due <= now:
            self._frame(self._picture.same, False, now)
            self._still_due = now + STILL_EVERY

    def _frame(self, payloads: tuple[bytes, ...], key: bool, now: float) -> None:
        timestamp = int(now * VIDEO_CLOCK_HZ)
        for index, payload in enumerate(payloads):
            last = index == len(payloads) - 1
            self.send(payload, VP8_TYPE, timestamp, marker=last, key=key and not index, now=now)

    def next_timeout(self) -> float:
        """When the next frame is due."""
        return min(self._key_due, self._still_due)


def own_header(extensions: ExtensionIds) -> tuple[bytes, Layout]:
    """A header extension (RFC 8285 one-byte form) for packets of our own making, and where its elements stand."""
    elements = bytearray()
    layout = Layout(0x90, 0, 0, 0)
    for name, width in (("transport_cc", 2), ("abs_send_time", 3)):
        identifier = getattr(extensions, name)
        if identifier is not None:
            setattr(layout, name, 16 + len(elements) + 1)
            elements += bytes((identifier << 4 | width - 1,)) + bytes(width)
    elements += bytes(-len(elements) % 4)
    layout.size = 16 + len(elements)
    return _WORD.pack(0xBEDE, len(elements) // 4) + bytes(elements), layout
