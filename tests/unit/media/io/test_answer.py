"""Answers of real shapes are taken, everything that differs from the offer is refused with a reason."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from media.api import Slot
from media.errors import NegotiationError
from media.io.answer import Answer, parse_answer
from media.io.offer import new_identity

VECTORS = Path(__file__).parents[3] / "vectors" / "sdp"
CHROMIUM, FIREFOX, FIREFOX_153, SAFARI = (
    (VECTORS / f"{name}.sdp").read_bytes().decode()
    for name in ("chromium-156", "firefox-shaped", "firefox-153", "safari-shaped")
)
IDENTITY = new_identity()


def parse(text: str) -> Answer:
    return parse_answer(text, IDENTITY, 2_000_000)


def lines_of(text: str) -> list[str]:
    return text.split("\r\n")[:-1]


def joined(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"


def test_chromium_takes_everything() -> None:
    answer = parse(CHROMIUM)
    parameters = answer.parameters
    assert [slot.slot for slot in parameters.inbound] == [Slot.AUDIO, Slot.CAMERA]
    assert [slot.slot for slot in parameters.outbound] == [Slot.AUDIO, Slot.MAIN, Slot.SIDE, Slot.AUDIO_SIDE]
    camera = parameters.inbound[1]
    assert (camera.ssrc, camera.rtx_ssrc) == (1886761628, 574553550)
    assert camera.payload_types.red_video is None, "recorded before ULPFEC was offered for cameras"
    main = parameters.outbound[1]
    assert (main.ssrc, main.rtx_ssrc, main.flexfec_ssrc) == IDENTITY.ssrcs["2"]
    assert main.payload_types.flexfec == 101
    extensions = parameters.extensions
    assert (extensions.mid, extensions.audio_level, extensions.abs_send_time) == (1, 2, 3)
    assert (extensions.transport_cc, extensions.playout_delay) == (4, 5)
    assert parameters.nack
    assert parameters.pli
    assert parameters.transport_cc
    assert parameters.remb
    assert parameters.reduced_size_rtcp
    assert answer.ufrag == "8h9g"
    assert answer.fingerprints[0][0] == "sha-256"


def test_firefox_without_red_flexfec_and_audio_transport_cc() -> None:
    parameters = parse(FIREFOX).parameters
    assert parameters.inbound[0].payload_types.red_audio is None
    assert parameters.inbound[0].payload_types.opus == 111
    assert parameters.outbound[1].payload_types.flexfec is None
    assert parameters.outbound[1].flexfec_ssrc is None
    assert parameters.outbound[1].payload_types.ulpfec == 100
    assert parameters.extensions.transport_cc == 4, "video alone is enough"
    assert [slot.counted for slot in parameters.outbound] == [False, True, True, False]
    assert parameters.extensions.playout_delay is None
    assert parameters.transport_cc
    assert not parameters.reduced_size_rtcp


def test_firefox_153_as_it_answered() -> None:
    parameters = parse(FIREFOX_153).parameters
    assert parameters.inbound[0].payload_types.red_audio is None
    assert (parameters.inbound[1].ssrc, parameters.inbound[1].rtx_ssrc) == (891801245, 2244424157)
    assert parameters.inbound[1].payload_types.h264 is None, "it had no OpenH264 at hand"
    main = parameters.outbound[1].payload_types
    assert (main.vp8, main.red_video, main.ulpfec, main.flexfec) == (96, 98, 100, None)
    assert parameters.extensions.transport_cc == 4
    assert all(slot.counted for slot in parameters.outbound)
    assert parameters.extensions.playout_delay == 5, "taken for one direction: ours"
    assert parameters.transport_cc
    assert parameters.nack


def test_safari_prefers_h264_and_has_no_flexfec() -> None:
    parameters = parse(SAFARI).parameters
    camera = parameters.inbound[1].payload_types
    assert (camera.vp8, camera.h264) == (96, 102)
    assert parameters.outbound[1].payload_types.flexfec is None


def test_a_voice_only_answer() -> None:
    text = CHROMIUM.replace("a=sendonly", "a=inactive")
    assert [slot.slot for slot in parse(text).parameters.inbound] == [Slot.AUDIO]


def test_rejected_lines_have_no_slot() -> None:
    head, *media = CHROMIUM.split("m=")
    media[3] = "video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=inactive\r\n"
    text = "m=".join([head.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 4"), *media])
    assert Slot.SIDE not in [slot.slot for slot in parse(text).parameters.outbound]


def test_a_line_without_a_codec_for_pictures_is_as_good_as_rejected() -> None:
    parameters = parse(CHROMIUM.replace("SAVPF 96 97 102 103 101", "SAVPF 101")).parameters
    assert {slot.slot for slot in parameters.outbound} == {Slot.AUDIO, Slot.AUDIO_SIDE}
    assert len(parameters.inbound) == 2


def test_retransmission_of_a_refused_codec_is_not_used() -> None:
    text = CHROMIUM.replace("SAVPF 96 97 102 103", "SAVPF 97 102 103")
    payload_types = parse(text).parameters.inbound[1].payload_types
    assert (payload_types.vp8, payload_types.vp8_rtx, payload_types.h264) == (None, None, 102)


REFUSED = {
    "an m-line too few": (lambda s: s[: s.rindex("m=audio")], "5 m-lines"),
    "an m-line too many": (lambda s: s + s[s.rindex("m=audio") :], "5 m-lines"),
    "other kinds": (lambda s: s.replace("m=video", "m=audio", 1), "m-line 1 is video"),
    "other mids": (lambda s: s.replace("a=mid:2", "a=mid:7"), "comes back with"),
    "swapped mids": (lambda s: s.replace("a=mid:2", "a=mid:9").replace("a=mid:3", "a=mid:2"), "comes back with"),
    "a new payload type": (lambda s: s.replace("SAVPF 63 111", "SAVPF 63 111 8", 1), "'8' was not offered"),
    "another codec": (lambda s: s.replace("rtpmap:96 VP8", "rtpmap:96 VP9"), "VP8/90000 in the offer"),
    "no codec": (lambda s: s.replace("SAVPF 63 111", "SAVPF 63", 1), "no codec in common"),
    "a new extension": (lambda s: s.replace("a=extmap:1 ", "a=extmap:9 ", 1), "was not offered"),
    "another extension": (lambda s: s.replace("sdes:mid", "sdes:rid", 1), "was not offered"),
    "setup passive": (lambda s: s.replace("setup:active", "setup:passive"), "must be active"),
    "setup actpass": (lambda s: s.replace("setup:active", "setup:actpass"), "must be active"),
    "setup mixed": (lambda s: s.replace("setup:active", "setup:passive", 1), "differs between lines"),
    "no setup": (lambda s: s.replace("a=setup:active\r\n", ""), "a=setup is missing"),
    "no fingerprint": (lambda s: s.replace("a=fingerprint", "a=x"), "no a=fingerprint"),
    "only sha-1": (lambda s: s.replace("fingerprint:sha-256", "fingerprint:sha-1"), "no a=fingerprint"),
    "a short fingerprint": (lambda s: s.replace("fingerprint:sha-256 AB:", "fingerprint:sha-256 "), "malformed"),
    "two fingerprints": (lambda s: s.replace("sha-256 AB", "sha-256 AA", 1), "differs between lines"),
    "no ufrag": (lambda s: s.replace("a=ice-ufrag", "a=x"), "ice-ufrag is missing"),
    "a short password": (lambda s: s.replace("ice-pwd:MWMoYoc2qFsPQJwtqqkAjmnQ", "ice-pwd:short"), "malformed"),
    "a wrong direction": (lambda s: s.replace("a=sendonly", "a=sendrecv"), "offered recvonly"),
    "no direction": (lambda s: s.replace("a=sendonly\r\n", ""), "cannot be sendrecv"),
    "no multiplexing": (lambda s: s.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
    "out of the bundle": (lambda s: s.replace("BUNDLE 0 1 2 3 4", "BUNDLE 0 1 2 3"), "not in a=group:BUNDLE"),
    "no bundle": (lambda s: s.replace("a=group:BUNDLE 0 1 2 3 4\r\n", ""), "not in a=group:BUNDLE"),
    "plain RTP": (lambda s: s.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "SAVPF"),
    "everything rejected": (lambda s: s.replace(" 9 UDP", " 0 UDP"), "every m-line is rejected"),
    "1,000 candidates": (
        lambda s: s + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" * 1000,
        "lines|longer|candidates",
    ),
    "21 candidates": (lambda s: s + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n" * 21, "20 candidates"),
    "too long": (lambda s: s + "a=x:" + "y" * 16_384, "longer than"),
    "nine m-lines": (lambda s: s + "m=audio 9 X 0\r\n" * 4, "8 m-lines"),
    "not SDP": (lambda _: "hello", "begins with v=0"),
    "empty": (lambda _: "", "begins with v=0"),
    "a broken line": (lambda s: s.replace("a=rtcp-mux", "rtcp-mux", 1), "not a line"),
    "a short m-line": (lambda s: s.replace("m=audio 9 UDP/TLS/RTP/SAVPF 63 111", "m=audio 9", 1), "kind, port"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_differs_from_the_offer_is_refused_with_a_reason(name: str) -> None:
    change, reason = REFUSED[name]
    with pytest.raises(NegotiationError, match=reason):
        parse(change(CHROMIUM))


@given(st.data(), st.sampled_from([CHROMIUM, FIREFOX, FIREFOX_153, SAFARI]))
def test_damaged_answers_are_taken_or_refused_and_nothing_else(data: st.DataObject, text: str) -> None:
    lines = lines_of(text)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.integers(0, 3)):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[data.draw(st.integers(0, len(lines) - 1))])
            case 2:
                lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))] + data.draw(st.text(max_size=8))
            case _:
                lines[at] = data.draw(st.text(max_size=80))
    try:
        answer = parse(joined(lines))
    except NegotiationError:
        return
    assert answer.fingerprints
    assert all(slot.ssrc is None or 0 < slot.ssrc < 1 << 32 for slot in answer.parameters.inbound)


@given(st.text(max_size=400))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(NegotiationError):
        parse(text)
