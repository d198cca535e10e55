"""Whole pictures out of packets in order: what a picture must be to go into a recording.

A picture that refers to one that is missing would decode to garbage, so after a loss pictures are left out until the
next that stands on its own, or on pictures that are there.
"""

from typing import NamedTuple, Protocol

from media.recording.sequencer import Numbered

MOST_PICTURE_BYTES = 4 << 20
MOST_PIXELS = 4096 * 2304
"""A picture that claims more is a bomb for whoever decodes it."""


class Picture(NamedTuple):
    """One encoded picture."""

    timestamp: int
    arrival: float
    """Of its first packet."""
    key: bool
    payload: bytes
    width: int
    """0 unless it is a key picture."""
    height: int
    private: bytes = b""
    """With a key picture: the codec's set-up as Matroska wants it (H264: the AVC configuration record)."""


class PictureBuilder(Protocol):
    """Packets of one stream in, whole decodable pictures out."""

    wants_key: bool
    """Nothing can be kept until a key picture comes."""
    dropped: int
    """Pictures that were left out."""

    def add(self, packet: Numbered) -> Picture | None:
        """Take the next packet, give the picture it completed."""

    def forget(self) -> None:
        """What comes now may not refer to what came before: wait for a key picture."""
