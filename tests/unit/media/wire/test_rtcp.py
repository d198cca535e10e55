"""RTCP compounds, reports and feedback: known bytes, round trips, and nothing but WireError for the rest."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from media.errors import WireError
from media.wire import rtcp, rtcp_feedback as feedback, transport_cc as tcc

words = st.integers(0, 0xFFFFFFFF)
blocks = st.lists(
    st.builds(
        rtcp.ReportBlock, words, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), words, words, words, words
    ),
    max_size=31,
).map(tuple)


def only(data: bytes) -> rtcp.RawRtcp:
    (raw,) = rtcp.split_compound(data)
    return raw


@given(st.builds(rtcp.SenderReport, words, st.integers(0, 2**64 - 1), words, words, words, blocks))
def test_sender_reports_survive(report: rtcp.SenderReport) -> None:
    assert rtcp.parse_sender_report(only(rtcp.build_sender_report(report))) == report


@given(st.builds(rtcp.ReceiverReport, words, blocks))
def test_receiver_reports_survive(report: rtcp.ReceiverReport) -> None:
    assert rtcp.parse_receiver_report(only(rtcp.build_receiver_report(report))) == report


@given(st.lists(st.tuples(words, st.binary(max_size=40)), max_size=5).map(tuple))
def test_names_survive(names: tuple[tuple[int, bytes], ...]) -> None:
    description = rtcp.SourceDescription(names)
    assert rtcp.parse_source_description(only(rtcp.build_source_description(description))) == description


@given(st.lists(words, max_size=31).map(tuple))
def test_goodbyes_survive(ssrcs: tuple[int, ...]) -> None:
    assert rtcp.parse_goodbye(only(rtcp.build_goodbye(rtcp.Goodbye(ssrcs)))).ssrcs == ssrcs


def test_a_report_of_known_bytes() -> None:
    data = bytes.fromhex(
        "81c8000c 00000001 e000000080000000 00000064 00000002 00000003"
        "0000000a 40ffffff 00010005 00000007 0000beef 00010000".replace(" ", "")
    )
    report = rtcp.parse_sender_report(only(data))
    assert report.ntp_time == 0xE0000000_80000000
    assert report.blocks == (rtcp.ReportBlock(10, 64, -1, 0x10005, 7, 0xBEEF, 0x10000),)
    assert rtcp.build_sender_report(report) == data


def test_a_name_with_other_items_around_it() -> None:
    data = bytes.fromhex("81ca0004 00000005 0203616263 010178 00 00000000".replace(" ", ""))
    assert rtcp.parse_source_description(only(data[:4] + data[4:20])).names == ((5, b"x"),)


def test_a_compound_is_split_and_its_padding_removed() -> None:
    padded = bytes.fromhex("a1cb0002 00000009 00000004".replace(" ", ""))
    pieces = list(rtcp.split_compound(rtcp.build_receiver_report(rtcp.ReceiverReport(1)) + padded))
    assert [piece.packet_type for piece in pieces] == [rtcp.RECEIVER_REPORT, rtcp.GOODBYE]
    assert rtcp.parse_goodbye(pieces[1]).ssrcs == (9,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\xc9\x00",
        bytes.fromhex("40c90001 00000001".replace(" ", "")),
        bytes.fromhex("80090001 00000001".replace(" ", "")),
        bytes.fromhex("80c90002 00000001".replace(" ", "")),
        bytes.fromhex("a0c90001 00000005".replace(" ", "")),
        bytes.fromhex("a0c90001 00000000".replace(" ", "")),
        bytes.fromhex("80c90000".replace(" ", "")) * 65,
        bytes(rtcp.MAX_RTCP_BYTES + 4),
    ],
)
def test_broken_compounds_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        list(rtcp.split_compound(data))


@pytest.mark.parametrize("build", [lambda: rtcp.build_rtcp(200, 1, b"abc"), lambda: rtcp.build_rtcp(200, 32, b"")])
def test_packets_that_do_not_fit_are_not_built(build: Callable[[], bytes]) -> None:
    with pytest.raises(WireError):
        build()


def test_rtcp_is_told_from_rtp_by_its_second_byte() -> None:
    assert rtcp.is_rtcp(b"\x80\xc8")
    assert not rtcp.is_rtcp(b"\x80\x6f")
    assert not rtcp.is_rtcp(b"\x80\xef")
    assert not rtcp.is_rtcp(b"\x80")


@given(words, words, st.sets(st.integers(0, 2000), min_size=1, max_size=200), st.integers(0, 0xFFFF))
def test_nacked_numbers_survive(sender: int, media: int, offsets: set[int], first: int) -> None:
    numbers = [(first + offset) & 0xFFFF for offset in sorted(offsets)]
    try:
        data = feedback.build_nack(sender, media, numbers)
    except WireError:
        assert len(numbers) > feedback.MAX_NACK_ENTRIES
        return
    assert feedback.parse_nack(only(data)) == feedback.GenericNack(sender, media, tuple(numbers))


def test_a_nack_of_known_bytes() -> None:
    data = bytes.fromhex("81cd0003 00000001 00000002 fffe8003".replace(" ", ""))
    assert feedback.parse_nack(only(data)).sequence_numbers == (0xFFFE, 0xFFFF, 0, 14)
    assert feedback.build_nack(1, 2, (0xFFFE, 0xFFFF, 0, 14)) == data


@given(words, words, st.lists(st.tuples(words, st.integers(0, 255)), min_size=1, max_size=9))
def test_key_frame_requests_survive(sender: int, media: int, requests: list[tuple[int, int]]) -> None:
    assert feedback.parse_pli(only(feedback.build_pli(sender, media))) == (sender, media)
    assert feedback.parse_fir(only(feedback.build_fir(sender, requests))) == (sender, tuple(requests))


@given(words, st.integers(0, 2**80), st.lists(words, max_size=8).map(tuple))
def test_an_estimate_survives_to_18_bits(sender: int, bitrate: int, ssrcs: tuple[int, ...]) -> None:
    try:
        data = feedback.build_remb(feedback.ReceiverEstimate(sender, bitrate, ssrcs))
    except WireError:
        assert bitrate >= 2**81 - 2**62
        return
    value = feedback.parse_remb(only(data))
    assert (value.sender_ssrc, value.ssrcs) == (sender, ssrcs)
    assert 0 <= bitrate - value.bitrate_bps <= bitrate / 2**17


def test_an_estimate_of_known_bytes() -> None:
    # 1,000,000 bit/s as libwebrtc writes it: exponent 2, mantissa 250000.
    data = bytes.fromhex("8fce0005 00000001 00000000 52454d42 010bd090 00000007".replace(" ", ""))
    assert feedback.parse_remb(only(data)) == feedback.ReceiverEstimate(1, 1_000_000, (7,))
    assert feedback.build_remb(feedback.ReceiverEstimate(1, 1_000_000, (7,))) == data


deltas = st.lists(st.one_of(st.none(), st.integers(0, 255), st.integers(-32768, 32767)), min_size=1, max_size=300)


@given(words, words, st.integers(0, 0xFFFF), st.integers(-(2**23), 2**23 - 1), st.integers(0, 255), deltas.map(tuple))
def test_arrivals_survive(
    sender: int, media: int, base: int, reference: int, number: int, values: tuple[int | None, ...]
) -> None:
    value = tcc.TransportFeedback(sender, media, base, reference, number, values)
    data = tcc.build_transport_feedback(value)
    assert len(data) % 4 == 0
    if len(data) <= rtcp.MAX_RTCP_BYTES:
        assert tcc.parse_transport_feedback(only(data)) == value


@pytest.mark.parametrize(
    ("hexadecimal", "deltas"),
    [
        # draft §3.1.3: a run of six small deltas
        ("8fcd0006 00000001 00000002 00640006 00000100 2006 010203040506", (1, 2, 3, 4, 5, 6)),
        # §3.1.4: one-bit vector 1 0 1
        ("8fcd0005 00000001 00000002 00640003 00000100 a800 0102", (1, None, 2)),
        # §3.1.4: two-bit vector small, large, lost, small; then padding
        ("afcd0006 00000001 00000002 00640004 00000100 d840 01ff0002 0002", (1, -256, None, 2)),
    ],
)
def test_arrivals_of_known_bytes(hexadecimal: str, deltas: tuple[int | None, ...]) -> None:
    value = tcc.parse_transport_feedback(only(bytes.fromhex(hexadecimal.replace(" ", ""))))
    assert (value.base_sequence, value.reference_time, value.feedback_count) == (100, 1, 0)
    assert value.deltas == deltas


READERS: list[Callable[[rtcp.RawRtcp], object]] = [
    rtcp.parse_sender_report,
    rtcp.parse_receiver_report,
    rtcp.parse_source_description,
    rtcp.parse_goodbye,
    feedback.parse_nack,
    feedback.parse_pli,
    feedback.parse_fir,
    feedback.parse_remb,
    tcc.parse_transport_feedback,
]


@given(st.binary(max_size=120), st.integers(0, 31), st.booleans())
def test_any_body_is_a_value_or_a_wire_error(body: bytes, count: int, remb: bool) -> None:
    if remb:
        body = bytes(8) + b"REMB" + body
    for read in READERS:
        try:
            read(rtcp.RawRtcp(200, count, body))
        except WireError:
            continue


@given(st.binary(max_size=200))
def test_any_bytes_are_a_compound_or_a_wire_error(data: bytes) -> None:
    try:
        pieces = list(rtcp.split_compound(data))
    except WireError:
        return
    assert sum(len(piece.body) + 4 for piece in pieces) <= len(data)


def test_feedback_about_too_many_packets_is_refused() -> None:
    body = bytes(8) + bytes.fromhex("0000ffff00000000") + b"\x1f\xff" * 9
    with pytest.raises(WireError):
        tcc.parse_transport_feedback(rtcp.RawRtcp(205, 15, body))
    with pytest.raises(WireError):
        tcc.build_transport_feedback(tcc.TransportFeedback(1, 1, 0, 0, 0, (None,) * 5000))
    with pytest.raises(WireError):
        tcc.build_transport_feedback(tcc.TransportFeedback(1, 1, 0, 0, 0, (40000,)))
