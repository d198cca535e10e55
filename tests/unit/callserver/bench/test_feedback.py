"""A synthetic page reports what arrived as a browser would."""

from callserver.bench.feedback import Reception
from media.wire import rtcp
from media.wire.rtp import RtpPacket, build_packet
from media.wire.transport_cc import parse_transport_feedback

CC = 4
TAG = CC << 4 | 1
START = 1_700_000_000_000_000_000


def packet(sequence: int, transport: int | None, ssrc: int = 7) -> memoryview:
    extensions = ((3, b"abc"),) if transport is None else ((3, b"abc"), (CC, transport.to_bytes(2)))
    return memoryview(build_packet(RtpPacket(96, sequence & 0xFFFF, 0, ssrc, False, b"x" * 10, extensions)))


def test_arrivals_are_told_with_their_gaps_over_the_wrap() -> None:
    reception = Reception(1)
    for number, transport in enumerate((0xFFFE, 0xFFFF, 1)):
        reception.record(packet(number, transport), 0, 96, TAG, START + number * 10_000_000)
    data = reception.transport_feedback()
    assert data is not None
    feedback = parse_transport_feedback(next(rtcp.split_compound(data)))
    assert feedback.base_sequence == 0xFFFE
    assert feedback.deltas[1:] == (40, None, 40)
    assert reception.transport_feedback() is None, "each arrival is told once"


def test_a_packet_without_the_extension_is_not_told() -> None:
    reception = Reception(1)
    reception.record(packet(1, None), 0, 96, TAG, START)
    assert reception.transport_feedback() is None


def test_report_blocks_count_cycles_and_answer_sender_reports() -> None:
    reception = Reception(1)
    for sequence in (0xFFFF, 0, 1):
        reception.record(packet(sequence, None), 0, 96, TAG, START)
    reception.sender_report(rtcp.SenderReport(7, 0x1122_3344_5566_7788, 0, 0, 0), START)
    (block,) = reception.report_blocks(START + 500_000_000)
    assert block.highest_sequence == 0x10001
    assert block.last_sender_report == 0x3344_5566
    assert block.delay_since_last == 32768


def test_a_new_source_on_the_same_payload_type_begins_anew() -> None:
    reception = Reception(1)
    reception.record(packet(500, None, ssrc=7), 0, 96, TAG, START)
    reception.record(packet(3, None, ssrc=8), 0, 96, TAG, START)
    (block,) = reception.report_blocks(START)
    assert (block.ssrc, block.highest_sequence) == (8, 3)


def test_what_is_lost_is_told_in_feedback_and_reports() -> None:
    reception = Reception(1)
    for number in range(100):
        if number % 10 == 3 or number == 50:  # the first after a feedback, too
            reception.lose(7, 96)
        else:
            reception.record(packet(number, number), 0, 96, TAG, START + number * 1_000_000)
        if number == 49:
            assert reception.transport_feedback() is not None
    data = reception.transport_feedback()
    assert data is not None
    feedback = parse_transport_feedback(next(rtcp.split_compound(data)))
    assert feedback.base_sequence == 50
    assert [index for index, delta in enumerate(feedback.deltas) if delta is None] == [0, 3, 13, 23, 33, 43]
    (block,) = reception.report_blocks(START)
    assert (block.cumulative_lost, block.fraction_lost) == (11, 11 * 256 // 99)
    (block,) = reception.report_blocks(START)
    assert (block.cumulative_lost, block.fraction_lost) == (11, 0)
