"""Thinning out a source's pictures for one leg that cannot carry all of them: its upper temporal layers are left out.

Nobody else's pictures change and no key frame is needed. Layers go at once and come back where a picture says that it
needs nothing but the base (RFC 7741 §4.2, Y). Picture ids close up like sequence numbers: receivers wait for what is
missing between a picture and the one it refers to (libwebrtc, RtpVp8RefFinder).
"""

from media.wire.vp8_layers import LONG_PICTURE_ID, Layer

TOP = 3
"""Layer numbers have two bits."""
_REMEMBERED = 128
"""Pictures whose packets may come late."""
_WINDOW, _FIRST_WINDOW = 1.0, 0.3
"""Seconds over which the layers' rates are taken; the first is short because the leg is short now."""
KEEP, GROW = 1.2, 1.0
"""A layer goes when what is sent with it is so many times what fits, and comes back when it fits. An encoder that was
told the very rate that fits makes now a little more, now a little less: the pacer has room for that."""


class Thinning:
    """One per outbound track that is short, until a key frame finds it is not any more."""

    def __init__(self, now: float) -> None:
        self.wanted = TOP
        """The highest layer that should be sent."""
        self.highest = TOP
        """The highest layer that is sent."""
        self.layered = False
        """The source has layers at all."""
        self._left_out = 0
        self._fates: dict[int, int | None] = {}
        """Picture id -> the one it leaves with, None for a picture that is left out."""
        self._newest: int | None = None
        self._octets = [0] * (TOP + 1)
        self._counted_at = now
        self._rates: list[float] | None = None

    def choose(self, bps: float, pressed: bool, now: float) -> None:
        """Decide how much of the source fits `bps`; `pressed`: what was sent waits already, so only the base does."""
        if now - self._counted_at >= (_WINDOW if self._rates else _FIRST_WINDOW):
            elapsed = now - self._counted_at
            self._rates = [8 * octets / elapsed for octets in self._octets]
            self._octets = [0] * (TOP + 1)
            self._counted_at = now
        if pressed:
            self.wanted = 0
        elif self._rates is not None:
            total, wanted = self._rates[0], 0
            for number in range(1, TOP + 1):
                total += self._rates[number]
                if total > bps * (GROW if number > self.wanted else KEEP):
                    break
                wanted = number
            self.wanted = wanted
        self.highest = min(self.highest, self.wanted)

    def begin(self) -> bool:
        """A key frame: everything that is wanted may follow. False if that is everything there is."""
        self.highest = self.wanted
        return self.wanted < TOP

    def take(self, layer: Layer, size_bytes: int) -> int | None:
        """The picture id with which a packet of this layer leaves, None if it does not."""
        self.layered = True
        self._octets[layer.number] += size_bytes
        known = layer.picture_id in self._fates
        if not known:
            self._decide(layer)
        return self._fates.get(layer.picture_id)

    def _decide(self, layer: Layer) -> None:
        """A picture begins, or one that was lost comes late: what follows that has its id, so it leaves in any case."""
        ahead = 0 if self._newest is None else (layer.picture_id - self._newest) % LONG_PICTURE_ID
        if ahead > LONG_PICTURE_ID // 2:
            self._fates[layer.picture_id] = self._late_id(layer.picture_id)
        else:
            self._newest = layer.picture_id
            if self.highest < layer.number <= self.wanted and layer.sync:
                self.highest = layer.number
            leaves = layer.number <= self.highest
            self._left_out += not leaves
            self._fates[layer.picture_id] = (layer.picture_id - self._left_out) % LONG_PICTURE_ID if leaves else None
        if len(self._fates) > _REMEMBERED:
            del self._fates[next(iter(self._fates))]

    def _late_id(self, picture_id: int) -> int:
        """The id that was kept free for a picture: as far behind the newest as pictures between them left."""
        assert self._newest is not None
        out = self._newest - self._left_out
        between = (self._newest - picture_id) % LONG_PICTURE_ID
        out -= between
        for step in range(min(between, _REMEMBERED)):
            later = (self._newest - step) % LONG_PICTURE_ID
            out += later in self._fates and self._fates[later] is None
        return out % LONG_PICTURE_ID
