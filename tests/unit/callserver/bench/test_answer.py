"""The synthetic page understands our offer, and negotiation understands its answer."""

import pytest

from callserver.bench import BenchError
from callserver.bench.answer import Sources, build_answer, read_offer
from media.io.candidates import Advertised
from media.io.ice import Credentials
from media.io.offer import OfferTerms, build_offer, new_identity

FINGERPRINT = ":".join(["AB"] * 32)


def offer() -> str:
    credentials = Credentials("ufrag123", "password90123456789012345")
    return build_offer(
        OfferTerms(
            new_identity(), 0, credentials, FINGERPRINT, Advertised(("127.0.0.1",), 7882, tcp=True), False, 2_500_000
        )
    )


def test_what_the_generator_needs_is_found_in_our_offer() -> None:
    facts = read_offer(offer())
    assert (facts.ufrag, facts.password, facts.address) == (
        "ufrag123",
        "password90123456789012345",
        ("127.0.0.1", 7882),
    )
    assert [section.mid for section in facts.sections] == ["0", "1", "2", "3", "4"]
    audio, camera, main, *_ = facts.sections
    assert (audio.sending, audio.receiving) == (True, True)
    assert (camera.sending, camera.receiving) == (False, True)
    assert (main.sending, main.receiving) == (True, False)
    assert audio.codecs["opus"] == 111
    assert camera.codecs["vp8"] == 96
    assert camera.codecs["rtx"] == 97, "the one of VP8"
    assert camera.extensions["abs-send-time"] == 3


def test_the_answer_takes_opus_vp8_and_its_retransmission() -> None:
    facts = read_offer(offer())
    answer = build_answer(facts, "page", "page-password", FINGERPRINT, Sources(11, 22, 33))
    sections = answer.split("m=")[1:]
    assert [section.split("\r\n")[0].split("SAVPF ")[1] for section in sections] == [
        "111",
        "96 97",
        "96 97",
        "96 97",
        "111",
    ]
    assert "a=sendonly" in sections[1]
    assert "a=recvonly" in sections[2]
    assert "a=ssrc-group:FID 22 33" in sections[1]
    assert all("a=setup:active" in section for section in sections)


@pytest.mark.parametrize("text", ["", "v=0", "a=ice-ufrag:x\r\na=ice-pwd:y"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(BenchError):
        read_offer(text)
