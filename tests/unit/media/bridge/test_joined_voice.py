"""Voice whose frames are joined for a narrow leg: none is lost, whatever the encoder does between them."""

from itertools import pairwise

from hypothesis import given, strategies as st

from media.wire.opus import join
from media.wire.rtp import RtpPacket, build_packet, parse_packet
from tests.unit.media.bridge.test_leg import Recorder, buffer, joined

WIDE, NARROW, TWO_FRAMES = 0x78, 0x48, 0x4B
"""Configurations of 20 ms each; the last has a count of its own and is joined with nothing."""


def frames_of(payload: bytes) -> int:
    """20 ms frames in what was sent: as many as joined, or one."""
    return payload[1] & 0x3F if payload[0] & 3 == 3 and payload[1] & 0x80 else 1


def heard(second: Recorder) -> list[tuple[int, int]]:
    """(first timestamp, frames) of each packet that left."""
    return [
        (packet.timestamp, frames_of(packet.payload)) for data in second.rtp if (packet := parse_packet(data)).payload
    ]


def speak(tocs: list[int], frames: int) -> Recorder:
    _, one, two, _, second = joined()
    next(track for track in two.outbound.values() if not track.is_video).protect((), frames)
    for number, toc in enumerate(tocs):
        payload = bytes((toc, 7, number % 256))
        packet = RtpPacket(111, number, number * 960, 1001, False, payload, ((3, b"\x00\x01"), (4, b"0")))
        one.receive_rtp(buffer(build_packet(packet)), number / 50)
    return second


def test_frames_of_one_kind_leave_together() -> None:
    assert [count for _, count in heard(speak([WIDE] * 9, 3))] == [3, 3, 3]
    assert [count for _, count in heard(speak([WIDE] * 9, 1))] == [1] * 9


def test_a_frame_that_cannot_be_joined_takes_none_with_it() -> None:
    packets = heard(speak([WIDE, NARROW, NARROW, TWO_FRAMES, WIDE, WIDE, NARROW, WIDE, WIDE], 2))
    assert sum(count for _, count in packets) == 9
    assert [(after - before) // 960 for (before, _), (after, _) in pairwise(packets)] == [
        count for _, count in packets[:-1]
    ]


@given(st.lists(st.sampled_from([WIDE, WIDE, WIDE, NARROW, TWO_FRAMES]), min_size=4, max_size=60), st.integers(1, 3))
def test_all_but_what_still_waits_has_left(tocs: list[int], frames: int) -> None:
    assert len(tocs) - sum(count for _, count in heard(speak(tocs, frames))) < max(frames, 2)


def test_joined_packets_stay_small() -> None:
    assert len(join([bytes((WIDE,)) + bytes(359)] * 3)) < 1_100
