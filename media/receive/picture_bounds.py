"""Which missing numbers hold nothing of a picture: those between the end of one and the start of the next.

A browser's parity travels in the numbering of its pictures and is never sent again (libwebrtc stores none of it), so
that asking for it is in vain, and giving it up is no reason for a key frame.
"""

MAX_PICTURES = 32
"""A second of them; ids of seven bits mean another picture after four."""
MAX_BETWEEN = 64


class PictureBounds:
    """One stream of pictures with ids (RFC 7741 §4.2)."""

    __slots__ = ("_ends", "_starts")

    def __init__(self) -> None:
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}

    def start(self, picture_id: int, id_bits: int, extended: int) -> range:
        """A picture's first packet; the numbers between it and the end of the picture before hold nothing."""
        _remember(self._starts, picture_id, extended)
        return _between(self._ends.get((picture_id - 1) % (1 << id_bits)), extended)

    def end(self, picture_id: int, id_bits: int, extended: int) -> range:
        """A picture's last packet; the numbers between it and the start of the next picture hold nothing."""
        _remember(self._ends, picture_id, extended)
        start = self._starts.get((picture_id + 1) % (1 << id_bits))
        return range(0) if start is None else _between(extended, start)


def _remember(bounds: dict[int, int], picture_id: int, extended: int) -> None:
    bounds.pop(picture_id, None)
    bounds[picture_id] = extended
    if len(bounds) > MAX_PICTURES:
        del bounds[next(iter(bounds))]


def _between(end: int | None, start: int) -> range:
    return range(end + 1, start) if end is not None and end < start <= end + MAX_BETWEEN else range(0)
