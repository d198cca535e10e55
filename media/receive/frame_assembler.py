"""Video packets to frames that can be decoded, in order: gaps waited for, then recovered from (after libwebrtc's
packet buffer and reference finders, modules/video_coding).

A frame is handed out when all of it is here and everything it refers to was handed out. When a gap is older than
`patience` it is given up: frames that do not need what was in it go on (temporal layers that are numbered), else
nothing until a key frame, which `wants_key_frame` asks for.
"""

from typing import NamedTuple

from media.errors import WireError
from media.receive.depacketise import FrameInfo, VideoFormat, holds_idr, inspect_h264, inspect_vp8, join_h264, join_vp8
from media.wire.serial import delta16, unwrap16, unwrap32

__all__ = ["AssemblerStatistics", "Frame", "FrameAssembler", "VideoFormat"]

PATIENCE = 0.25
"""Seconds: a NACK and its answer at 150 ms round trip, and once more at 80."""
KEY_FRAME_INTERVAL = 0.3
"""Between two requests."""
MAX_PACKETS = 1024
MAX_BYTES = 2_000_000
MAX_FRAME_PACKETS = 800
MAX_JUMP = 3000
"""Sequence numbers; a packet further away begins a new timeline."""
_ALL_LAYERS = 7


class Frame(NamedTuple):
    """One frame: a VP8 frame (RFC 6386) or an H.264 access unit in Annex B."""

    data: bytes
    timestamp: int
    """RTP, 90 kHz, unwrapped."""
    is_key: bool
    arrival: float
    """When its last packet came."""
    temporal_layer: int = 0


class AssemblerStatistics(NamedTuple):
    packets: int
    late: int
    malformed: int
    frames: int
    key_frames: int
    skipped: int
    """Frames left out because what they refer to is missing."""
    given_up: int
    """Gaps."""


class _Packet(NamedTuple):
    timestamp: int
    marker: bool
    payload: bytes
    arrival: float
    info: FrameInfo | None
    """None for padding."""


_UNREADABLE = FrameInfo(starts_frame=False, starts_key=False)


