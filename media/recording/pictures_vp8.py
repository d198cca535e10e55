"""VP8 pictures out of RTP packets (RFC 7741), and which of them can be decoded after a loss."""

from media.errors import WireError
from media.recording.pictures import MOST_PICTURE_BYTES, MOST_PIXELS, Picture
from media.recording.sequencer import Numbered
from media.wire.vp8 import Vp8Descriptor, descriptor_bytes, parse_descriptor

_START_CODE = b"\x9d\x01\x2a"


class Vp8Pictures:
    """One VP8 stream."""

    def __init__(self) -> None:
        self.wants_key = True
        self.dropped = 0
        self._next = -1
        self._parts: list[bytes] = []
        self._bytes = 0
        self._timestamp = -1
        self._arrival = 0.0
        self._whole = False
        """The picture that is being built has had all its packets so far."""
        self._loss = True
        """Something is missing between the last picture that was kept and this one."""
        self._descriptor: Vp8Descriptor | None = None
        self._picture_id: int | None = None
        self._base_index: int | None = None
        self._layers = 0
        """The highest temporal layer whose pictures have all they refer to."""

    def add(self, packet: Numbered) -> Picture | None:
        """Take the next packet, give the picture it completed."""
        number, timestamp, arrival, marker, payload = packet
        if number != self._next:
            self._loss = True
            self._whole = False
        self._next = number + 1
        if not payload:
            return None  # padding: a probe of the sender's
        if timestamp != self._timestamp:
            self._begin(timestamp, arrival, payload)
        if not self._whole:
            return None
        size = descriptor_bytes(payload)
        self._bytes += len(payload) - size
        if size >= len(payload) or self._bytes > MOST_PICTURE_BYTES:
            self._whole = False
            return None
        self._parts.append(payload[size:])
        return self._finish() if marker else None

    def forget(self) -> None:
        """What comes now may not refer to what came before: wait for a key picture."""
        self.wants_key = True
        self._whole = False
        self._parts = []

    def _begin(self, timestamp: int, arrival: float, payload: bytes) -> None:
        if self._parts:  # the picture before never ended
            self._leave_out()
        self._timestamp = timestamp
        self._arrival = arrival
        self._parts = []
        self._bytes = 0
        self._whole = payload[0] & 0x17 == 0x10
        if self._whole:
            try:
                self._descriptor = parse_descriptor(payload, 0, len(payload))
            except WireError:
                self._whole = False
        if not self._whole:
            self._leave_out()

    def _finish(self) -> Picture | None:
        payload = b"".join(self._parts)
        self._parts = []
        self._whole = False
        key = not payload[0] & 1
        width = height = 0
        if key:
            width, height = _dimensions(payload)
            if not 0 < width * height <= MOST_PIXELS:
                self._leave_out()
                return None
        if not self._decodable(key):
            self._leave_out()
            return None
        self._loss = False
        return Picture(self._timestamp, self._arrival, key, payload, width, height)

    def _leave_out(self) -> None:
        self.dropped += 1
        self._loss = True
        self._parts = []

    def _decodable(self, key: bool) -> bool:
        """Whether everything the picture refers to was kept; notes it as the last one if so."""
        descriptor = self._descriptor
        assert descriptor is not None
        layer = descriptor.temporal_layer or 0
        base = descriptor.temporal_level_zero_index
        if key:
            self.wants_key = False
            self._layers = 3
        elif self.wants_key:
            return False
        elif self._loss and not self._follows(descriptor):
            if not self._base_follows(layer, base):
                self.wants_key = True
                return False
            self._layers = 0
        if layer > self._layers:
            if not descriptor.layer_sync or base != self._base_index:
                return False
            self._layers = layer
        self._picture_id = descriptor.picture_id
        if base is not None and layer == 0:
            self._base_index = base
        elif key:
            self._base_index = None
        return True

    def _follows(self, descriptor: Vp8Descriptor) -> bool:
        """Whether by its picture ID nothing lies between it and the last: what was lost was padding."""
        if descriptor.picture_id is None or self._picture_id is None:
            return False
        mask = (1 << (descriptor.picture_id_bits or 15)) - 1
        return (descriptor.picture_id - self._picture_id) & mask == 1

    def _base_follows(self, layer: int, base: int | None) -> bool:
        """Whether only pictures of upper temporal layers were lost (RFC 7741 §4.2, TL0PICIDX)."""
        if base is None or self._base_index is None:
            return False
        return (base - self._base_index) & 0xFF == (1 if layer == 0 else 0)


def _dimensions(payload: bytes) -> tuple[int, int]:
    """Width and height of a key picture (RFC 6386 §9.1); zeros if it is none."""
    if len(payload) < 10 or payload[3:6] != _START_CODE:
        return 0, 0
    return int.from_bytes(payload[6:8], "little") & 0x3FFF, int.from_bytes(payload[8:10], "little") & 0x3FFF
