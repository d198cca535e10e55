"""The fixed offer: five lines, one way each for video, everything tied to one transport."""

from aiortc.sdp import SessionDescription

from media.api import Kind
from media.io.candidates import Advertised, own_addresses
from media.io.ice import new_credentials
from media.io.offer import LINES, OfferTerms, build_offer, new_identity
from media.io.sdp import MAX_BYTES, parse_description

ADVERTISED = Advertised(("192.0.2.7", "2001:db8::7"), 7882, True)


def terms(**changes: object) -> OfferTerms:
    made = OfferTerms(new_identity(), 0, new_credentials(), "AA:" * 31 + "AA", ADVERTISED, False, 2_500_000)
    return made._replace(**changes)


def test_the_lines_are_fixed() -> None:
    offer = parse_description(build_offer(terms()))
    assert [(m.kind, m.first("mid")) for m in offer.media] == [
        ("audio", "0"),
        ("video", "1"),
        ("video", "2"),
        ("video", "3"),
        ("audio", "4"),
    ]
    assert [m.payload_types[0] for m in offer.media] == ["63", "96", "96", "96", "63"], (
        "RED first makes browsers send it"
    )
    directions = [next(n for n, _ in m.attributes if n in ("sendrecv", "sendonly", "recvonly")) for m in offer.media]
    assert directions == ["sendrecv", "recvonly", "sendonly", "sendonly", "sendonly"]


def test_another_parser_understands_the_offer() -> None:
    parsed = SessionDescription.parse(build_offer(terms()))
    assert parsed.group[0].items == ["0", "1", "2", "3", "4"]
    assert all(media.ice.iceLite for media in parsed.media)
    assert {media.dtls.role for media in parsed.media} == {"auto"}
    main = parsed.media[2]
    assert [codec.name for codec in main.rtp.codecs] == [
        "VP8", "rtx", "H264", "rtx", "flexfec-03", "red", "rtx", "ulpfec"
    ]  # fmt: skip
    assert {group.semantic for group in main.ssrc_group} == {"FID", "FEC-FR"}


def test_udp_comes_before_tcp_and_every_address_is_named() -> None:
    candidates = parse_description(build_offer(terms())).media[0].values("candidate")
    words = [candidate.split() for candidate in candidates]
    assert [(w[2], w[4], w[5]) for w in words] == [
        ("udp", "192.0.2.7", "7882"),
        ("udp", "2001:db8::7", "7882"),
        ("tcp", "192.0.2.7", "7882"),
        ("tcp", "2001:db8::7", "7882"),
    ]
    priorities = [int(w[3]) for w in words]
    assert priorities == sorted(priorities, reverse=True)
    assert all(candidate.endswith("tcptype passive") for candidate in candidates[2:])


def test_every_restart_outranks_the_offer_before_it_and_no_browser_or_relay_is_in_between() -> None:
    def types(generation: int) -> tuple[int, int]:
        """Type preferences of UDP and TCP (RFC 8445 §5.1.2.1)."""
        candidates = parse_description(build_offer(terms(generation=generation))).media[0].values("candidate")
        found = {words[2]: int(words[3]) >> 24 for words in map(str.split, candidates)}
        return found["udp"], found["tcp"]

    for generation in range(20):
        udp, tcp = types(generation)
        assert 2 < tcp < udp < types(generation + 1)[1]
    assert types(1_000)[0] < 90, "else a page's own TCP priority decides"


def test_sources_differ_and_stay_through_a_restart() -> None:
    identity = new_identity()
    numbers = [ssrc for trio in identity.ssrcs.values() for ssrc in trio]
    assert len(set(numbers)) == len(numbers) == 3 * sum(line.direction != "recvonly" for line in LINES)
    first = build_offer(terms(identity=identity))
    again = build_offer(terms(identity=identity, generation=1))
    assert [line for line in first.splitlines() if line.startswith("a=ssrc")] == [
        line for line in again.splitlines() if line.startswith("a=ssrc")
    ]
    origin, later = first.splitlines()[1].split(), again.splitlines()[1].split()
    assert origin[1] == later[1]
    assert int(later[2]) == int(origin[2]) + 1


def test_switches() -> None:
    assert "usedtx=1" not in build_offer(terms())
    assert "useinbandfec=1;usedtx=1" in build_offer(terms(dtx=True))
    assert "b=AS:800\r\n" in build_offer(terms(max_video_bps=800_000))
    assert "tcptype" not in build_offer(terms(advertised=ADVERTISED._replace(tcp=False)))


def test_an_offer_with_many_addresses_stays_below_the_limit_of_answers() -> None:
    many = Advertised(tuple(f"2001:db8::{i}" for i in range(8)), 7882, True)
    assert len(build_offer(terms(advertised=many))) < MAX_BYTES


def test_this_machine_has_an_address() -> None:
    assert own_addresses(ipv6=True)
    assert not any(":" in address for address in own_addresses(ipv6=False))


def test_kinds_follow_the_slots() -> None:
    assert [line.kind for line in LINES if "audio" in line.slot] == [Kind.AUDIO, Kind.AUDIO]