class FrameAssembler:
    """One video stream's. `now` is monotonic seconds."""

    def __init__(self, codec: VideoFormat, patience: float = PATIENCE) -> None:
        self._codec = codec
        self._patience = patience
        self._packets: dict[int, _Packet] = {}
        self._bytes = 0
        self._next: int | None = None
        """The first number that is not handed out yet."""
        self._highest = 0
        self._timestamp: int | None = None
        self._stuck_at = -1
        """The first missing number that something waits behind."""
        self._stuck_since: float | None = None
        self._needs_key = True
        self._level_zero_index: int | None = None
        self._intact_layer = _ALL_LAYERS
        self._after_gap = False
        self._asked = -KEY_FRAME_INTERVAL
        self._counts = dict.fromkeys(AssemblerStatistics._fields, 0)

    @property
    def statistics(self) -> AssemblerStatistics:
        return AssemblerStatistics(**self._counts)

    def insert(self, sequence: int, timestamp: int, marker: bool, payload: bytes, now: float) -> None:
        """Take one packet in any order. Empty payloads are padding. Bad and late ones are counted."""
        self._counts["packets"] += 1
        try:
            inspect = inspect_vp8 if self._codec is VideoFormat.VP8 else inspect_h264
            info = inspect(payload) if payload else None
        except WireError:
            self._counts["malformed"] += 1
            info, payload = _UNREADABLE, b""  # its number is not missing, its frame is
        if self._next is None or abs(delta16(sequence, self._highest & 0xFFFF)) > MAX_JUMP:
            self._begin(sequence, timestamp)
        number = unwrap16(sequence, self._highest)
        assert self._next is not None
        assert self._timestamp is not None
        if number < self._next or number in self._packets:
            self._counts["late"] += 1
            return
        self._highest = max(self._highest, number)
        unwrapped = unwrap32(timestamp, self._timestamp)
        self._packets[number] = _Packet(unwrapped, marker, payload, now, info)
        self._bytes += len(payload)
        if len(self._packets) > MAX_PACKETS or self._bytes > MAX_BYTES:
            self._drop_everything()

    def poll(self, now: float) -> list[Frame]:
        """Frames that can be decoded now, in order."""
        frames: list[Frame] = []
        while self._next is not None and self._packets:
            last = self._frame_end(self._next)
            if last is not None:
                self._stuck_since = None
                self._hand_out(self._next, last, frames)
            elif not self._give_up(now):
                break
        if not self._packets:
            self._stuck_since = None
        return frames

    def next_timeout(self) -> float | None:
        """When `poll` gives up the gap it waits for; None when it waits for nothing but the next packet."""
        return None if self._stuck_since is None else self._stuck_since + self._patience

    def wants_key_frame(self, now: float) -> bool:
        """Whether the source should be asked for a key frame now; true at most once in 300 ms."""
        if not self._needs_key or self._next is None or now < self._asked + KEY_FRAME_INTERVAL:
            return False
        self._asked = now
        return True

    def require_key_frame(self) -> None:
        """The decoder lost its references: nothing is handed out until a key frame."""
        self._needs_key = True

    def _begin(self, sequence: int, timestamp: int) -> None:
        self._packets.clear()
        self._bytes = 0
        self._next = self._highest = sequence + 0x10000  # above zero, whatever comes before it
        self._timestamp = timestamp + 0x1_0000_0000
        self._stuck_since = None
        self._needs_key = True

    def _frame_end(self, start: int) -> int | None:
        """The last number of the run that begins at `start` and ends a frame; None while any of it is missing."""
        first = self._packets.get(start)
        if first is None:
            return None
        for number in range(start, start + MAX_FRAME_PACKETS):
            packet = self._packets.get(number)
            if packet is None:
                return None
            if packet.timestamp != first.timestamp:
                return number - 1  # the marker was missing
            if packet.marker or first.info is None:
                return number
        return start + MAX_FRAME_PACKETS - 1

    def _hand_out(self, start: int, last: int, frames: list[Frame]) -> None:
        """Take the packets out and the frame with them, if it is whole and can be decoded."""
        packets = [self._packets.pop(number) for number in range(start, last + 1)]
        self._bytes -= sum(len(packet.payload) for packet in packets)
        self._next = last + 1
        self._timestamp = packets[-1].timestamp
        filled = [packet for packet in packets if packet.info is not None]
        if not filled:
            return
        frame = self._whole(filled)
        if frame is None:
            self._counts["malformed"] += 1
            self._after_gap = True
            return
        info = filled[0].info
        assert info is not None
        if not self._decodable(frame, info):
            self._counts["skipped"] += 1
            return
        self._counts["frames"] += 1
        self._counts["key_frames"] += frame.is_key
        frames.append(frame)

    def _whole(self, packets: list[_Packet]) -> Frame | None:
        info = packets[0].info
        assert info is not None
        if not info.starts_frame:
            return None
        payloads = [packet.payload for packet in packets]
        try:
            data = join_vp8(payloads) if self._codec is VideoFormat.VP8 else join_h264(payloads)
        except WireError:
            return None
        is_key = info.starts_key if self._codec is VideoFormat.VP8 else holds_idr(data)
        arrival = max(packet.arrival for packet in packets)
        return Frame(data, packets[0].timestamp, is_key, arrival, info.temporal_layer) if data else None

    def _decodable(self, frame: Frame, info: FrameInfo) -> bool:
        """Whether everything that the frame refers to was handed out; notes the frame as handed out if so."""
        if frame.is_key:
            self._needs_key = self._after_gap = False
            self._intact_layer = _ALL_LAYERS
            self._level_zero_index = info.level_zero_index
            return True
        if self._after_gap:
            self._after_gap = False
            if info.level_zero_index is None or self._level_zero_index is None:
                self._needs_key = True
            self._intact_layer = 0
        if self._needs_key:
            return False
        if info.level_zero_index is None:
            return True
        assert self._level_zero_index is not None
        return self._fits_layers(info, info.level_zero_index, self._level_zero_index)

    def _fits_layers(self, info: FrameInfo, index: int, known: int) -> bool:
        """Base frames refer to the base only; a sync frame to the base; others to their own layer and below."""
        if info.temporal_layer == 0:
            if index != (known + 1) & 0xFF:
                self._needs_key = True
                return False
            self._level_zero_index = index
            return True
        if index != known or (not info.layer_sync and info.temporal_layer > self._intact_layer):
            return False
        self._intact_layer = max(self._intact_layer, info.temporal_layer)
        return True

    def _give_up(self, now: float) -> bool:
        """Whether the gap at the head is over: its time is up, or a whole key frame behind it makes it needless."""
        assert self._next is not None
        missing = self._next
        while missing in self._packets:
            missing += 1
        if missing > self._highest:  # no gap: the rest of the frame is on its way
            self._stuck_since = None
            return False
        if self._stuck_since is None or missing != self._stuck_at:
            self._stuck_at = missing
            self._stuck_since = min(packet.arrival for number, packet in self._packets.items() if number > missing)
        key = self._key_frame_behind(missing) if self._needs_key else None
        if key is None and now < self._stuck_since + self._patience:
            return False
        self._stuck_since = None
        self._counts["given_up"] += 1
        self._after_gap = True
        self._needs_key |= self._level_zero_index is None
        self._next = self._frame_start_behind(missing) if key is None else key
        for number in [number for number in self._packets if number < self._next]:
            self._bytes -= len(self._packets.pop(number).payload)
        return True

    def _key_frame_behind(self, missing: int) -> int | None:
        """The start of the first key frame behind the gap that is here as a whole."""
        for number in sorted(number for number in self._packets if number > missing):
            info = self._packets[number].info
            if info is not None and info.starts_key and self._frame_end(number) is not None:
                return number
        return None

    def _frame_start_behind(self, missing: int) -> int:
        """The start of the first frame behind the gap."""
        for number in sorted(number for number in self._packets if number > missing):
            info = self._packets[number].info
            if info is None or not info.starts_frame:
                continue
            if self._codec is VideoFormat.VP8 or info.starts_key or self._follows_end(number):
                return number
        return self._highest + 1

    def _follows_end(self, number: int) -> bool:
        """Whether the packet before is here and ended its frame."""
        before = self._packets.get(number - 1)
        return before is not None and (before.marker or before.timestamp != self._packets[number].timestamp)

    def _drop_everything(self) -> None:
        self._packets.clear()
        self._bytes = 0
        self._next = self._highest + 1
        self._stuck_since = None
        self._needs_key = True
