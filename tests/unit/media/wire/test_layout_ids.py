"""A page that refused an extension: its elements stand in the header all the same, and are nobody's."""

from media.wire.layout import LayoutIds, read_layout
from media.wire.rtp import RtpPacket, build_packet


def test_an_extension_that_was_not_agreed_has_no_place() -> None:
    packet = build_packet(RtpPacket(96, 1, 2, 3, False, b"payload", ((3, b"\x00\x01"), (2, b"abc"))))
    layout = read_layout(memoryview(bytearray(packet)), 0, len(packet), LayoutIds(transport_cc=3))
    assert packet[layout.transport_cc : layout.transport_cc + 2] == b"\x00\x01"
    assert (layout.mid, layout.audio_level, layout.abs_send_time) == (0, 0, 0)
