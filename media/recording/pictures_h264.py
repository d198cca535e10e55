"""H.264 pictures out of RTP packets (RFC 6184, single NAL units, STAP-A and FU-A), as Matroska stores them.

Parameter sets stay in the stream before each IDR picture, so that a change of resolution inside a track plays.
"""

from media.errors import WireError
from media.recording.h264_size import picture_size
from media.recording.pictures import MOST_PICTURE_BYTES, MOST_PIXELS, Picture
from media.recording.sequencer import Numbered

_IDR = 5
_SPS = 7
_PPS = 8
_STAP_A = 24
_FU_A = 28
_SLICES = range(1, 6)


class H264Pictures:
    """One H.264 stream."""

    def __init__(self) -> None:
        self.wants_key = True
        self.dropped = 0
        self._next = -1
        self._timestamp = -1
        self._arrival = 0.0
        self._units: list[bytes] = []
        self._bytes = 0
        self._fragments: list[bytes] = []
        self._whole = False
        self._ended = True
        """The picture before ended with its marker, so that the next packet begins a picture."""
        self._sps = b""
        self._pps = b""

    def add(self, packet: Numbered) -> Picture | None:
        """Take the next packet, give the picture it completed."""
        number, timestamp, arrival, marker, payload = packet
        lost = number != self._next
        self._next = number + 1
        if lost:
            self._lose()
        if not payload:
            return None
        if timestamp != self._timestamp:
            self._begin(timestamp, arrival, known_start=self._ended and not lost)
        self._ended = marker
        if not self._whole and not _may_begin(payload):
            return None
        self._whole = True
        self._take(payload)
        return self._finish() if marker else None

    def forget(self) -> None:
        """What comes now may not refer to what came before: wait for a key picture."""
        self.wants_key = True
        self._units, self._fragments = [], []
        self._whole = False

    def _begin(self, timestamp: int, arrival: float, *, known_start: bool) -> None:
        if self._units or self._fragments:
            self._leave_out()
        self._timestamp, self._arrival = timestamp, arrival
        self._units, self._fragments, self._bytes = [], [], 0
        self._whole = known_start

    def _take(self, payload: bytes) -> None:
        kind = payload[0] & 0x1F
        self._bytes += len(payload)
        if self._bytes > MOST_PICTURE_BYTES:
            self._lose()
        elif 1 <= kind < _STAP_A:
            self._unit(payload)
        elif kind == _STAP_A:
            self._aggregate(payload)
        elif kind == _FU_A and len(payload) > 2:
            self._fragment(payload)
        else:
            self._lose()

    def _aggregate(self, payload: bytes) -> None:
        at = 1
        while at + 2 < len(payload):
            size = int.from_bytes(payload[at : at + 2])
            if not size or at + 2 + size > len(payload):
                self._lose()
                return
            self._unit(payload[at + 2 : at + 2 + size])
            at += 2 + size

    def _fragment(self, payload: bytes) -> None:
        flags = payload[1]
        if flags & 0x80:
            self._fragments = [bytes((payload[0] & 0xE0 | flags & 0x1F,))]
        elif not self._fragments:
            self._lose()
            return
        self._fragments.append(payload[2:])
        if flags & 0x40:
            self._unit(b"".join(self._fragments))
            self._fragments = []

    def _unit(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind == _SPS and len(unit) >= 4:
            self._sps = unit
        elif kind == _PPS:
            self._pps = unit
        self._units.append(unit)

    def _finish(self) -> Picture | None:
        units, self._units = self._units, []
        whole = self._whole and not self._fragments
        self._whole, self._fragments = False, []
        kinds = {unit[0] & 0x1F for unit in units}
        key = _IDR in kinds
        if not kinds.intersection(_SLICES):
            return None  # parameter sets alone; the next picture brings them
        if not whole or (self.wants_key and not (key and self._sps and self._pps)):
            self._leave_out()
            return None
        if key:
            units = [*([] if _SPS in kinds else [self._sps]), *([] if _PPS in kinds else [self._pps]), *units]
        payload = b"".join([len(unit).to_bytes(4) + unit for unit in units])
        if not key:
            return Picture(self._timestamp, self._arrival, False, payload, 0, 0)
        try:
            width, height = picture_size(self._sps)
        except WireError:
            width = height = 0
        if not 0 < width * height <= MOST_PIXELS:
            self._leave_out()
            return None
        self.wants_key = False
        private = _configuration(self._sps, self._pps)
        return Picture(self._timestamp, self._arrival, True, payload, width, height, private)

    def _lose(self) -> None:
        self._whole = False
        self.wants_key = True
        self._units, self._fragments = [], []

    def _leave_out(self) -> None:
        self.dropped += 1
        self.wants_key = True


def _may_begin(payload: bytes) -> bool:
    """Whether a picture may begin here although the packet before is unknown: at parameter sets or an IDR slice."""
    kind = payload[0] & 0x1F
    if kind == _FU_A:
        return len(payload) > 1 and payload[1] & 0x9F == 0x80 | _IDR
    inner = payload[3] & 0x1F if kind == _STAP_A and len(payload) > 3 else kind
    return inner in (_SPS, _IDR)


def _configuration(sps: bytes, pps: bytes) -> bytes:
    """The AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1), lengths of four bytes."""
    record = b"\x01" + sps[1:4] + b"\xff\xe1" + len(sps).to_bytes(2) + sps
    return record + b"\x01" + len(pps).to_bytes(2) + pps
